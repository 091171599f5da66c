/* Clients: each has one request on its way, at any member, and knows what its answer must say. */
#include "engines.h"

#include "base/mem.h"
#include "codec/command.h"
#include "store/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The last keys have deadlines. The first clients only read, so that no write without an outcome
 * keeps them from asking a leader that is not one any more. */
enum { READER = 2, TTL_KEYS = 8, READERS = 3 };

/* What a key held, by store index. */
struct change {
    uint64_t index;
    unsigned op; /* 0: nothing */
};

static struct {
    struct change *v;
    size_t n, cap;
} held[KEYS];

void client_key_path(unsigned key, char path[32])
{
    snprintf(path, 32, "/k/%02u", key);
}

/* OP UINT32_MAX: the same as before. */
void client_changed(unsigned key, uint64_t index, unsigned op)
{
    if (held[key].n == held[key].cap) {
        held[key].cap = held[key].cap * 2 + 64;
        held[key].v = mem_realloc(held[key].v, held[key].cap * sizeof(*held[key].v));
    }
    if (op == UINT32_MAX)
        op = held[key].n > 0 ? held[key].v[held[key].n - 1].op : 0;
    held[key].v[held[key].n++] = (struct change){index, op};
}

void client_reset(void)
{
    for (unsigned i = 0; i < KEYS; i++)
        held[i].n = 0;
}

static struct change held_at(unsigned key, uint64_t index)
{
    size_t lo = 0, hi = held[key].n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (held[key].v[mid].index <= index)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo > 0 ? held[key].v[lo - 1] : (struct change){0, 0};
}

/* ---- reading ---- */

static void look(struct sim_member *m, unsigned key)
{
    char path[32];
    size_t cause;
    const struct node *node;
    struct node_view view;
    client_key_path(key, path);
    const struct version *v = store_pin(m->engine->store, READER);
    struct change want = held_at(key, version_index(v));
    bool there = read_find(v, span_of(path), &node, &cause) == V2_OK;
    if (there)
        node_view(node, &view);
    unsigned op = there && view.value.len > 1 ? (unsigned)strtoul(view.value.ptr + 1, NULL, 10) : 0;
    bool same =
        there == (want.op != 0) && (!there || (op == want.op && view.modified == want.index));
    uint64_t index = version_index(v);
    store_unpin(m->engine->store, READER);
    if (!same)
        sim_fail("READ m%u key %u at store index %lu: op %u, not %u", m->n, key, index, op,
                 want.op);
}

static void next_turn(struct client *c)
{
    unsigned n = (unsigned)(c - sim->client);
    c->busy_since = 0;
    if (sim->settling)
        return;
    sim_push((struct item){.at = sim->now + (1 + sim_below(2 * sim->weather.think_ms)) * MS,
                           .what = HAPPEN_CLIENT,
                           .who = n});
}

static void read_done(struct quorum_read *r)
{
    struct client *c = r->owner;
    struct sim_member *m = sim->inside;
    if (!m->muted && r->code == V2_OK) {
        if (m->applied < c->floor)
            sim_fail("STALE-READ m%u at %lu, %lu was told before it began", m->n, m->applied,
                     c->floor);
        if (sim->floor < m->applied)
            sim->floor = m->applied;
        look(m, (unsigned)sim_below(KEYS));
        sim->total.quorum_reads++;
        c->streak++;
    } else {
        c->streak = 0;
    }
    buf_fini(&r->cause);
    mem_free(r);
    next_turn(c);
}

static void begin_read(struct client *c, struct sim_member *m)
{
    struct quorum_read *r = mem_zalloc(sizeof(*r));
    r->owner = c;
    r->done = read_done;
    c->floor = sim->floor;
    c->busy_since = sim->now;
    c->member = m->n;
    if (!engine_read(m->engine, r)) {
        mem_free(r);
        next_turn(c);
        return;
    }
    member_post(m);
}

/* ---- writing ---- */

static void check_answer(const struct proposal *p, unsigned number)
{
    struct client_op *op = &sim->ops[number];
    const struct truth *t = &sim->truth[p->raft_index];
    if (op->applied == 0 || op->applied != p->raft_index || t->op != number ||
        sim->inside->applied < p->raft_index)
        sim_fail("ANSWER op %u at %lu, applied at %lu", number, p->raft_index, op->applied);
    if (op->did != (p->code == V2_OK) || p->etcd_index != t->store_index)
        sim_fail("ANSWER op %u code %d index %lu, not %lu", number, p->code, p->etcd_index,
                 t->store_index);
    if (p->code == V2_OK &&
        !span_eq(event_json(p->event), event_json(sim->told[p->event->index].event)))
        sim_fail("ANSWER op %u says another event", number);
    if (sim->floor < p->raft_index)
        sim->floor = p->raft_index;
    op->acked = true;
    sim->total.acked++;
    sim->total.refused += p->code != V2_OK;
}

static void write_done(struct proposal *p)
{
    struct client *c = p->owner;
    struct client_op *op = &sim->ops[c->op];
    if (op->answered)
        sim_fail("ANSWERED-TWICE op %u", c->op);
    op->answered = true;
    if (!sim->inside->muted && p->code != V2_RAFT_INTERNAL) {
        check_answer(p, c->op);
        c->streak++;
    } else {
        sim->total.unknown++;
        c->streak = 0;
        sim_say(2, "op %u: %.*s", c->op, (int)p->cause.len, p->cause.ptr);
    }
    event_unref(p->event);
    buf_fini(&p->cause);
    mem_free(p);
    next_turn(c);
}

static void choose(struct client_op *op)
{
    static const enum op_kind plain[] = {DO_SET,    DO_SET, DO_SET,  DO_CAS,   DO_CAS,
                                         DO_CREATE, DO_CAD, DO_POST, DO_DELETE};
    static const enum op_kind fading[] = {DO_SET_TTL, DO_SET_TTL, DO_REFRESH};
    op->key = (unsigned)sim_below(KEYS);
    op->kind = op->key >= KEYS - TTL_KEYS ? fading[sim_below(3)] : plain[sim_below(9)];
    op->prev = sim->key_modified[op->key];
    if (op->kind == DO_CAS || op->kind == DO_CAD)
        op->prev = op->prev == 0 || sim_chance(100) ? 1 + sim_below(sim->told_last + 1) : op->prev;
}

static struct blob *encode(const struct client_op *op, unsigned number)
{
    static const struct store_op shapes[DO_KINDS] = {
        [DO_SET] = {.verb = OP_PUT},
        [DO_SET_TTL] = {.verb = OP_PUT, .flags = OP_HAS_TTL},
        [DO_REFRESH] = {.verb = OP_PUT, .exist = OP_EXIST_YES, .flags = OP_HAS_TTL | OP_REFRESH},
        [DO_CAS] = {.verb = OP_PUT},
        [DO_CREATE] = {.verb = OP_PUT, .exist = OP_EXIST_NO},
        [DO_DELETE] = {.verb = OP_DELETE},
        [DO_CAD] = {.verb = OP_DELETE},
        [DO_POST] = {.verb = OP_POST}};
    char path[32], value[16];
    client_key_path(op->key, path);
    snprintf(value, sizeof(value), "o%u.", number);
    struct command c = {.kind = COMMAND_STORE, .op = shapes[op->kind]};
    c.op.path = op->kind == DO_POST ? SPAN("/q") : span_of(path);
    c.op.value = span_of(value);
    c.op.prev_index = op->prev;
    if (op->kind != DO_CAS && op->kind != DO_CAD)
        c.op.prev_index = 0;
    if (c.op.flags & OP_HAS_TTL)
        c.op.ttl_s = 1 + sim_below(12);
    return command_encode(&c);
}

static void begin_write(struct client *c, struct sim_member *m)
{
    if (sim->n_ops + 1 >= OPS_MAX)
        sim_fail("more operations than the table holds");
    unsigned number = ++sim->n_ops;
    struct client_op *op = &sim->ops[number];
    *op = (struct client_op){.floor = sim->floor, .began = sim->now, .member = m->n};
    choose(op);
    struct proposal *p = mem_zalloc(sizeof(*p));
    p->owner = c;
    p->done = write_done;
    p->command = encode(op, number);
    c->op = number;
    c->busy_since = sim->now;
    c->member = m->n;
    if (!engine_propose(m->engine, &p)) {
        blob_unref(p->command);
        mem_free(p);
        next_turn(c);
        return;
    }
    member_post(m);
}

/* One that still takes itself for the leader, or NULL. */
static struct sim_member *deposed(void)
{
    const struct sim_member *leader = member_leader();
    for (unsigned i = 1; i <= sim->used; i++)
        if (sim->member[i].up && sim->member[i].leads && &sim->member[i] != leader)
            return &sim->member[i];
    return NULL;
}

void client_turn(unsigned n)
{
    struct client *c = &sim->client[n];
    if (sim->settling)
        return;
    struct sim_member *m = &sim->member[c->member];
    if (!m->up || sim_chance(100))
        m = member_any();
    if (n < READERS && deposed() != NULL)
        m = deposed();
    if (m == NULL) {
        next_turn(c);
        return;
    }
    c->member = m->n;
    unsigned what = (unsigned)sim_below(n < READERS ? 30 : 100);
    if (what < 12) {
        look(m, (unsigned)sim_below(KEYS));
        sim->total.reads++;
        next_turn(c);
    } else if (what < 30) {
        begin_read(c, m);
    } else {
        begin_write(c, m);
    }
}

/* ---- the end ---- */

/* No more requests: what is under way is answered, and all members get to where the leader is. */
void client_settle(void)
{
    sim->settling = true;
}

/* Five seconds and twice the election timeout by the member's clock, and what its turns take. */
void client_probe(void)
{
    for (unsigned i = 0; i < sim->clients; i++) {
        const struct client *c = &sim->client[i];
        const struct sim_member *m = &sim->member[c->member];
        if (c->busy_since != 0 && sim->now > c->busy_since + 9 * SECOND &&
            sim->now > m->frozen_until + 2 * SECOND)
            sim_fail("UNANSWERED client %u at m%u since %.3f", i, c->member,
                     (double)c->busy_since / (double)SECOND);
    }
}

void client_end(void)
{
    for (unsigned i = 0; i < sim->clients; i++)
        if (sim->client[i].busy_since != 0 || sim->client[i].streak < 3)
            sim_fail("UNSERVED client %u at m%u: %u answers in a row at the end", i,
                     sim->client[i].member, sim->client[i].streak);
}
