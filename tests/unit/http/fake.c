/* fake: see fake.h. */
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
    sem_t done;
};

struct api_listing {
    size_t left;
};

struct door *fake_door;
static atomic_uint listings;

/* -- engine
 * ----------------------------------------------------------------------------------------------------
 */

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

void fake_emit(struct engine *e, const char *key, unsigned n, size_t size)
{
    struct emit m = {.mail.kind = MAIL_EMIT, .key = key, .n = n, .size = size};

    sem_init(&m.done, 0, 0);
    ck_assert(mailbox_post(&e->mailbox, &m.mail));
    while (sem_wait(&m.done) != 0)
        continue;
    sem_destroy(&m.done);
}

unsigned fake_watches(struct engine *e)
{
    return atomic_load(&e->n_watches);
}

unsigned fake_waiting(struct engine *e)
{
    return atomic_load(&e->n_waiting);
}

unsigned fake_listings(void)
{
    return atomic_load(&listings);
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
    ck_assert(mailbox_post(&e->mailbox, &(*p)->mail));
    *p = NULL;
    return true;
}

bool engine_read(struct engine *e, struct quorum_read *r)
{
    if (is_full(e))
        return false;
    r->mail.kind = MAIL_READ;
    ck_assert(mailbox_post(&e->mailbox, &r->mail));
    return true;
}

bool engine_watch(struct engine *e, struct watch *w)
{
    if (is_full(e))
        return false;
    w->mail.kind = MAIL_WATCH;
    ck_assert(mailbox_post(&e->mailbox, &w->mail));
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

/* -- api
 * -------------------------------------------------------------------------------------------------------
 */

static const char *method_word(enum v2_method m)
{
    static const char *const words[] = {"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "OTHER"};

    return words[m];
}

static bool take_prefix(struct span *s, const char *prefix)
{
    if (!span_starts(*s, span_of(prefix)))
        return false;
    *s = span_from(*s, strlen(prefix));
    return true;
}

static size_t number(struct span s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9'; i++)
        n = n * 10 + (size_t)(s.ptr[i] - '0');
    return n;
}

static void echo(const struct api_request *rq, struct api_reply *out)
{
    buf_printf(&out->body, "%s %.*s type=%.*s body=%zu%s\n", method_word(rq->method),
               (int)rq->target.len, rq->target.ptr, (int)rq->content_type.len,
               rq->content_type.ptr != NULL ? rq->content_type.ptr : "", rq->body.len,
               rq->body_too_large ? " too large" : "");
    out->type = API_TYPE_TEXT;
}

/* There are no accounts. */
bool api_accounts_changed(struct api *a, unsigned slot, const struct accounts **seen)
{
    (void)a;
    (void)slot;
    (void)seen;
    return false;
}

void api_accounts_forget(const struct accounts **seen)
{
    (void)seen;
}

bool right_holds(const struct right *r, const struct accounts *a)
{
    (void)r;
    (void)a;
    return true;
}

void right_fini(struct right *r)
{
    buf_fini(&r->text);
}

static void open_watch(struct span target, struct api_result *out)
{
    size_t query = 0;

    while (query < target.len && target.ptr[query] != '?')
        query++;
    buf_add(&out->watch.path, target.ptr, query);
    target = span_from(target, query);
    out->outcome = API_WATCH;
    out->watch.stream = take_prefix(&target, "?stream");
    if (take_prefix(&target, "?past="))
        out->watch.since = number(target);
    if (take_prefix(&target, "?bad"))
        out->watch.since = 1000;
}

void api_handle(struct api *a, unsigned slot, const struct api_request *rq, struct api_result *out)
{
    struct span target = rq->target;

    (void)a;
    (void)slot;
    *out =
        (struct api_result){.outcome = API_REPLY, .reply = {.status = 200, .type = API_TYPE_JSON}};
    out->reply.cluster_id = out->reply.has_etcd_index = out->reply.has_raft = true;
    out->reply.etcd_index = 5;
    out->reply.raft_index = 1234567890123456789;
    out->reply.raft_term = 2;
    if (take_prefix(&target, "/read") && !rq->confirmed) {
        out->outcome = API_READ;
        out->read = mem_zalloc(sizeof(*out->read));
    } else if (take_prefix(&target, "/size/")) {
        size_t n = number(target);

        for (size_t i = 0; i < n; i++)
            buf_char(&out->reply.body, (char)('a' + i % 26));
    } else if (take_prefix(&target, "/list/")) {
        out->outcome = API_STREAM;
        out->listing = mem_zalloc(sizeof(*out->listing));
        out->listing->left = number(target);
        atomic_fetch_add(&listings, 1);
    } else if (take_prefix(&target, "/fixed")) {
        out->reply =
            (struct api_reply){.status = 405, .type = API_TYPE_TEXT_NOSNIFF, .allow = "GET,PUT"};
        out->reply.fixed = SPAN("Method Not Allowed\n");
    } else if (take_prefix(&target, "/moved")) {
        out->reply = (struct api_reply){.status = 301, .type = API_TYPE_HTML};
        buf_lit(&out->reply.location, "/else");
    } else if (take_prefix(&target, "/write") && !rq->body_too_large) {
        out->outcome = API_PROPOSE;
        out->proposal = mem_zalloc(sizeof(*out->proposal));
        out->proposal->command = blob_copy(rq->body);
    } else if (take_prefix(&target, "/watch")) {
        open_watch(target, out);
    } else {
        echo(rq, &out->reply);
        if (rq->body_too_large)
            out->reply.status = 400;
    }
}

void api_read_reply(struct api *a, unsigned slot, const struct api_request *rq,
                    struct quorum_read **r, struct api_result *out)
{
    struct api_request confirmed = *rq;

    confirmed.confirmed = true;
    api_handle(a, slot, &confirmed, out);
    if ((*r)->code != V2_OK) {
        buf_clear(&out->reply.body);
        out->reply.status = 500;
        buf_span(&out->reply.body, buf_as_span(&(*r)->cause));
    }
    buf_fini(&(*r)->cause);
    mem_free(*r);
    *r = NULL;
}

void api_proposal_reply(struct api *a, struct proposal **p, bool no_value, struct api_reply *out)
{
    struct proposal *done = *p;

    (void)a;
    (void)no_value;
    *p = NULL;
    *out = (struct api_reply){
        .status = 201, .type = API_TYPE_JSON, .cluster_id = true, .has_etcd_index = true};
    out->etcd_index = done->etcd_index;
    if (done->code == V2_OK) {
        out->event = done->event;
    } else {
        out->status = 500;
        buf_span(&out->body, buf_as_span(&done->cause));
    }
    buf_fini(&done->cause);
    blob_unref(done->command);
    mem_free(done);
}

bool api_watch_head(struct api *a, const struct watch *w, struct api_reply *out)
{
    (void)a;
    *out = (struct api_reply){
        .status = 200, .type = API_TYPE_JSON, .cluster_id = true, .has_etcd_index = true};
    out->etcd_index = w->etcd_index;
    if (w->code == V2_OK)
        return true;
    out->status = 400;
    buf_lit(&out->body, "cleared\n");
    return false;
}

void api_error(struct api_reply *out, enum v2_code code, struct span cause, uint64_t index)
{
    *out = (struct api_reply){.status = 500, .type = API_TYPE_JSON, .cluster_id = true};
    buf_printf(&out->body, "%d %.*s %llu\n", (int)code, (int)cause.len, cause.ptr,
               (unsigned long long)index);
}

bool api_listing_more(struct api_listing *l, struct buf *b, size_t max)
{
    size_t n = l->left < max ? l->left : max;

    for (size_t i = 0; i < n; i++)
        buf_char(b, 'l');
    l->left -= n;
    return l->left > 0;
}

void api_listing_free(struct api_listing *l)
{
    atomic_fetch_sub(&listings, 1);
    mem_free(l);
}

void api_reply_fini(struct api_reply *r)
{
    buf_fini(&r->location);
    buf_fini(&r->body);
    event_unref(r->event);
    *r = (struct api_reply){0};
}

/* -- store: events only
 * ---------------------------------------------------------------------------------------- */

struct event *event_new(enum v2_action action, uint64_t index, struct span path, struct span json)
{
    struct event *e = mem_zalloc(sizeof(*e) + path.len + json.len);

    atomic_init(&e->refs, 1);
    e->action = action;
    e->index = index;
    e->path_len = (uint32_t)path.len;
    e->json_len = (uint32_t)json.len;
    memcpy(e->bytes, path.ptr, path.len);
    if (json.len > 0)
        memcpy(e->bytes + path.len, json.ptr, json.len);
    return e;
}

struct event *event_ref(struct event *e)
{
    atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
    return e;
}

void event_unref(struct event *e)
{
    if (e != NULL && atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) == 1)
        mem_free(e);
}
