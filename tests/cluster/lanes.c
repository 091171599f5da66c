/* lanes: random writes that must succeed, or be refused by the store for a reason known before. */
#include "lanes.h"

#include "base/mem.h"
#include "codec/command.h"

#include <stdio.h>
#include <string.h>

size_t lane_value(uint32_t v, char out[VALUE_MAX])
{
    /* Most are small, some fill several sectors, a few are longer than the shortest segment. */
    size_t pad = v % 97 == 0 ? 17000 : v % 11 == 0 ? 3000 : v % 3 == 0 ? 400 : v % 7;
    int n = snprintf(out, VALUE_MAX, "%u-", (unsigned)v);
    for (size_t i = 0; i < pad; i++)
        out[(size_t)n + i] = (char)('a' + (v + i) % 26);
    return (size_t)n + pad;
}

struct request {
    struct proposal p;
    struct world *world;
    struct lane *lane;
};

/* What is to be written next: fills lane->op, at, then. */
static void choose(struct world *w, struct lane *l)
{
    static const enum lane_op of_existing[] = {
        LANE_SET,    LANE_SET, LANE_SET_TTL, LANE_CAS_VALUE, LANE_CAS_VALUE, LANE_CAS_INDEX,
        LANE_DELETE, LANE_CAD, LANE_CREATE,  LANE_POSTED,    LANE_POSTED,    LANE_SET};
    l->at = (unsigned)world_random(w, LANE_KEYS);
    const struct name_state *now = &l->key[l->at];
    if (l->n_posted == LANE_POST)
        l->op = LANE_CLEAR;
    else if (now->there && !now->fades)
        l->op = of_existing[world_random(w, sizeof(of_existing) / sizeof(*of_existing))];
    else
        l->op = world_random(w, 8) == 0 ? LANE_SET_FADES : LANE_SET;
    bool gone = l->op == LANE_DELETE || l->op == LANE_CAD || l->op == LANE_CLEAR;
    l->then = (struct name_state){.there = !gone,
                                  .ttl = l->op == LANE_SET_TTL || l->op == LANE_SET_FADES,
                                  .fades = l->op == LANE_SET_FADES,
                                  .value = ++w->books->values};
}

/* The operation that the lane's op means. */
static struct blob *encode(struct world *w, const struct lane *l)
{
    static const enum op_verb verbs[LANE_OPS] = {
        [LANE_SET] = OP_PUT,       [LANE_SET_TTL] = OP_PUT,   [LANE_SET_FADES] = OP_PUT,
        [LANE_CAS_VALUE] = OP_PUT, [LANE_CAS_INDEX] = OP_PUT, [LANE_DELETE] = OP_DELETE,
        [LANE_CAD] = OP_DELETE,    [LANE_CREATE] = OP_PUT,    [LANE_POSTED] = OP_POST,
        [LANE_CLEAR] = OP_DELETE};
    static char value[VALUE_MAX], before[VALUE_MAX];
    char path[32];
    int lane = (int)(l - w->books->lane);
    if (l->op == LANE_POSTED || l->op == LANE_CLEAR)
        snprintf(path, sizeof(path), "/q%d", lane);
    else
        snprintf(path, sizeof(path), "/k%d/%u", lane, l->at);
    struct command c = {.kind = COMMAND_STORE, .op = {.verb = verbs[l->op], .path = span_of(path)}};
    struct store_op *op = &c.op;
    if (op->verb != OP_DELETE)
        op->value = span_make(value, lane_value(l->then.value, value));
    if (l->op == LANE_CAS_VALUE || l->op == LANE_CAD) {
        op->flags = OP_HAS_PREV_VALUE;
        op->prev_value = span_make(before, lane_value(l->key[l->at].value, before));
    }
    if (l->op == LANE_CAS_INDEX)
        op->prev_index = l->key[l->at].index;
    if (l->op == LANE_CREATE)
        op->exist = OP_EXIST_NO;
    if (l->op == LANE_CLEAR)
        op->flags = OP_RECURSIVE;
    if (l->then.ttl) {
        op->flags |= OP_HAS_TTL;
        op->ttl_s = l->then.fades ? world_random(w, 2) : 1000000;
    }
    return command_encode(&c);
}

/* The write is acknowledged with INDEX. */
static void settle(struct books *b, struct lane *l, uint64_t index)
{
    b->acked++;
    if (index > b->index)
        b->index = index;
    l->then.index = index;
    if (l->op == LANE_CLEAR)
        l->n_posted = 0;
    else if (l->op == LANE_POSTED)
        l->posted[l->n_posted++] = l->then;
    else if (l->op != LANE_CREATE)
        l->key[l->at] = l->then;
    l->op = LANE_NONE;
}

/* Engine thread. What came while the power was off, or is about the cluster, has no outcome; but a
 * write refused for want of room was not taken; one that waits for room in the log may still be. */
static void on_done(struct proposal *p)
{
    struct request *r = CP_CONTAINER_OF(p, struct request, p);
    struct world *w = r->world;
    struct lane *l = r->lane;
    bool off = faultio_is_off(w->files);
    pthread_mutex_lock(&w->lock);
    enum v2_code expected = l->op == LANE_CREATE ? V2_NODE_EXIST : V2_OK;
    if (p->code == V2_RAFT_INTERNAL) {
        bool full = span_starts(buf_as_span(&p->cause), SPAN("etcdserver: the log has no room: "));
        if (full) {
            w->refusals++;
            w->books->refused++;
            l->op = LANE_NONE;
        } else {
            w->books->unknown++;
            l->stuck = true;
        }
    } else if (p->code != expected) {
        world_broken(w, "lane %d, op %d answered %d", (int)(l - w->books->lane), (int)l->op,
                     (int)p->code);
    } else if (off) {
        w->books->unknown++;
        l->stuck = true;
    } else {
        settle(w->books, l, p->etcd_index);
    }
    w->waiting--;
    pthread_cond_signal(&w->answered);
    pthread_mutex_unlock(&w->lock);
    event_unref(p->event);
    buf_fini(&p->cause);
    mem_free(r);
}

static void send_locked(struct world *w, struct lane *l)
{
    choose(w, l);
    struct request *r = mem_zalloc(sizeof(*r));
    r->world = w;
    r->lane = l;
    r->p.command = encode(w, l);
    r->p.done = on_done;
    struct proposal *p = &r->p;
    w->waiting++;
    CP_ASSERT(engine_propose(w->engine, &p));
    engine_ring(w->engine);
}

bool world_write(struct world *w, unsigned n)
{
    pthread_mutex_lock(&w->lock);
    unsigned stuck = 0;
    uint64_t until = w->books->acked + n;
    for (;;) {
        stuck = 0;
        if (w->books->acked >= until || w->refusals > 0 || faultio_is_off(w->files))
            break;
        for (unsigned i = 0; i < LANES; i++) {
            struct lane *l = &w->books->lane[i];
            stuck += l->stuck;
            if (l->op == LANE_NONE)
                send_locked(w, l);
        }
        if (stuck == LANES)
            break;
        pthread_cond_wait(&w->answered, &w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return stuck < LANES;
}

uint64_t world_acked(struct world *w)
{
    pthread_mutex_lock(&w->lock);
    uint64_t n = w->books->acked;
    pthread_mutex_unlock(&w->lock);
    return n;
}

void world_drain(struct world *w)
{
    pthread_mutex_lock(&w->lock);
    while (w->waiting > 0)
        pthread_cond_wait(&w->answered, &w->lock);
    pthread_mutex_unlock(&w->lock);
}
