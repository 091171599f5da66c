/* Watches: one key or all of them, long polls and streams, from the next event or from the one
 * behind the last that was seen, at any member. What was committed says what each must be told. */
#include "engines.h"

#include <stdio.h>

static bool meets(const struct watch_client *c, uint64_t index)
{
    const struct told *t = &sim->told[index];
    return t->event != NULL && t->key < KEYS && !t->event->refresh &&
           (c->key == KEYS || c->key == t->key);
}

/* Nothing for C in [next, END). */
static void check_none(struct watch_client *c, uint64_t end)
{
    for (; c->next < end; c->next++)
        if (meets(c, c->next))
            sim_fail("WATCH-GAP watch %u at m%u was not told of %lu", c->n, c->member, c->next);
}

static void again(struct watch_client *c)
{
    c->open = c->live = c->closing = c->ended = false;
    sim_push((struct item){.at = sim->now + (1 + sim_below(100)) * MS,
                           .what = HAPPEN_WATCH,
                           .who = c->n,
                           .life = ++c->visit});
}

static void on_push(struct watcher *watcher, struct event *event, bool historic)
{
    struct watch_client *c = CP_CONTAINER_OF(watcher, struct watch_client, w.watcher);
    (void)historic;
    if (sim->inside->muted)
        return;
    uint64_t i = event->index;
    if (c->next == 0)
        c->next = i; /* told before opened(): only what follows counts */
    if (i < c->next)
        sim_fail("WATCH-AGAIN watch %u at m%u was told of %lu, next is %lu", c->n, c->member, i,
                 c->next);
    if (i > sim->told_last || !meets(c, i))
        sim_fail("WATCH-WRONG watch %u at m%u was told of %lu", c->n, c->member, i);
    check_none(c, i);
    c->next = i + 1;
    c->told = true;
    sim->total.watched++;
}

static void on_ended(struct watch *w)
{
    struct watch_client *c = w->owner;
    c->live = false;
    sim_push((struct item){
        .at = sim->now + sim_below(50) * MS, .what = HAPPEN_WATCH, .who = c->n, .life = c->visit});
    c->ended = true;
}

static void on_closed(struct watch *w)
{
    again(w->owner);
}

static void on_opened(struct watch *w)
{
    struct watch_client *c = w->owner;
    struct sim_member *m = sim->inside;
    if (m->muted)
        return;
    if (w->code == V2_EVENT_INDEX_CLEARED) {
        if (w->oldest <= c->next || w->oldest + sim->weather.history < w->etcd_index)
            sim_fail("WATCH-CLEARED watch %u at m%u wants %lu, oldest %lu of %lu", c->n, m->n,
                     c->next, w->oldest, w->etcd_index);
        c->next = w->etcd_index + 1;
        again(c);
        return;
    }
    if (w->code == V2_RAFT_INTERNAL) { /* there is no leader */
        again(c);
        return;
    }
    if (w->code != V2_OK)
        sim_fail("WATCH watch %u at m%u: code %d", c->n, m->n, w->code);
    if (c->next == 0)
        c->next = w->etcd_index + 1;
    c->live = true;
}

static void open_watch(struct watch_client *c, struct sim_member *m)
{
    c->member = m->n;
    c->open = true;
    c->told = false;
    if (sim_chance(200))
        c->next = 0;
    c->w = (struct watch){.owner = c,
                          .watcher = {.path = span_of(c->path),
                                      .since = c->next,
                                      .recursive = c->key == KEYS,
                                      .stream = sim_chance(500),
                                      .push = on_push},
                          .opened = on_opened,
                          .ended = on_ended,
                          .closed = on_closed};
    if (!engine_watch(m->engine, &c->w)) {
        again(c);
        return;
    }
    member_post(m);
    sim_push((struct item){.at = sim->now + (50 + sim_below(4000)) * MS,
                           .what = HAPPEN_WATCH,
                           .who = c->n,
                           .life = c->visit});
}

static void close_watch(struct watch_client *c, struct sim_member *m)
{
    c->closing = true;
    engine_unwatch(m->engine, &c->w);
    member_post(m);
}

/* Opens it, or closes it: the one planned last. */
void watch_turn(unsigned n, uint64_t visit)
{
    struct watch_client *c = &sim->watch[n];
    if (c->visit != visit)
        return;
    if (c->open && (c->live || c->ended) && !c->closing) {
        close_watch(c, &sim->member[c->member]);
        return;
    }
    struct sim_member *m = member_any();
    if (c->open || m == NULL) /* not subscribed yet: later */
        sim_push((struct item){
            .at = sim->now + 100 * MS, .what = HAPPEN_WATCH, .who = n, .life = visit});
    else
        open_watch(c, m);
}

void watch_begin(unsigned n)
{
    struct watch_client *c = &sim->watch[n];
    *c = (struct watch_client){.n = n, .key = sim_chance(400) ? (unsigned)sim_below(KEYS) : KEYS};
    if (c->key == KEYS)
        snprintf(c->path, sizeof(c->path), "/k");
    else
        client_key_path(c->key, c->path);
    again(c);
}

void watch_member_gone(unsigned member)
{
    for (unsigned i = 0; i < sim->watches; i++)
        if (sim->watch[i].open && sim->watch[i].member == member)
            again(&sim->watch[i]);
}

/* After a step: who waits at M was told of everything up to INDEX. */
void watch_check(struct sim_member *m, uint64_t index)
{
    for (unsigned i = 0; i < sim->watches; i++) {
        struct watch_client *c = &sim->watch[i];
        if (c->live && !c->closing && c->member == m->n && c->w.watcher.registered)
            check_none(c, index + 1);
        else if (c->live && !c->closing && c->member == m->n && !c->told)
            sim_fail("WATCH-ENDED watch %u at m%u was told of nothing", i, m->n);
    }
}
