/* fake: the engine and its events; see fake.h. */
#include "fake.h"

#include "base/mem.h"

#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAIL_EMIT = 90, MAIL_NUDGE, MAIL_QUIT };

struct engine {
    struct mailbox mailbox;
    pthread_t thread;
    atomic_bool hold;
    atomic_uint refuse, n_watches, n_waiting;
    struct mail *held, **held_last;
    struct list watches;
};

struct emit {
    struct mail mail;
    const char *key;
    unsigned n;
    size_t size;
    bool ends;
    sem_t done;
};

struct door *fake_door;

/* ---- engine ---- */

static struct event *make_event(uint64_t index, size_t size)
{
    struct buf json = {0};

    buf_printf(&json, "{\"index\":%llu,\"pad\":\"", (unsigned long long)index);
    while (json.len < size)
        buf_char(&json, 'x');
    buf_lit(&json, "\"}\n");

    struct event *e = event_new(V2_SET, index, SPAN("/k"), buf_as_span(&json));

    buf_fini(&json);
    return e;
}

static void finish(struct engine *e, struct proposal *p)
{
    p->code = V2_OK;
    p->etcd_index = 7;
    p->event = event_new(V2_SET, 7, SPAN("/k"), blob_span(p->command));
    atomic_fetch_sub(&e->n_waiting, 1);
    p->done(p);
}

static void confirm(struct engine *e, struct quorum_read *r)
{
    r->code = V2_OK;
    atomic_fetch_sub(&e->n_waiting, 1);
    r->done(r);
}

static void release(struct engine *e)
{
    struct mail *m = e->held;

    e->held = NULL;
    e->held_last = &e->held;
    while (m != NULL) {
        struct mail *next = m->next;

        if (m->kind == MAIL_PROPOSAL)
            finish(e, CP_CONTAINER_OF(m, struct proposal, mail));
        else
            confirm(e, CP_CONTAINER_OF(m, struct quorum_read, mail));
        m = next;
    }
}

/* The fake hub keeps its watches by watcher.place. */
static void subscribe(struct engine *e, struct watch *w)
{
    w->etcd_index = 42;
    if (w->watcher.since == 1000) {
        w->code = V2_EVENT_INDEX_CLEARED;
        w->opened(w);
        return;
    }
    for (uint64_t i = 0; i < w->watcher.since; i++) {
        struct event *ev = make_event(i + 1, 0);

        w->watcher.push(&w->watcher, ev, true);
        event_unref(ev);
    }
    w->code = V2_OK;
    list_init(&w->watcher.place);
    if (w->watcher.stream || w->watcher.since == 0)
        list_add_tail(&e->watches, &w->watcher.place);
    atomic_fetch_add(&e->n_watches, 1);
    w->opened(w);
}

static void emit(struct engine *e, struct emit *m)
{
    for (unsigned i = 0; i < m->n; i++) {
        struct event *ev = make_event(i + 1, m->size);

        LIST_FOREACH_SAFE (at, tmp, &e->watches) {
            struct watcher *w = CP_CONTAINER_OF(at, struct watcher, place);

            if (!span_eq(w->path, span_of(m->key)))
                continue;
            if (!w->stream)
                list_del(&w->place);
            w->push(w, ev, false);
        }
        event_unref(ev);
    }
    LIST_FOREACH_SAFE (at, tmp, &e->watches) {
        struct watch *w =
            CP_CONTAINER_OF(CP_CONTAINER_OF(at, struct watcher, place), struct watch, watcher);

        if (!m->ends || !span_eq(w->watcher.path, span_of(m->key)))
            continue;
        list_del(&w->watcher.place);
        w->ended(w);
    }
}

static void take(struct engine *e, struct mail *m)
{
    switch (m->kind) {
    case MAIL_PROPOSAL:
    case MAIL_READ:
        atomic_fetch_add(&e->n_waiting, 1);
        m->next = NULL;
        *e->held_last = m;
        e->held_last = &m->next;
        break;
    case MAIL_WATCH:
        subscribe(e, CP_CONTAINER_OF(m, struct watch, mail));
        break;
    case MAIL_UNWATCH: {
        struct watch *w = CP_CONTAINER_OF(m, struct watch, mail);

        list_del(&w->watcher.place);
        atomic_fetch_sub(&e->n_watches, 1);
        w->closed(w);
        break;
    }
    case MAIL_EMIT:
        emit(e, CP_CONTAINER_OF(m, struct emit, mail));
        break;
    default:
        mem_free(m);
        break;
    }
}

static void *run(void *engine)
{
    struct engine *e = engine;
    bool quit = false;

    while (!quit) {
        struct emit *emitted = NULL;
        struct pollfd p = {.fd = e->mailbox.wake_fd, .events = POLLIN};

        if (mailbox_sleep_begin(&e->mailbox))
            poll(&p, 1, -1);
        mailbox_sleep_end(&e->mailbox);
        for (struct mail *next, *m = mailbox_take(&e->mailbox); m != NULL; m = next) {
            next = m->next;
            quit = quit || m->kind == MAIL_QUIT;
            if (m->kind == MAIL_EMIT)
                emitted = CP_CONTAINER_OF(m, struct emit, mail);
            take(e, m);
        }
        if (!atomic_load(&e->hold))
            release(e);
        door_turn_end(fake_door);
        if (emitted != NULL)
            sem_post(&emitted->done);
    }
    return NULL;
}

static void order(struct engine *e, unsigned kind)
{
    struct mail *m = mem_zalloc(sizeof(*m));

    m->kind = kind;
    ck_assert(mailbox_post(&e->mailbox, m));
}

struct engine *fake_start(void)
{
    struct engine *e = mem_zalloc(sizeof(*e));

    ck_assert_int_eq(mailbox_init(&e->mailbox, 1000000), 0);
    e->held_last = &e->held;
    list_init(&e->watches);
    ck_assert_int_eq(pthread_create(&e->thread, NULL, run, e), 0);
    return e;
}

void fake_stop(struct engine *e)
{
    order(e, MAIL_QUIT);
    pthread_join(e->thread, NULL);
    ck_assert_uint_eq(atomic_load(&e->n_watches), 0);
    ck_assert_uint_eq(atomic_load(&e->n_waiting), 0);
    mailbox_fini(&e->mailbox);
    mem_free(e);
}

void fake_hold(struct engine *e, bool hold)
{
    atomic_store(&e->hold, hold);
    order(e, MAIL_NUDGE);
}

void fake_refuse(struct engine *e, unsigned n)
{
    atomic_store(&e->refuse, n);
}

static void order_emit(struct engine *e, struct emit *m)
{
    m->mail.kind = MAIL_EMIT;
    sem_init(&m->done, 0, 0);
    ck_assert(mailbox_post(&e->mailbox, &m->mail));
    while (sem_wait(&m->done) != 0)
        continue;
    sem_destroy(&m->done);
}

void fake_emit(struct engine *e, const char *key, unsigned n, size_t size)
{
    order_emit(e, &(struct emit){.key = key, .n = n, .size = size});
}

void fake_end(struct engine *e, const char *key, unsigned n)
{
    order_emit(e, &(struct emit){.key = key, .n = n, .ends = true});
}

unsigned fake_watches(struct engine *e)
{
    return atomic_load(&e->n_watches);
}

unsigned fake_waiting(struct engine *e)
{
    return atomic_load(&e->n_waiting);
}

static bool is_full(struct engine *e)
{
    unsigned n = atomic_load(&e->refuse);

    return n > 0 && atomic_compare_exchange_strong(&e->refuse, &n, n - 1);
}

bool engine_propose(struct engine *e, struct proposal **p)
{
    if (is_full(e))
        return false;
    (*p)->mail.kind = MAIL_PROPOSAL;
    ck_assert(mailbox_leave(&e->mailbox, &(*p)->mail));
    *p = NULL;
    return true;
}

bool engine_read(struct engine *e, struct quorum_read *r)
{
    if (is_full(e))
        return false;
    r->mail.kind = MAIL_READ;
    ck_assert(mailbox_leave(&e->mailbox, &r->mail));
    return true;
}

void engine_ring(struct engine *e)
{
    mailbox_ring(&e->mailbox);
}

bool engine_watch(struct engine *e, struct watch *w)
{
    if (is_full(e))
        return false;
    w->mail.kind = MAIL_WATCH;
    ck_assert(mailbox_leave(&e->mailbox, &w->mail));
    return true;
}

void engine_unwatch(struct engine *e, struct watch *w)
{
    w->mail.kind = MAIL_UNWATCH;
    ck_assert(mailbox_post(&e->mailbox, &w->mail));
}

uint64_t engine_cluster_id(const struct engine *e)
{
    (void)e;
    return 0xcdf818194e3a8c;
}
