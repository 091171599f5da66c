/* stream: see stream.h. The engine's events wait in a ring of shared bytes; libmicrohttpd asks for
 * them when the socket takes more. A client that does not keep up loses its watch, and that is
 * counted, never silent (DESIGN 12). */
#include "http/stream.h"

#include "base/log.h"
#include "base/mem.h"
#include "http/reply.h"

#include <string.h>
#include <sys/socket.h>

#define WATCH_BLOCK                                                                                \
    1024 /* comes with each response object; chunks are as large as the connection's pool allows   \
          */
#define LISTING_BLOCK 16384
#define PIECE_BYTES   65536
/* A body that was asked for within so many passes is not held up by its client. */
#define KEEPS_UP_PASSES 2

/* The end of a body of unknown length. To a client of 1.0 the end of the connection says it;
 * libmicrohttpd 0.9.75 forgets to close when no byte was sent before, until something happens on
 * the socket: so let something happen. */
static ssize_t end_of_body(const struct conn *k)
{
    if (k->http10)
        shutdown(k->fd, SHUT_RD);
    return MHD_CONTENT_READER_END_OF_STREAM;
}

static struct event *ring_take(struct sub *s)
{
    struct event *e = s->ring[s->first];

    s->first = (s->first + 1) % s->cap;
    s->n--;
    if (s->historic > 0)
        s->historic--;
    s->at = 0;
    return e;
}

static void ring_add(struct sub *s, struct event *e)
{
    if (s->n == s->cap) {
        struct event **ring = mem_alloc(2 * s->cap * sizeof(struct event *));

        for (unsigned i = 0; i < s->n; i++)
            ring[i] = s->ring[(s->first + i) % s->cap];
        if (s->ring != s->small)
            mem_free(s->ring);
        s->ring = ring;
        s->first = 0;
        s->cap *= 2;
    }
    s->ring[(s->first + s->n) % s->cap] = e;
    s->n++;
}

static void ring_clear(struct sub *s)
{
    while (s->n > 0)
        event_unref(ring_take(s));
}

static void sub_free(struct sub *s)
{
    CP_ASSERT(s->conn == NULL && !s->held);
    ring_clear(s);
    if (s->ring != s->small)
        mem_free(s->ring);
    buf_fini(&s->path);
    mem_free(s);
}

void sub_detach(struct conn *k)
{
    struct sub *s = k->sub;

    if (s == NULL)
        return;
    k->sub = NULL;
    s->conn = NULL;
    atomic_fetch_sub_explicit(&s->worker->door->watches, 1, memory_order_relaxed);
    ring_clear(s);
    if (!s->held)
        sub_free(s);
    else if (s->opened)
        engine_unwatch(s->worker->door->api->engine, &s->watch);
    /* else sub_opened does it */
}

void sub_open(struct conn *k, struct api_result *r)
{
    struct worker *w = k->worker;
    struct sub *s = mem_zalloc(sizeof(*s));

    s->worker = w;
    s->conn = k;
    s->path = r->watch.path;
    s->stream = r->watch.stream;
    s->ring = s->small;
    s->cap = CP_COUNT(s->small);
    s->watch.owner = k;
    s->watch.watcher.path = buf_as_span(&s->path);
    s->watch.watcher.since = r->watch.since;
    s->watch.watcher.recursive = r->watch.recursive;
    s->watch.watcher.stream = r->watch.stream;
    s->watch.watcher.push = turn_push;
    s->watch.opened = turn_opened;
    s->watch.closed = turn_closed;
    r->watch.path = (struct buf){0};
    api_reply_fini(&r->reply);
    k->sub = s;
    atomic_fetch_add_explicit(&w->door->watches, 1, memory_order_relaxed);

    conn_move(k, CONN_OPENING);
    conn_suspend(k);
    conn_watch_hangup(k);
    s->held = true;
    w->watches++;
    if (!engine_watch(w->door->api->engine, &s->watch)) {
        s->held = false;
        w->watches--;
        k->refused = true;
        sub_detach(k);
        conn_move(k, CONN_OPENED);
        conn_resume(k);
    }
}

void sub_opened(struct sub *s)
{
    s->opened = true;
    if (s->watch.code != V2_OK) {
        s->held = false;
        s->worker->watches--;
    }
    if (s->conn != NULL) {
        conn_move(s->conn, CONN_OPENED);
        conn_resume(s->conn);
    } else if (s->held) {
        engine_unwatch(s->worker->door->api->engine, &s->watch);
    } else {
        sub_free(s);
    }
}

void sub_closed(struct sub *s)
{
    CP_ASSERT(s->conn == NULL);
    s->held = false;
    s->worker->watches--;
    sub_free(s);
}

static void overflow(struct sub *s)
{
    struct conn *k = s->conn;
    struct door *d = s->worker->door;

    atomic_fetch_add_explicit(&d->overflows, 1, memory_order_relaxed);
    log_warn("watch.overflow", LOG_U("undelivered", s->n - s->historic));
    sub_detach(k);
    /* The body is not asked for while the socket is full, so it cannot end by itself: the client
     * finds it cut off. */
    shutdown(k->fd, SHUT_RDWR);
}

void sub_event(struct sub *s, struct event *event, bool historic)
{
    struct conn *k = s->conn;

    if (k == NULL || (!s->stream && (s->n > 0 || s->finished))) {
        event_unref(event);
        return;
    }
    /* A burst alone is no reason: only a client that holds up the body is too slow. */
    if (!historic && s->n - s->historic >= LIMIT_WATCHER_EVENTS && k->state == CONN_STREAMING &&
        s->worker->passes - s->asked > KEEPS_UP_PASSES) {
        event_unref(event);
        overflow(s);
        return;
    }
    if (historic)
        s->historic++;
    ring_add(s, event);
    if (k->state == CONN_STREAMING && k->suspended) {
        s->asked = s->worker->passes;
        conn_resume(k);
    }
}

/* libmicrohttpd wants more of a watch's body. */
static ssize_t read_watch(void *conn, uint64_t pos, char *out, size_t max)
{
    struct conn *k = conn;
    struct sub *s = k->sub;
    size_t len = 0;

    (void)pos;
    if (s == NULL)
        return end_of_body(k);
    s->asked = s->worker->passes;
    while (s->n > 0 && len < max) {
        struct event *e = s->ring[s->first];
        struct span json = event_json(e);
        size_t n = json.len - s->at < max - len ? json.len - s->at : max - len;

        memcpy(out + len, json.ptr + s->at, n);
        len += n;
        s->at += n;
        if (s->at == json.len) {
            event_unref(ring_take(s));
            s->finished = !s->stream;
        }
    }
    if (len > 0)
        return (ssize_t)len;
    if (s->finished) {
        sub_detach(k);
        return end_of_body(k);
    }
    conn_suspend(k);
    return 0;
}

enum MHD_Result sub_answer(struct conn *k)
{
    struct sub *s = k->sub;
    struct api_reply r = {0};

    if (k->refused)
        return reply_raft_error(k, MHD_HTTP_SERVICE_UNAVAILABLE, "etcdserver: too many requests");
    if (!api_watch_head(k->worker->door->api, &s->watch, &r)) {
        sub_detach(k);
        return reply_send(k, &r);
    }
    if (!s->stream && s->n > 0) {
        /* The history had it: head, event and end leave together. */
        r.event = ring_take(s);
        sub_detach(k);
        return reply_send_chunked(k, &r);
    }
    s->asked = s->worker->passes;
    return reply_stream(k, &r, MHD_SIZE_UNKNOWN, read_watch, WATCH_BLOCK, CONN_STREAMING);
}

/* libmicrohttpd wants more of a listing. */
static ssize_t read_listing(void *conn, uint64_t pos, char *out, size_t max)
{
    struct conn *k = conn;

    (void)pos;
    if (k->listing_cut)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (k->piece_at == k->piece.len) {
        buf_clear(&k->piece);
        k->piece_at = 0;
        if (k->listing == NULL)
            return end_of_body(k);
        if (!api_listing_more(k->listing, &k->piece, PIECE_BYTES)) {
            api_listing_free(k->listing);
            k->listing = NULL;
        }
        if (k->piece.len == 0)
            return end_of_body(k);
    }

    size_t n = k->piece.len - k->piece_at < max ? k->piece.len - k->piece_at : max;

    memcpy(out, k->piece.ptr + k->piece_at, n);
    k->piece_at += n;
    k->listed += n;
    return (ssize_t)n;
}

static ssize_t read_nothing(void *conn, uint64_t pos, char *out, size_t max)
{
    (void)conn;
    (void)pos;
    (void)out;
    (void)max;
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

/* The length of what GET would send, for HEAD. */
static uint64_t listing_length(struct conn *k)
{
    uint64_t length = 0;
    bool more;

    do {
        buf_clear(&k->piece);
        more = api_listing_more(k->listing, &k->piece, PIECE_BYTES);
        length += k->piece.len;
    } while (more);
    listing_end(k);
    return length;
}

enum MHD_Result listing_send(struct conn *k, struct api_result *r)
{
    k->listing = r->listing;
    k->piece_at = 0;
    k->listed = 0;
    if (k->method == V2_M_HEAD)
        return reply_stream(k, &r->reply, listing_length(k), read_nothing, 1, CONN_REPLYING);
    return reply_stream(k, &r->reply, MHD_SIZE_UNKNOWN, read_listing, LISTING_BLOCK, CONN_REPLYING);
}

void listing_end(struct conn *k)
{
    if (k->listing != NULL)
        api_listing_free(k->listing);
    k->listing = NULL;
    buf_fini(&k->piece);
}
