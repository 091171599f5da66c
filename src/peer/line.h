/* line: the way to one peer. The engine thread asks whether it is up and how much waits in it, the
 * net thread owns the stream; counted, since a snapshot on its way holds it too. */
#pragma once

#include "base/list.h"
#include "cluster/wire.h"
#include "peer/dial.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct line {
    /* Fixed. */
    uint64_t id;
    unsigned n_urls;
    char *urls[COMMAND_MEMBER_URLS]; /* owned */
    /* Atomic. */
    atomic_uint refs;
    atomic_bool up;         /* net sets: the peer takes frames */
    _Atomic uint64_t up_ns; /* net sets: since when, monotonic */
    atomic_size_t waiting;  /* bytes: engine adds, net takes off once libcurl has them */
    _Atomic uint64_t sent_bytes, downs; /* net raises; downs: streams that were up and ended */
    atomic_bool uploading;              /* a snapshot is on its way; engine sets, upload clears */
    /* Net only. */
    struct list place;
    struct mail mail; /* net.c */
    bool dialling;
    struct dial dial;
    struct mail *first, **last; /* frames, oldest first */
    struct buf out;             /* encoded */
    size_t out_at;              /* of them libcurl has so many */
    bool starved;               /* libcurl waits to be told that there is more */
    unsigned url;               /* to be tried next */
    unsigned tried;             /* URLs in a row without success */
    unsigned refused;           /* of these, since the last rest: where nobody listens */
    uint64_t retry_ms, backoff_ms;
    bool hung; /* the peer has closed its side */
    bool told; /* that it is down */
};

/* Copies the URLs. One reference. */
struct line *line_new(const struct wire_peer *peer);
struct line *line_ref(struct line *l);
/* NULL is fine. */
void line_unref(struct line *l);
bool line_has_urls(const struct line *l, const struct wire_peer *peer);

/* Net only. Takes F. */
void line_queue(struct line *l, struct frame *f);
bool line_is_idle(const struct line *l);
/* Drops what waits. */
void line_clear(struct line *l);
/* dial_read of the stream; CTX is the line. */
size_t line_read(void *line, char *bytes, size_t n);
