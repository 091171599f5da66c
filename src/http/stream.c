/* stream: see stream.h. libmicrohttpd asks for a body whenever the socket takes more. */
#include "http/stream.h"

#include "http/reply.h"
#include "http/sub.h"
#include "http/tap.h"

#include <string.h>
#include <sys/socket.h>

/* Comes with each response object; chunks may be as large as the connection's pool. */
#define WATCH_BLOCK   1024
#define LISTING_BLOCK 16384
#define PIECE_BYTES   65536

/* The end of a body of unknown length, if need be by closing: libmicrohttpd 0.9.75 then forgets
 * that there is something left to do. */
static ssize_t end_of_body(struct conn *k)
{
    if (k->http10)
        conn_is_ending(k);
    k->library->again = true;
    return MHD_CONTENT_READER_END_OF_STREAM;
}

/* libmicrohttpd wants more of a watch's body. */
static ssize_t read_watch(void *conn, uint64_t pos, char *out, size_t max)
{
    struct conn *k = conn;
    struct sub *s = k->sub;

    (void)pos;
    if (s == NULL)
        return end_of_body(k);
    s->asked = s->worker->passes;
    if (s->n > 0) { /* one event a chunk, as v2: some clients take a chunk for a document */
        struct span json = event_json(s->ring[s->first]);
        size_t n = json.len - s->at < max ? json.len - s->at : max;

        memcpy(out, json.ptr + s->at, n);
        s->at += n;
        if (s->at == json.len) {
            event_unref(sub_take(s));
            s->finished = s->finished || !s->stream; /* sub_ended may have come meanwhile */
        }
        return (ssize_t)n;
    }
    if (s->finished) {
        sub_let_go(s);
        return end_of_body(k);
    }
    /* Nothing to send: wait without libmicrohttpd if that can be, else suspended. */
    if (tap_take(s))
        return MHD_CONTENT_READER_END_WITH_ERROR; /* closes its descriptor, not the connection */
    if (!k->hangup_looked_for)
        conn_watch_hangup(k);
    conn_suspend(k);
    return 0;
}

enum MHD_Result stream_answer(struct conn *k)
{
    struct sub *s = k->sub;
    struct api_reply r = {0};

    if (k->refused)
        return reply_too_many(k, "etcdserver: too many requests");
    if (!api_watch_head(k->worker->door->api, &s->watch, &r)) {
        sub_let_go(s);
        return reply_send(k, &r);
    }
    if (!s->stream && s->n > 0) {
        /* The history had it: head, event and end leave together. */
        r.event = sub_take(s);
        sub_let_go(s);
        return reply_send_chunked(k, &r);
    }
    s->asked = s->worker->passes;
    return reply_stream(k, &r, MHD_SIZE_UNKNOWN, read_watch, WATCH_BLOCK, CONN_STREAMING);
}

/* libmicrohttpd wants more of a listing, or of a large reply. */
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
        if (k->piece.len > LIMIT_BODY_SMALL_BYTES) /* a node may be large */
            (void)conn_count(k, &k->reply_counted, k->piece.len);
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

enum MHD_Result listing_send(struct conn *k, struct api_result *r)
{
    if (k->method == V2_M_HEAD) {
        /* To know its length would be to render all of it, and everybody else would wait. */
        api_listing_free(r->listing);
        return reply_stream(k, &r->reply, MHD_SIZE_UNKNOWN, read_nothing, 1, CONN_REPLYING);
    }
    k->listing = r->listing;
    k->piece_at = 0;
    k->listed = 0;
    return reply_stream(k, &r->reply, MHD_SIZE_UNKNOWN, read_listing, LISTING_BLOCK, CONN_REPLYING);
}

enum MHD_Result large_send(struct conn *k, struct api_reply *r)
{
    if (r->event != NULL) {
        buf_span(&k->piece, event_json(r->event));
    } else {
        k->piece = r->body;
        r->body = (struct buf){0};
    }
    k->piece_at = 0;
    k->listed = 0;
    return reply_stream(k, r, k->http10 ? k->piece.len : MHD_SIZE_UNKNOWN, read_listing,
                        LISTING_BLOCK, CONN_REPLYING);
}

void listing_end(struct conn *k)
{
    if (k->listing != NULL)
        api_listing_free(k->listing);
    k->listing = NULL;
    buf_fini(&k->piece);
}
