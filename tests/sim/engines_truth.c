/* What raft and the store promise, checked whenever something could have broken it. */
#include "engines.h"

#include "base/mem.h"
#include "store/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READER = 1, SEEN_SLOTS = 1 << 17, TREE_EVERY = 32 };

/* Log matching: what stood at an index in a term, and behind which term. Open hashing. */
static struct {
    struct seen {
        uint64_t index, term, value, prev_term;
    } slot[SEEN_SLOTS];
    uint32_t used[SEEN_SLOTS], n; /* so that a reset costs what the run did */
} seen;

/* Of the entry that is being applied. */
static struct {
    bool first, ours, event;
    struct command command;
    unsigned op, key;
    uint64_t term;
    uint64_t modified; /* of its key, before */
} now;

void truth_reset(void)
{
    while (seen.n > 0)
        seen.slot[seen.used[--seen.n]] = (struct seen){0};
    for (uint64_t i = 0; i <= sim->committed; i++)
        sim->truth[i] = (struct truth){0};
    sim->committed = 0;
    for (uint64_t i = 0; i <= sim->told_last; i++) {
        event_unref(sim->told[i].event);
        sim->told[i] = (struct told){NULL, KEYS};
    }
    sim->told_last = 0;
}

unsigned truth_key(struct span path)
{
    if (!span_starts(path, SPAN("/k/")))
        return KEYS;
    unsigned key = 0;
    for (size_t i = 3; i < path.len && path.ptr[i] >= '0' && path.ptr[i] <= '9'; i++)
        key = key * 10 + (unsigned)(path.ptr[i] - '0');
    return key;
}

static uint64_t value_of(const struct log_entry *e)
{
    return sim_hash((uint64_t)e->type, blob_span(e->payload));
}

/* ---- the log ---- */

static uint64_t term_at(const struct sim_member *m, uint64_t index)
{
    return index >= m->base && index <= m->stored_last ? m->stored_term[index] : 0;
}

void truth_stored(struct sim_member *m, uint64_t index, const struct log_entry *e)
{
    if (index >= INDEX_MAX || index == 0)
        sim_fail("INDEX-HIGH m%u %lu", m->n, index);
    struct seen s = {index, e->term, value_of(e), term_at(m, index - 1)};
    m->stored_term[index] = e->term;
    m->stored_last = index;
    uint32_t h = (uint32_t)sim_mix(index * 31, e->term) & (SEEN_SLOTS - 1);
    for (; seen.slot[h].index != 0; h = (h + 1) & (SEEN_SLOTS - 1)) {
        const struct seen *old = &seen.slot[h];
        if (old->index != index || old->term != e->term)
            continue;
        if (old->value != s.value ||
            (old->prev_term != 0 && s.prev_term != 0 && old->prev_term != s.prev_term))
            sim_fail("LOG-MATCHING m%u index %lu term %lu", m->n, index, e->term);
        return;
    }
    if (seen.n >= SEEN_SLOTS / 2)
        sim_fail("more entries than the table holds");
    seen.slot[h] = s;
    seen.used[seen.n++] = h;
}

void truth_booted(struct sim_member *m, const struct consensus_boot *boot)
{
    m->base = m->stored_last = boot->base_index;
    m->stored_term[m->base] = boot->base_term;
    for (size_t i = 0; i < boot->n_entries; i++)
        truth_stored(m, m->base + 1 + i, &boot->entries[i]);
    truth_adopt(m);
}

/* Election safety and leader completeness. */
void truth_role(struct sim_member *m, bool leads, uint64_t term)
{
    if (leads && !(m->leads && m->lead_term == term)) {
        sim->total.elections++;
        sim_say(1, "m%u LEADS term %lu log %lu..%lu committed %lu", m->n, term, m->base + 1,
                m->stored_last, sim->committed);
        if (term >= TERM_MAX)
            sim_fail("TERM-HIGH m%u", m->n);
        /* A leader alone may come back to its term; it is the same one. */
        if (sim->term_leader[term] != 0 && sim->term_leader[term] != m->n)
            sim_fail("ELECTION-SAFETY term %lu: m%lu and m%u", term, sim->term_leader[term], m->n);
        sim->term_leader[term] = m->n;
        m->lead_since = sim->now;
        chaos_elected(m);
        uint64_t from = sim->committed > 300 ? sim->committed - 300 : 1;
        for (uint64_t i = from; i <= sim->committed; i++)
            if (sim->truth[i].commit_term < term && i > m->base &&
                term_at(m, i) != sim->truth[i].term)
                sim_fail("LEADER-COMPLETENESS m%u term %lu index %lu", m->n, term, i);
    }
    m->leads = leads;
    m->lead_term = term;
}

/* ---- what is applied ---- */

/* An operation of a client says its number in its value, also where the store has no use for it. */
static unsigned op_of(const struct command *c)
{
    struct span v = c->op.value;
    if (c->kind != COMMAND_STORE || v.len < 2 || v.ptr[0] != 'o')
        return 0;
    unsigned n = 0;
    for (size_t i = 1; i < v.len && v.ptr[i] != '.'; i++)
        n = n * 10 + (unsigned)(v.ptr[i] - '0');
    return n;
}

void truth_before(struct sim_member *m, uint64_t index, const struct log_entry *e)
{
    (void)m;
    now.first = index > sim->committed;
    now.ours = now.event = false;
    now.op = 0;
    now.key = KEYS;
    now.term = e->term;
    if (!now.first || e->type != ENTRY_COMMAND ||
        command_decode(blob_span(e->payload), &now.command, NULL) != 0)
        return;
    now.ours = true;
    now.op = op_of(&now.command);
    if (now.command.kind == COMMAND_STORE)
        now.key = truth_key(now.command.op.path);
    now.modified = now.key < KEYS ? sim->key_modified[now.key] : 0;
}

void truth_event(struct sim_member *m, struct event *event)
{
    struct span json = event_json(event);
    m->chain = sim_hash(m->chain, json);
    now.event = true;
    uint64_t i = event->index;
    if (i >= EVENT_MAX)
        sim_fail("EVENT-HIGH %lu", i);
    if (i <= sim->told_last) {
        const struct event *old = sim->told[i].event;
        if (old == NULL || !span_eq(event_json(old), json))
            sim_fail("EVENT-DIFFERS m%u store index %lu", m->n, i);
        return;
    }
    for (uint64_t k = sim->told_last + 1; k < i; k++)
        sim->told[k] = (struct told){NULL, KEYS};
    unsigned key = truth_key(event_path(event));
    bool gone = event->action == V2_DELETE || event->action == V2_COMPARE_AND_DELETE ||
                event->action == V2_EXPIRE;
    sim->told[i] = (struct told){event_ref(event), key};
    sim->told_last = i;
    if (key >= KEYS)
        return;
    sim->key_modified[key] = gone ? 0 : i;
    client_changed(key, i, gone ? 0 : event->refresh ? UINT32_MAX : now.op);
    if (event->action == V2_EXPIRE)
        time_expired(key, sim->committed + 1, now.term);
}

static bool should_do(const struct client_op *op)
{
    switch (op->kind) {
    case DO_SET:
    case DO_SET_TTL:
    case DO_POST:
        return true;
    case DO_REFRESH:
    case DO_DELETE:
        return now.modified != 0;
    case DO_CREATE:
        return now.modified == 0;
    default:
        return now.modified != 0 && now.modified == op->prev;
    }
}

/* Exactly once, not before it began, and with the effect that its conditions ask for. */
static void check_op(uint64_t index)
{
    struct client_op *op = &sim->ops[now.op];
    if (now.op > sim->n_ops)
        sim_fail("INVENTED op %u at %lu", now.op, index);
    if (op->applied != 0)
        sim_fail("APPLIED-TWICE op %u at %lu and %lu", now.op, op->applied, index);
    if (index <= op->floor)
        sim_fail("NOT-LINEAR op %u at %lu began after %lu was told", now.op, index, op->floor);
    if (should_do(op) != now.event)
        sim_fail("CONDITION op %u kind %d at %lu: key %u was at %lu", now.op, op->kind, index,
                 op->key, now.modified);
    op->applied = index;
    op->did = now.event;
}

static void first_applied(struct sim_member *m, uint64_t index, const struct log_entry *e)
{
    struct truth *t = &sim->truth[index];
    if (index != sim->committed + 1)
        sim_fail("APPLY-HOLE m%u index %lu, committed %lu", m->n, index, sim->committed);
    sim->committed = index;
    t->term = e->term;
    t->value = value_of(e);
    t->chain = m->chain;
    t->at = sim->now;
    t->store_index = store_index(m->engine->store);
    t->commit_term = consensus_term(m->engine->consensus);
    t->op = now.op;
    sim->total.entries++;
    if (now.ours)
        time_applied(index, &now.command, now.event);
    if (now.ours && now.command.kind >= COMMAND_MEMBER_ADD &&
        now.command.kind <= COMMAND_MEMBER_UPDATE)
        members_applied(&now.command);
    if (now.op != 0)
        check_op(index);
}

void truth_applied(struct sim_member *m, uint64_t index, const struct log_entry *e)
{
    const struct truth *t = &sim->truth[index];
    if (index != m->applied + 1)
        sim_fail("APPLY-ORDER m%u index %lu behind %lu", m->n, index, m->applied);
    m->applied = index;
    m->chain = sim_mix(m->chain, value_of(e));
    if (now.first)
        first_applied(m, index, e);
    if (t->term != e->term || t->value != value_of(e))
        sim_fail("STATE-MACHINE m%u index %lu term %lu, others %lu", m->n, index, e->term, t->term);
    if (t->chain != m->chain || t->store_index != store_index(m->engine->store))
        sim_fail("STATE-HASH m%u index %lu", m->n, index);
}

/* ---- the whole tree ---- */

static uint64_t tree_below(const struct node *dir, uint64_t h)
{
    struct read_cursor c;
    struct node_view v;
    const struct node *n;
    read_children(&c, dir);
    while ((n = read_next(&c)) != NULL) {
        node_view(n, &v);
        h = sim_hash(h, node_name(n));
        h = sim_hash(sim_mix(sim_mix(h, v.created), v.modified), v.value);
        h = sim_mix(h, (uint64_t)v.expires_ns);
        if (v.dir)
            h = sim_mix(tree_below(n, h), 1);
    }
    return h;
}

uint64_t truth_tree(struct sim_member *m)
{
    const struct version *v = store_pin(m->engine->store, READER);
    uint64_t h = tree_below(version_root(v), version_index(v));
    store_unpin(m->engine->store, READER);
    return h | 1;
}

static void check_tree(struct sim_member *m)
{
    struct truth *t = &sim->truth[m->applied];
    uint64_t h = truth_tree(m);
    if (t->tree == 0)
        t->tree = h;
    else
        m->unproven = false;
    if (t->tree != h)
        sim_fail("TREE m%u at %lu", m->n, m->applied);
}

void truth_adopt(struct sim_member *m)
{
    m->applied = m->engine->applied_index;
    if (m->applied > sim->committed)
        sim_fail("ADOPTED m%u holds %lu, committed is %lu", m->n, m->applied, sim->committed);
    m->chain = sim->truth[m->applied].chain;
    m->unproven = true;
    if (m->applied > 0 && store_index(m->engine->store) != sim->truth[m->applied].store_index)
        sim_fail("ADOPTED m%u at %lu has store index %lu, not %lu", m->n, m->applied,
                 store_index(m->engine->store), sim->truth[m->applied].store_index);
}

static bool any_unproven(void)
{
    for (unsigned i = 1; i <= sim->used; i++)
        if (sim->member[i].up && sim->member[i].unproven)
            return true;
    return false;
}

void truth_after_step(struct sim_member *m)
{
    const struct version *v = store_pin(m->engine->store, READER);
    uint64_t index = version_index(v);
    store_unpin(m->engine->store, READER);
    if (m->applied != m->engine->applied_index)
        sim_fail("APPLIED m%u says %lu, was %lu", m->n, m->engine->applied_index, m->applied);
    if (m->applied > 0 && index != sim->truth[m->applied].store_index)
        sim_fail("PUBLISHED m%u shows store index %lu at %lu, which made %lu", m->n, index,
                 m->applied, sim->truth[m->applied].store_index);
    if (index < m->read_index)
        sim_fail("BACKWARDS m%u shows store index %lu after %lu", m->n, index, m->read_index);
    if (index != m->read_index && (m->applied % TREE_EVERY == 0 || any_unproven()))
        check_tree(m);
    m->read_index = index;
    watch_check(m, index);
}

bool truth_together(void)
{
    for (unsigned i = 1; i <= sim->used; i++)
        if (sim->member[i].up && !sim->member[i].leaving &&
            sim->member[i].applied != sim->committed)
            return false;
    return true;
}

void truth_converged(void)
{
    struct sim_member *leader = member_leader();
    if (leader == NULL)
        sim_fail("NO-LEADER");
    uint64_t tree = truth_tree(leader);
    for (unsigned i = 1; i <= sim->used; i++) {
        struct sim_member *m = &sim->member[i];
        if (!m->up || m->leaving)
            continue;
        if (m->applied != sim->committed)
            sim_fail("LAGGING m%u at %lu of %lu", i, m->applied, sim->committed);
        if (truth_tree(m) != tree)
            sim_fail("TREE m%u differs from m%u at the end", i, leader->n);
        store_check(m->engine->store);
    }
}
