#include "base/metric.h"

#include <inttypes.h>
#include <stdio.h>

#define NS_A_SECOND UINT64_C(1000000000)
#define BOUND_NS    UINT64_C(62500) /* the first */

/* In the shortest form, as Prometheus' own libraries write them. */
static const char *const bounds[] = {"6.25e-05", "0.000125", "0.00025", "0.0005", "0.001", "0.002",
                                     "0.004",    "0.008",    "0.016",   "0.032",  "0.064", "0.128",
                                     "0.256",    "0.512",    "1.024",   "2.048",  "4.096", "8.192"};

_Static_assert(CP_COUNT(bounds) == HISTOGRAM_BOUNDS, "a text for each bound");

void histogram_note(struct histogram *h, uint64_t ns)
{
    unsigned i = 0;
    while (i < HISTOGRAM_BOUNDS && ns > BOUND_NS << i)
        i++;
    metric_count(&h->n[i], 1);
    metric_count(&h->sum_ns, ns);
}

void histogram_add(struct histogram *to, const struct histogram *from)
{
    for (unsigned i = 0; i <= HISTOGRAM_BOUNDS; i++)
        metric_count(&to->n[i], metric_get(&from->n[i]));
    metric_count(&to->sum_ns, metric_get(&from->sum_ns));
}

void metric_head(struct buf *b, const char *name, const char *type, const char *help)
{
    buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_name(struct buf *b, const char *name, const char *suffix, const char *labels)
{
    buf_span(b, span_of(name));
    buf_span(b, span_of(suffix));
    if (labels != NULL)
        buf_printf(b, "{%s}", labels);
    buf_char(b, ' ');
}

void metric_u64(struct buf *b, const char *name, const char *labels, uint64_t value)
{
    add_name(b, name, "", labels);
    buf_u64(b, value);
    buf_char(b, '\n');
}

static void add_seconds(struct buf *b, uint64_t ns)
{
    buf_printf(b, "%" PRIu64 ".%09" PRIu64 "\n", ns / NS_A_SECOND, ns % NS_A_SECOND);
}

const char *metric_label_id(char label[METRIC_LABEL_BYTES], const char *name, uint64_t id)
{
    snprintf(label, METRIC_LABEL_BYTES, "%.32s=\"%" PRIx64 "\"", name, id);
    return label;
}

void metric_seconds(struct buf *b, const char *name, const char *labels, uint64_t ns)
{
    add_name(b, name, "", labels);
    add_seconds(b, ns);
}

/* The count is what the buckets say: they are read one after the other, while others count. */
void metric_histogram(struct buf *b, const char *name, const char *labels,
                      const struct histogram *h)
{
    const char *comma = labels != NULL ? "," : "", *own = labels != NULL ? labels : "";
    uint64_t sum_ns = metric_get(&h->sum_ns), n = 0;
    for (unsigned i = 0; i < HISTOGRAM_BOUNDS; i++) {
        n += metric_get(&h->n[i]);
        buf_printf(b, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", name, own, comma, bounds[i], n);
    }
    n += metric_get(&h->n[HISTOGRAM_BOUNDS]);
    buf_printf(b, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", name, own, comma, n);
    add_name(b, name, "_sum", labels);
    add_seconds(b, sum_ns);
    add_name(b, name, "_count", labels);
    buf_u64(b, n);
    buf_char(b, '\n');
}

void metric_counter(struct buf *b, const char *name, const char *help, uint64_t value)
{
    metric_head(b, name, "counter", help);
    metric_u64(b, name, NULL, value);
}

void metric_gauge(struct buf *b, const char *name, const char *help, uint64_t value)
{
    metric_head(b, name, "gauge", help);
    metric_u64(b, name, NULL, value);
}
