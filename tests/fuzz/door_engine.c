#include "door_engine.h"

#include "codec/command.h"
#include "codec/render.h"
#include "store/read.h"

#define EXISTED_SLOT   63
#define HISTORY_EVENTS 8 /* few: so that watches come too late for it */

static struct door_engine *of(struct engine *base)
{
    return CP_CONTAINER_OF(base, struct door_engine, base);
}

static bool existed(void *ctx, const struct event *event, struct span path)
{
    struct door_engine *e = ctx;
    const struct node *node;
    size_t cause_len;

    (void)event;

    const struct version *before = store_pin(e->base.store, EXISTED_SLOT);
    bool stood = read_find(before, path, &node, &cause_len) == V2_OK;

    store_unpin(e->base.store, EXISTED_SLOT);
    return stood;
}

void door_engine_init(struct door_engine *e)
{
    *e = (struct door_engine){0};
    fake_engine_init(&e->base);
    e->base.shared = true;
    e->hub = hub_new(HISTORY_EVENTS, 0, existed, e);
    e->last = &e->first;
    pthread_mutex_init(&e->lock, NULL);
}

void door_engine_fini(struct door_engine *e)
{
    CP_ASSERT(e->proposals == 0 && e->watches == 0 && hub_watchers(e->hub) == 0);
    store_check(e->base.store);
    hub_free(e->hub);
    fake_engine_fini(&e->base);
    pthread_mutex_destroy(&e->lock);
}

/* The change R becomes the published version. Gives its event. */
static struct event *publish(struct door_engine *e, const struct store_result *r)
{
    struct event *event = render_event(r, e->base.now_ns);

    hub_publish(e->hub, &event, 1);
    store_publish(e->base.store);
    return event;
}

static void apply(struct door_engine *e, struct proposal *p)
{
    struct command c;
    struct store_result r;

    CP_ASSERT(command_decode(blob_span(p->command), &c, NULL) == 0);
    if (c.kind != COMMAND_STORE) {
        fake_engine_apply_member(&e->base, &c, p);
    } else {
        p->code = store_apply(e->base.store, &c.op, e->base.now_ns, &r);
        buf_span(&p->cause, r.cause);
        p->etcd_index = r.index;
        if (p->code == V2_OK)
            p->event = publish(e, &r);
    }
    p->raft_index = ++e->base.raft_index;
    p->raft_term = 2;
    e->proposals--;
    p->done(p);
}

static void apply_waiting(struct door_engine *e)
{
    struct mail *m = e->first;

    e->first = NULL;
    e->last = &e->first;
    while (m != NULL) {
        struct mail *next = m->next;

        apply(e, CP_CONTAINER_OF(m, struct proposal, mail));
        m = next;
    }
}

static void begin(struct door_engine *e)
{
    pthread_mutex_lock(&e->lock);
}

static void end(struct door_engine *e)
{
    door_turn_end(e->door);
    pthread_mutex_unlock(&e->lock);
}

void door_engine_hold(struct door_engine *e)
{
    begin(e);
    e->held = true;
    end(e);
}

void door_engine_release(struct door_engine *e)
{
    begin(e);
    e->held = false;
    apply_waiting(e);
    end(e);
}

void door_engine_refuse(struct door_engine *e)
{
    begin(e);
    e->busy++;
    end(e);
}

void door_engine_tick(struct door_engine *e, int64_t ns)
{
    struct store_result r;

    begin(e);
    e->base.now_ns += ns;
    while (store_expire_next(e->base.store, e->base.now_ns, &r))
        event_unref(publish(e, &r));
    end(e);
}

static bool is_full(struct door_engine *e)
{
    if (e->busy == 0)
        return false;
    e->busy--;
    return true;
}

bool engine_propose(struct engine *base, struct proposal **p)
{
    struct door_engine *e = of(base);

    begin(e);

    bool taken = !is_full(e);

    if (taken) {
        struct mail *m = &(*p)->mail;

        m->next = NULL;
        *e->last = m;
        e->last = &m->next;
        e->proposals++;
        *p = NULL;
        if (!e->held)
            apply_waiting(e);
    }
    end(e);
    return taken;
}

bool engine_read(struct engine *base, struct quorum_read *r)
{
    struct door_engine *e = of(base);

    begin(e);

    bool taken = !is_full(e);

    if (taken) {
        r->code = e->busy % 2 == 0 ? V2_OK : V2_RAFT_INTERNAL;
        r->done(r);
    }
    end(e);
    return taken;
}

void engine_ring(struct engine *base)
{
    (void)base; /* it never sleeps */
}

bool engine_watch(struct engine *base, struct watch *w)
{
    struct door_engine *e = of(base);

    begin(e);

    bool taken = !is_full(e);

    if (taken) {
        w->etcd_index = store_index(base->store);
        w->raft_index = base->raft_index;
        w->raft_term = 2;
        w->code = hub_subscribe(e->hub, &w->watcher, &w->oldest);
        if (w->code == V2_OK)
            e->watches++;
        w->opened(w);
    }
    end(e);
    return taken;
}

void engine_unwatch(struct engine *base, struct watch *w)
{
    struct door_engine *e = of(base);

    begin(e);
    hub_cancel(e->hub, &w->watcher);
    e->watches--;
    w->closed(w);
    end(e);
}

uint64_t engine_cluster_id(const struct engine *base)
{
    (void)base;
    return 0x12;
}
