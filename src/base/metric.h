/* metric: histograms that a thread fills while others read, and the text form of Prometheus. A
 * counter needs nothing of its own: an atomic that one thread raises. */
#pragma once

#include "base/buf.h"

#include <stdatomic.h>

/* Upper bounds are 62.5 µs and each the double of the one before, up to 8.192 s: those of etcd for
 * its log, and four more below. */
#define HISTOGRAM_BOUNDS 18

struct histogram {
    _Atomic uint64_t n[HISTOGRAM_BOUNDS + 1]; /* last: beyond all bounds */
    _Atomic uint64_t sum_ns;
};

/* The histogram's one writer. */
void histogram_note(struct histogram *h, uint64_t ns);
/* TO becomes the sum of TO and FROM; TO is the caller's alone. */
void histogram_add(struct histogram *to, const struct histogram *from);

/* Raises a counter that only this thread writes; without a bus lock. */
static inline void metric_count(_Atomic uint64_t *counter, uint64_t by)
{
    uint64_t n = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, n + by, memory_order_relaxed);
}

static inline uint64_t metric_get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* What comes before the samples of one name; TYPE is counter, gauge or histogram. */
void metric_head(struct buf *b, const char *name, const char *type, const char *help);
/* The label NAME="ID", ID in hexadecimal; NAME has up to 32 bytes. Gives LABEL. */
#define METRIC_LABEL_BYTES 64
const char *metric_label_id(char label[METRIC_LABEL_BYTES], const char *name, uint64_t id);
/* One sample; LABELS as in a="b",c="d", or NULL. */
void metric_u64(struct buf *b, const char *name, const char *labels, uint64_t value);
void metric_seconds(struct buf *b, const char *name, const char *labels, uint64_t ns);
void metric_histogram(struct buf *b, const char *name, const char *labels,
                      const struct histogram *h);
/* Head and the only sample. */
void metric_counter(struct buf *b, const char *name, const char *help, uint64_t value);
void metric_gauge(struct buf *b, const char *name, const char *help, uint64_t value);
