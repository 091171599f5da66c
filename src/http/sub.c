/* sub: see sub.h. The engine's events wait in a ring of shared bytes until the client's socket
 * takes them. A client that does not keep up loses its watch, and that is counted, never silent
 * (DESIGN 12). */
#include "http/sub.h"

#include "api/api.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/conn.h"
#include "http/tap.h"

#include <sys/socket.h>

/* A body that was asked for within so many passes is not held up by its client. */
#define KEEPS_UP_PASSES 2

struct event *sub_take(struct sub *s)
{
    struct event *e = s->ring[s->first];

    s->first = (s->first + 1) & (s->cap - 1);
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
            ring[i] = s->ring[(s->first + i) & (s->cap - 1)];
        if (s->ring != s->small)
            mem_free(s->ring);
        s->ring = ring;
        s->first = 0;
        s->cap *= 2;
    }
    s->ring[(s->first + s->n) & (s->cap - 1)] = e;
    s->n++;
}

static void ring_clear(struct sub *s)
{
    while (s->n > 0)
        event_unref(sub_take(s));
}

static void sub_free(struct sub *s)
{
    CP_ASSERT(s->conn == NULL && s->fd < 0 && !s->held);
    ring_clear(s);
    if (s->ring != s->small)
        mem_free(s->ring);
    buf_fini(&s->path);
    right_fini(&s->right);
    mem_free(s);
}

void sub_let_go(struct sub *s)
{
    if (s->conn != NULL)
        s->conn->sub = NULL;
    s->conn = NULL;
    CP_ASSERT(s->fd < 0);
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
    s->fd = -1;
    list_init(&s->place);
    s->path = r->watch.path;
    s->right = r->watch.right;
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
    s->watch.ended = turn_ended;
    s->watch.closed = turn_closed;
    r->watch.path = (struct buf){0};
    r->watch.right = (struct right){0};
    api_reply_fini(&r->reply);
    k->sub = s;

    conn_move(k, CONN_OPENING);
    conn_suspend(
        k); /* for a turn of the engine: a hang-up meanwhile is found when the head is sent */
    s->held = true;
    w->watches++;
    if (!engine_watch(w->door->api->engine, &s->watch)) {
        s->held = false;
        w->watches--;
        k->refused = true;
        sub_let_go(s);
        conn_move(k, CONN_OPENED);
        conn_resume(k);
    }
    worker_gave(w);
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
    CP_ASSERT(s->conn == NULL && s->fd < 0);
    s->held = false;
    s->worker->watches--;
    sub_free(s);
}

/* Is it the client that keeps the events waiting? A burst alone is no reason to part. */
static bool is_held_up(const struct sub *s)
{
    if (s->fd >= 0)
        return s->blocked;
    return s->conn->state == CONN_STREAMING && s->worker->passes - s->asked > KEEPS_UP_PASSES;
}

static void overflow(struct sub *s)
{
    struct conn *k = s->conn;

    atomic_fetch_add_explicit(&s->worker->door->overflows, 1, memory_order_relaxed);
    log_warn("watch.overflow", LOG_U("undelivered", s->n - s->historic));
    if (k == NULL) {
        tap_cut(s);
        return;
    }
    sub_let_go(s);
    /* The body is not asked for while the socket is full, so it cannot end by itself: the client
     * finds it cut off. */
    shutdown(k->fd, SHUT_RDWR);
}

void sub_event(struct sub *s, struct event *event, bool historic)
{
    struct conn *k = s->conn;

    if ((k == NULL && s->fd < 0) || s->revoked || (!s->stream && (s->n > 0 || s->finished))) {
        event_unref(event);
        return;
    }
    if (!historic && s->n - s->historic >= LIMIT_WATCHER_EVENTS && is_held_up(s)) {
        event_unref(event);
        overflow(s);
        return;
    }
    if (historic)
        s->historic++;
    metric_count(&s->worker->counts.events, 1);
    ring_add(s, event);
    if (k == NULL) {
        tap_note(s);
    } else if (k->state == CONN_STREAMING && k->suspended) {
        s->asked = s->worker->passes;
        conn_resume(k);
    }
}

void sub_ended(struct sub *s)
{
    struct conn *k = s->conn;

    if (s->fd >= 0) {
        tap_end(s);
        return;
    }
    s->finished = true;
    if (k != NULL && k->state == CONN_STREAMING && k->suspended) {
        s->asked = s->worker->passes;
        conn_resume(k);
    }
}

/* Gives how many it has ended. */
static unsigned judge(struct sub *s)
{
    if (s->revoked || right_holds(&s->right, s->worker->judged))
        return 0;
    s->revoked = true;
    sub_ended(s);
    return 1;
}

static unsigned judge_all(struct list *taps)
{
    unsigned n = 0;

    LIST_FOREACH_SAFE (at, tmp, taps) {
        n += judge(CP_CONTAINER_OF(at, struct sub, place));
    }
    return n;
}

void subs_judge(struct worker *w)
{
    if (!api_accounts_changed(w->door->api, w->number, &w->judged))
        return;

    unsigned n = judge_all(&w->taps) + judge_all(&w->taps_noted) + judge_all(&w->taps_blocked);

    LIST_FOREACH (at, &w->conns) {
        struct conn *k = CP_CONTAINER_OF(at, struct conn, place);

        if (k->sub != NULL)
            n += judge(k->sub);
    }
    if (n > 0)
        log_info("watch.revoked", LOG_U("watches", n));
}
