/* conn: libmicrohttpd's callbacks, and the life of a request between them. The rules that keep it
 * alive: a reply is queued in the last call of the handler (in the first one only to refuse and
 * close); a connection is suspended before the engine hears of it, and only this thread resumes it.
 */
#include "http/conn.h"

#include "auth/basic.h"
#include "base/mem.h"
#include "http/answer.h"
#include "http/head.h"
#include "http/lobby.h"
#include "http/reply.h"
#include "http/shake.h"
#include "http/stream.h"
#include "http/sub.h"
#include "http/trail.h"

#include <linux/sockios.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define KEEP_BYTES 1024 /* a buffer up to this size stays with an idle connection */

#define TO(state) (1u << CONN_##state)
static const unsigned successors[CONN_STATES] = {
    [CONN_IDLE] = TO(HEAD),
    [CONN_HEAD] = TO(BODY) | TO(REPLYING) | TO(IDLE),
    [CONN_BODY] = TO(REPLYING) | TO(PROVING) | TO(WRITING) | TO(READING) | TO(OPENING) | TO(IDLE),
    [CONN_PROVING] = TO(PROVED),
    [CONN_PROVED] = TO(REPLYING) | TO(PROVING) | TO(WRITING) | TO(READING) | TO(OPENING) | TO(IDLE),
    [CONN_WRITING] = TO(WRITTEN),
    [CONN_WRITTEN] = TO(REPLYING) | TO(IDLE),
    [CONN_READING] = TO(READ),
    [CONN_READ] = TO(REPLYING) | TO(PROVING) | TO(IDLE),
    [CONN_OPENING] = TO(OPENED) | TO(GONE),
    [CONN_OPENED] = TO(STREAMING) | TO(REPLYING) | TO(GONE) | TO(IDLE),
    [CONN_STREAMING] = TO(IDLE),
    [CONN_REPLYING] = TO(IDLE),
    [CONN_GONE] = TO(IDLE),
};

static bool is_replying(enum conn_state s)
{
    return s == CONN_REPLYING || s == CONN_STREAMING;
}

void conn_move(struct conn *k, enum conn_state to)
{
    CP_ASSERT((successors[k->state] >> to & 1) != 0);
    if (is_replying(k->state))
        k->worker->replying--;
    if (is_replying(to))
        k->worker->replying++;
    if (to != CONN_BODY)
        k->since_s = k->worker->mono_s;
    k->state = to;
}

void conn_suspend(struct conn *k)
{
    CP_ASSERT(!k->suspended);
    k->suspended = true;
    MHD_suspend_connection(k->mhd);
}

void conn_resume(struct conn *k)
{
    if (!k->suspended)
        return;
    k->suspended = false;
    k->library->again = true;
    MHD_resume_connection(k->mhd);
}

/* libmicrohttpd asks a socket that gave less than it has room for no more before there is news. An
 * end that came together with the last bytes is no news: so it is looked for on each connection. */
static void watch_end(struct conn *k)
{
    struct epoll_event ev = {.events = EPOLLRDHUP | EPOLLET, .data.ptr = k};

    /* Without it (the kernel is out of memory) such a connection stays until it is idle too long,
     * and a watch until its next event. */
    k->end_watched = epoll_ctl(k->worker->ep, EPOLL_CTL_ADD, k->fd, &ev) == 0;
}

static void unwatch_end(struct conn *k)
{
    if (k->end_watched)
        (void)epoll_ctl(k->worker->ep, EPOLL_CTL_DEL, k->fd, NULL);
    k->end_watched = false;
}

void conn_watch_hangup(struct conn *k)
{
    /* Anew: it may have come already, while that had no meaning. */
    unwatch_end(k);
    watch_end(k);
    k->hangup_looked_for = true;
}

/* What has come is read, and then libmicrohttpd sees the end: an idle connection goes, and one
 * whose request is not whole; what is whole is answered. */
static void end_input(struct conn *k)
{
    shutdown(k->fd, SHUT_RD);
}

/* False when K has none. */
static bool leave_watch(struct conn *k)
{
    if (k->state != CONN_OPENING && k->state != CONN_OPENED && k->state != CONN_STREAMING)
        return false;
    if (k->sub != NULL)
        sub_let_go(k->sub);
    if (k->state != CONN_STREAMING)
        conn_move(k, CONN_GONE);
    conn_resume(k);
    return true;
}

void conn_hangup(struct conn *k)
{
    if (leave_watch(k))
        return;
    if (k->tls == NULL)
        end_input(k);
    else if (k->state == CONN_IDLE)
        shake_wake(k);
}

void conn_drain(struct conn *k)
{
    if (leave_watch(k) || k->state != CONN_IDLE)
        return;
    end_input(k);
    shake_wake(k);
}

static bool sends_pieces(const struct conn *k)
{
    return k->listing != NULL || k->piece.len > 0;
}

static void cut_pieces(struct conn *k)
{
    listing_end(k);
    k->listing_cut = true;
    shutdown(k->fd, SHUT_RDWR);
}

void conn_cut(struct conn *k)
{
    if (k->listing != NULL)
        cut_pieces(k);
}

/* A connection that was closed while a body was asked for is freed when libmicrohttpd looks at it
 * the next time: if it is ready, if it is the one that was silent longest, or if it has a time-out
 * of its own. */
void conn_is_ending(struct conn *k)
{
    unsigned own = k->worker->door->conf.idle_timeout_s + 1;

    (void)MHD_set_connection_option(k->mhd, MHD_CONNECTION_OPTION_TIMEOUT, own);
    k->library->again = true;
}

/* Bytes of the pieces that the client has, as far as the kernel knows. */
static uint64_t received(const struct conn *k)
{
    int queued = 0;

    if (ioctl(k->fd, SIOCOUTQ, &queued) < 0 || (uint64_t)queued > k->listed)
        return k->listed;
    return k->listed - (uint64_t)queued;
}

void conn_cut_slow(struct conn *k)
{
    uint64_t patience_s = k->worker->door->conf.idle_timeout_s;
    uint64_t passed_s = k->worker->mono_s - k->since_s;

    if (passed_s <= patience_s)
        return;
    switch (k->state) {
    case CONN_IDLE: /* a head in pieces, or nothing at all */
    case CONN_HEAD:
        end_input(k);
        break;
    case CONN_BODY:
        if (passed_s - patience_s > k->body_seen / LIMIT_RATE)
            end_input(k);
        break;
    case CONN_REPLYING:
        if (sends_pieces(k) && passed_s - patience_s > received(k) / LIMIT_RATE)
            cut_pieces(k);
        break;
    default:
        break;
    }
}

static enum MHD_Result first_call(struct conn *k, const char *method, const char *version)
{
    uint64_t length;
    struct head_refusal no = head_check(k, method, version, &length);

    if (no.status != 0) {
        k->lingers = true;
        return no.too_long ? reply_without_room(k, no.text) : reply_bare(k, no.status, no.text);
    }
    conn_move(k, CONN_BODY);
    if (length <= LIMIT_DRAIN_BYTES)
        return MHD_YES;
    /* More than would be read off: answered now, which closes the connection. */
    k->too_large = k->lingers = true;
    return answer_begin(k);
}

bool conn_count(struct conn *k, size_t *counted, size_t now)
{
    size_t more = now - *counted; /* or, by wrapping round, less */

    *counted = now;
    return atomic_fetch_add_explicit(&k->worker->door->bodies, more, memory_order_relaxed) + more <=
           LIMIT_BODIES_BYTES;
}

/* Frees the body, in which there may be a password. */
static void drop_body(struct conn *k)
{
    (void)conn_count(k, &k->body_counted, 0);
    if (span_starts(k->path_query, SPAN("/v2/auth")))
        basic_wipe(&k->body);
    if (k->body.cap > KEEP_BYTES)
        buf_fini(&k->body);
    else
        buf_clear(&k->body);
}

static enum MHD_Result take_body(struct conn *k, const char *data, size_t n)
{
    k->body_seen += n;
    if (k->body_seen > LIMIT_DRAIN_BYTES)
        return reply_to_endless(k);
    if (k->method != V2_M_PUT && k->method != V2_M_POST)
        return MHD_YES; /* read off and forgotten */
    if (k->body_seen > LIMIT_FORM_BYTES) {
        k->too_large = true;
        drop_body(k);
        return MHD_YES;
    }
    if (k->crowded_out)
        return MHD_YES;
    buf_add(&k->body, data, n);
    if (k->body.len > LIMIT_BODY_SMALL_BYTES && !conn_count(k, &k->body_counted, k->body.len)) {
        k->crowded_out = true;
        drop_body(k);
    }
    return MHD_YES;
}

enum MHD_Result conn_on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                const char *method, const char *version, const char *data,
                                size_t *size, void **req_cls)
{
    struct conn *k = *req_cls;

    (void)cls;
    (void)mhd;
    (void)url;
    if (k == NULL)
        return MHD_NO;
    switch (k->state) {
    case CONN_HEAD:
        return first_call(k, method, version);
    case CONN_BODY:
        if (*size > 0) {
            size_t n = *size;

            *size = 0;
            return take_body(k, data, n);
        }
        /* Behind a "100 Continue" to a request without body libmicrohttpd 0.9.75 shows it what it
         * has of the next request, as no bytes: no reply is possible yet. */
        if (data != NULL)
            return MHD_YES;
        return answer_begin(k);
    case CONN_PROVED:
        return answer_proved(k);
    case CONN_WRITTEN:
        return answer_written(k);
    case CONN_READ:
        return answer_confirmed(k);
    case CONN_OPENED:
        return stream_answer(k);
    case CONN_GONE:
        return MHD_NO;
    default:
        CP_ASSERT(false && "a state in which libmicrohttpd calls");
        return MHD_NO;
    }
}

void *conn_on_target(void *cls, const char *uri, struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct conn *k = info != NULL ? info->socket_context : NULL;

    (void)cls;
    if (k == NULL || (k->tls != NULL && !tls_visit_admit(k->tls)))
        return NULL; /* which closes the connection */
    if (uri == NULL)
        uri = "";
    conn_move(k, CONN_HEAD);
    buf_add(&k->target, uri, strlen(uri));
    k->target_end = (uintptr_t)uri + k->target.len;

    /* Its own, writable read buffer: nothing is left of the query that it could split into its
     * pool. */
    char *query = strchr((char *)(uintptr_t)uri, '?');

    if (query != NULL)
        query[1] = '\0';
    return k;
}

static void recycle(struct buf *b)
{
    if (b->cap > KEEP_BYTES)
        buf_fini(b);
    else
        buf_clear(b);
}

uint64_t conn_bytes(const struct conn *k)
{
    const union MHD_ConnectionInfo *head =
        MHD_get_connection_info(k->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

    return k->bytes_before + (head != NULL ? head->header_size : 0) + k->body_seen;
}

void conn_on_completed(void *cls, struct MHD_Connection *mhd, void **req_cls,
                       enum MHD_RequestTerminationCode why)
{
    struct conn *k = *req_cls;

    (void)cls;
    (void)mhd;
    if (k == NULL)
        return;
    *req_cls = NULL;
    CP_ASSERT(!k->suspended);
    /* What libmicrohttpd refuses by itself, with a page of its own. */
    if ((k->state == CONN_HEAD || k->state == CONN_BODY) &&
        why == MHD_REQUEST_TERMINATED_WITH_ERROR)
        k->lingers = true;
    if (k->sub != NULL)
        sub_let_go(k->sub);
    if (k->listing != NULL || k->piece.cap > 0)
        listing_end(k);
    answer_forget(k);
    k->hangup_looked_for = false;
    if (k->tls != NULL)
        unwatch_end(k); /* in its handshakes it is watched otherwise */
    trail_end(k);
    k->bytes_before = conn_bytes(k);
    k->status = 0;
    drop_body(k);
    (void)conn_count(k, &k->reply_counted, 0);
    recycle(&k->target);
    k->path_query = (struct span){0};
    k->too_large = k->crowded_out = k->refused = k->listing_cut = false;
    k->body_seen = 0;
    k->counted = COUNTED_NOT;
    k->content_type = k->origin = k->authorization = (struct span){0};
    conn_move(k, CONN_IDLE);
    if (k->worker->draining)
        end_input(k);
}

struct conn *conn_expect(struct library *l, int fd, uint64_t bytes_before)
{
    struct worker *w = l->worker;
    struct conn *k;

    if (list_empty(&w->spare_conns)) {
        k = mem_zalloc(sizeof(*k));
        k->worker = w;
        list_init(&k->place);
        list_init(&k->shaking);
    } else {
        k = CP_CONTAINER_OF(w->spare_conns.next, struct conn, place);
        list_del(&k->place);
    }
    k->library = l;
    k->since_s = w->mono_s;
    k->fd = fd;
    k->lingers = k->tapped = false;
    k->bytes_before = bytes_before;
    list_add_tail(&l->coming, &k->place);
    return k;
}

/* The expected connection with that descriptor: the first, since they begin in order. */
static struct conn *expected(struct library *l, int fd)
{
    LIST_FOREACH (at, &l->coming) {
        struct conn *k = CP_CONTAINER_OF(at, struct conn, place);

        if (k->fd == fd)
            return k;
    }
    CP_ASSERT(false && "a descriptor that was added");
    return NULL;
}

void conn_forget(struct conn *k)
{
    struct worker *w = k->worker;

    CP_ASSERT(k->state == CONN_IDLE);
    k->mhd = NULL;
    k->fd = -1;
    list_del(&k->place);
    list_add_tail(&w->spare_conns, &k->place);
    atomic_fetch_sub(&w->door->connections, 1);
}

/* Closing it now might take answers from the client that it has not read yet: for what it sends, or
 * has sent, behind them is answered with a reset. */
static bool would_reset(const struct conn *k)
{
    int unread = 0, unsent = 0;

    return !k->tapped && (k->lingers || (ioctl(k->fd, SIOCINQ, &unread) == 0 && unread > 0) ||
                          (ioctl(k->fd, SIOCOUTQ, &unsent) == 0 && unsent > 0));
}

void conn_on_connection(void *cls, struct MHD_Connection *mhd, void **context,
                        enum MHD_ConnectionNotificationCode what)
{
    struct library *l = cls;
    struct worker *w = l->worker;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        struct conn *k = expected(
            l, MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd);

        k->mhd = mhd;
        list_del(&k->place);
        list_add_tail(&w->conns, &k->place);
        *context = k;
        if (library_speaks_tls(l))
            shake_begin(k);
        else
            watch_end(k);
        return;
    }

    struct conn *k = *context;

    if (k == NULL)
        return;
    *context = NULL;
    unwatch_end(k); /* a tap may keep the socket open beyond its descriptor */
    if (k->tls != NULL)
        shake_end(k);
    if (would_reset(k))
        lobby_linger(w, k->fd);
    conn_forget(k);
}

void conns_free(struct worker *w)
{
    CP_ASSERT(list_empty(&w->conns));
    CP_ASSERT(list_empty(&w->plain.coming));
    for (size_t i = 0; i < TLS_LIBRARIES; i++)
        CP_ASSERT(list_empty(&w->tls[i].coming));
    CP_ASSERT(list_empty(&w->shaking));
    LIST_FOREACH_SAFE (at, tmp, &w->spare_conns) {
        struct conn *k = CP_CONTAINER_OF(at, struct conn, place);

        buf_fini(&k->target);
        buf_fini(&k->body);
        buf_fini(&k->piece);
        mem_free(k);
    }
}
