/* reply: see reply.h. A reply costs one allocation a header in libmicrohttpd, so nothing is added
 * that v2 does not have. */
#include "http/reply.h"

#include "base/mem.h"
#include "http/cors.h"
#include "http/same.h"
#include "http/stream.h"
#include "http/trail.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define CHUNK_ABOVE 2048 /* Go's server buffers that much before it begins to write chunks */

void reply_date(char out[DATE_BYTES], time_t now)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm t;

    gmtime_r(&now, &t);
    snprintf(out, DATE_BYTES, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT", days + 3 * t.tm_wday,
             (unsigned)t.tm_mday % 100, months + 3 * t.tm_mon, (unsigned)(t.tm_year + 1900) % 10000,
             (unsigned)t.tm_hour % 100, (unsigned)t.tm_min % 100, (unsigned)t.tm_sec % 100);
}

static void add(struct MHD_Response *m, const char *name, const char *value)
{
    /* Refused are only control characters, which none of our values has, and a lack of memory. */
    (void)MHD_add_response_header(m, name, value);
}

static void add_u64(struct MHD_Response *m, const char *name, uint64_t v)
{
    char digits[21], *at = digits + sizeof(digits) - 1;

    *at = '\0';
    do {
        *--at = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    add(m, name, at);
}

static const char *type_text(enum api_type type)
{
    switch (type) {
    case API_TYPE_JSON:
        return "application/json";
    case API_TYPE_JSON_UTF8:
        return "application/json; charset=utf-8";
    case API_TYPE_TEXT:
    case API_TYPE_TEXT_NOSNIFF:
        return "text/plain; charset=utf-8";
    case API_TYPE_HTML:
        return "text/html; charset=utf-8";
    case API_TYPE_METRICS:
        return "text/plain; version=0.0.4; charset=utf-8";
    case API_TYPE_NONE:
        break;
    }
    return NULL;
}

static void add_cors(struct MHD_Response *m, struct span origin)
{
    struct buf value = {0};

    buf_span(&value, origin);
    add(m, "Access-Control-Allow-Headers", "accept, content-type, authorization");
    add(m, "Access-Control-Allow-Methods", "POST, GET, OPTIONS, PUT, DELETE");
    add(m, "Access-Control-Allow-Origin", buf_cstr(&value));
    buf_fini(&value);
}

/* Go's order: by name, then Date. */
static void add_headers(const struct conn *k, struct MHD_Response *m, struct api_reply *r)
{
    const struct worker *w = k->worker;
    const char *type = type_text(r->type);
    struct span origin = cors_allow_origin(w->door->conf.cors, k->origin);

    if (origin.ptr != NULL && r->status != MHD_HTTP_MISDIRECTED_REQUEST)
        add_cors(m, origin);
    if (r->allow != NULL)
        add(m, "Allow", r->allow);
    if (w->draining)
        add(m, "Connection", "close");
    if (type != NULL)
        add(m, "Content-Type", type);
    if (r->location.len > 0)
        add(m, "Location", buf_cstr(&r->location));
    if (r->retry_after)
        add(m, "Retry-After", "1");
    if (r->warning != NULL)
        add(m, "Warning", r->warning);
    if (r->type == API_TYPE_TEXT_NOSNIFF)
        add(m, "X-Content-Type-Options", "nosniff");
    if (r->cluster_id)
        add(m, "X-Etcd-Cluster-Id", w->door->cluster_id);
    if (r->has_etcd_index)
        add_u64(m, "X-Etcd-Index", r->etcd_index);
    if (r->has_raft) {
        add_u64(m, "X-Raft-Index", r->raft_index);
        add_u64(m, "X-Raft-Term", r->raft_term);
    }
    add(m, "Date", w->date);
    if (k->http10)
        (void)MHD_set_response_options(m, MHD_RF_HTTP_1_0_SERVER, MHD_RO_END);
}

/* M stays the caller's. */
static enum MHD_Result queue_kept(struct conn *k, int status, struct MHD_Response *m,
                                  enum conn_state to)
{
    uint64_t took_ns = k->counted != COUNTED_NOT ? clock_mono_ns(&clock_system) - k->begin_ns : 0;

    counts_reply(&k->worker->counts, k->counted, status, took_ns);
    conn_move(k, to);
    return MHD_queue_response(k->mhd, (unsigned)status, m);
}

static enum MHD_Result queue(struct conn *k, int status, struct MHD_Response *m, enum conn_state to)
{
    enum MHD_Result rc = queue_kept(k, status, m, to);

    MHD_destroy_response(m);
    return rc;
}

static void drop_event(void *event)
{
    event_unref(event);
}

/* The body of R, which goes to libmicrohttpd. */
static struct MHD_Response *take_body(struct api_reply *r, size_t *len)
{
    struct MHD_Response *m;

    if (r->event != NULL) {
        struct span json = event_json(r->event);

        *len = json.len;
        m = MHD_create_response_from_buffer_with_free_callback_cls(
            json.len, (void *)(uintptr_t)json.ptr, drop_event, r->event);
        if (m != NULL)
            r->event = NULL;
    } else if (r->body.len > 0) {
        *len = r->body.len;
        m = MHD_create_response_from_buffer_with_free_callback(r->body.len, r->body.ptr, mem_free);
        if (m != NULL)
            r->body = (struct buf){0};
    } else {
        *len = r->fixed.len;
        m = MHD_create_response_from_buffer(r->fixed.len, (void *)(uintptr_t)r->fixed.ptr,
                                            MHD_RESPMEM_PERSISTENT);
    }
    return m;
}

/* The target of a redirect is written into what the request's head has left of the buffer, where
 * its escapes may be three times as long. */
static void check_location(const struct conn *k, struct api_reply *r)
{
    size_t room = k->worker->door->conf.head_bytes - k->head_bytes + LIMIT_HEAD_ROOM / 2;

    if (r->location.len <= room)
        return;
    api_reply_fini(r);
    r->status = MHD_HTTP_URI_TOO_LONG;
    r->type = API_TYPE_TEXT_NOSNIFF;
    r->fixed = SPAN("Request URI Too Long\n");
}

static size_t length_of(const struct api_reply *r)
{
    return r->event != NULL ? event_json(r->event).len : r->body.len;
}

/* What a slow client keeps here must not grow with the number of such clients. */
static void check_room(struct conn *k, struct api_reply *r)
{
    size_t n = length_of(r);

    if (n <= LIMIT_BODY_SMALL_BYTES || conn_count(k, &k->reply_counted, n) || r->event != NULL)
        return;
    (void)conn_count(k, &k->reply_counted, 0);
    api_reply_fini(r);
    api_error(r, V2_RAFT_INTERNAL, SPAN("etcdserver: too many requests"), 0);
    reply_try_later(r);
}

static enum MHD_Result send_body(struct conn *k, struct api_reply *r, size_t chunk_above)
{
    check_location(k, r);
    check_room(k, r);
    if (k->method != V2_M_HEAD && length_of(r) > LIMIT_BODY_SMALL_BYTES)
        return large_send(k, r);

    trail_reply(k, r);

    int status = r->status;
    struct same *keep = NULL;
    struct MHD_Response *m = length_of(r) <= chunk_above ? same_find(k, r, &keep) : NULL;

    if (m != NULL) {
        api_reply_fini(r);
        return queue_kept(k, status, m, CONN_REPLYING);
    }

    struct span body = buf_as_span(&r->body);
    size_t len;

    m = take_body(r, &len);
    if (m != NULL) {
        add_headers(k, m, r);
        /* Never for HEAD: libmicrohttpd 0.9.75 would send the final chunk. */
        if (len > chunk_above && k->method != V2_M_HEAD && !k->http10)
            add(m, "Transfer-Encoding", "chunked");
    }
    api_reply_fini(r);
    if (m == NULL)
        return MHD_NO;
    if (keep == NULL)
        return queue(k, status, m, CONN_REPLYING);
    same_keep(keep, m, body);
    return queue_kept(k, status, m, CONN_REPLYING);
}

enum MHD_Result reply_send(struct conn *k, struct api_reply *r)
{
    return send_body(k, r, CHUNK_ABOVE);
}

enum MHD_Result reply_send_chunked(struct conn *k, struct api_reply *r)
{
    return send_body(k, r, 0);
}

enum MHD_Result reply_stream(struct conn *k, struct api_reply *r, uint64_t length,
                             MHD_ContentReaderCallback read, size_t block, enum conn_state to)
{
    trail_reply(k, r);

    int status = r->status;
    struct MHD_Response *m = MHD_create_response_from_callback(length, block, read, k, NULL);

    if (m != NULL)
        add_headers(k, m, r);
    /* No word of chunks, for libmicrohttpd 0.9.75 would send the final one: the connection ends. */
    if (m != NULL && k->method == V2_M_HEAD && !k->http10)
        (void)MHD_set_response_options(m, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    api_reply_fini(r);
    return m != NULL ? queue(k, status, m, to) : MHD_NO;
}

static ssize_t read_text(void *text, uint64_t pos, char *out, size_t max)
{
    size_t len = strlen(text), n = pos < len ? len - (size_t)pos : 0;

    if (n == 0)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (n > max)
        n = max;
    memcpy(out, (const char *)text + pos, n);
    return (ssize_t)n;
}

/* Takes OUT and sends it past libmicrohttpd, which is to close the connection. */
static enum MHD_Result send_past(struct conn *k, struct buf *out)
{
    if (k->tls != NULL)
        tls_visit_send(k->tls, out->ptr, out->len);
    else
        (void)!send(k->fd, out->ptr, out->len, MSG_DONTWAIT | MSG_NOSIGNAL);
    buf_fini(out);
    k->lingers = true;
    return MHD_NO;
}

enum MHD_Result reply_without_room(struct conn *k, const char *text)
{
    struct buf out = {0};

    buf_printf(&out,
               "HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
               "Connection: close\r\n\r\n%s",
               text, text);
    return send_past(k, &out);
}

enum MHD_Result reply_to_endless(struct conn *k)
{
    bool is_form = (k->method == V2_M_PUT || k->method == V2_M_POST) &&
                   span_starts(k->path_query, SPAN("/v2/keys"));
    struct api_reply r = {0};
    struct buf out = {0};

    if (!is_form) {
        counts_reply(&k->worker->counts, COUNTED_NOT, MHD_HTTP_CONTENT_TOO_LARGE, 0);
        return reply_without_room(k, "413 Request Entity Too Large");
    }
    api_error(&r, V2_INVALID_FORM, SPAN("http: POST too large"), 0);
    trail_reply(k, &r);
    counts_reply(&k->worker->counts, COUNTED_NOT, r.status, 0);
    buf_printf(&out,
               "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n"
               "X-Etcd-Cluster-Id: %s\r\nX-Etcd-Index: 0\r\nDate: %s\r\n"
               "Content-Length: %zu\r\nConnection: close\r\n\r\n",
               k->worker->door->cluster_id, k->worker->date, r.body.len);
    buf_span(&out, buf_as_span(&r.body));
    api_reply_fini(&r);
    return send_past(k, &out);
}

enum MHD_Result reply_bare(struct conn *k, int status, const char *text)
{
    struct MHD_Response *m;

    if (text == NULL) {
        m = MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
        if (m != NULL)
            add(m, "Date", k->worker->date);
        return m != NULL ? queue(k, status, m, CONN_REPLYING) : MHD_NO;
    }
    /* A body of unknown length to a client of 1.0: head, text, end of the connection. */
    m = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 64, read_text, (void *)(uintptr_t)text,
                                          NULL);
    if (m == NULL)
        return MHD_NO;
    (void)MHD_set_response_options(m, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    add(m, "Content-Type", "text/plain; charset=utf-8");
    return queue(k, status, m, CONN_REPLYING);
}

void reply_try_later(struct api_reply *r)
{
    r->status = MHD_HTTP_SERVICE_UNAVAILABLE;
    r->retry_after = true;
}

enum MHD_Result reply_raft_error(struct conn *k, const char *cause)
{
    struct api_reply r = {0};

    api_error(&r, V2_RAFT_INTERNAL, span_of(cause), 0);
    return reply_send(k, &r);
}

enum MHD_Result reply_too_many(struct conn *k, const char *cause)
{
    struct api_reply r = {0};

    api_error(&r, V2_RAFT_INTERNAL, span_of(cause), 0);
    reply_try_later(&r);
    return reply_send(k, &r);
}
