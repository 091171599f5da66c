/* What raft promises, checked whenever something could have broken it. */
#include "sim.h"

#include "base/mem.h"

#include <string.h>

/* Log matching: which value and which previous term an index has in a term. Open hashing. */
struct seen {
    uint64_t index, term, value, prev_term;
};
enum {
    SEEN_SLOTS = 1 << 17,
    STALL_MS = 2500,
    LATE_ELECTIONS = 2,
    LAG_ENTRIES = 200,
    ACKS_MIN = 20
};

static struct {
    struct seen *slots;
    uint32_t *used; /* so that a reset costs what the run did */
    uint32_t n;
} table;

uint64_t check_value(const struct log_entry *e)
{
    uint64_t h = 7 + (uint64_t)e->type;
    for (size_t i = 0; i < e->payload->len; i++)
        h = h * 131 + (unsigned char)e->payload->data[i];
    return h;
}

void check_stored(struct node *n, uint64_t index, const struct log_entry *e)
{
    if (table.slots == NULL) {
        table.slots = mem_zalloc(SEEN_SLOTS * sizeof *table.slots);
        table.used = mem_zalloc(SEEN_SLOTS * sizeof *table.used);
    }
    struct seen now = {index, e->term, check_value(e), mirror_term(&n->log, index - 1)};
    uint32_t h = (uint32_t)sim_mix(index * 31, e->term) & (SEEN_SLOTS - 1);
    for (; table.slots[h].index != 0; h = (h + 1) & (SEEN_SLOTS - 1)) {
        struct seen *old = &table.slots[h];
        if (old->index != index || old->term != e->term)
            continue;
        if (old->value != now.value ||
            (old->prev_term != 0 && now.prev_term != 0 && old->prev_term != now.prev_term))
            sim_fail("LOG-MATCHING n%u index %lu term %lu", n->id, index, e->term);
        return;
    }
    if (table.n >= SEEN_SLOTS / 2)
        sim_fail("more entries than the table holds");
    table.slots[h] = now;
    table.used[table.n++] = h;
}

void check_reset(void)
{
    while (table.n > 0)
        table.slots[table.used[--table.n]] = (struct seen){0};
}

/* Election safety and leader completeness. */
void check_leader(struct node *n, uint64_t term)
{
    sim->total.elections++;
    if (sim->now > sim->quiet_from)
        sim->late_elections++;
    sim_say(1, "n%u LEADS term %lu log %lu..%lu committed %lu", n->id, term, n->log.base + 1,
            n->log.last, sim->committed);
    if (term >= TERM_MAX)
        sim_fail("TERM-HIGH n%u", n->id);
    if (sim->term_leader[term] != 0)
        sim_fail("ELECTION-SAFETY term %lu: n%u and n%u", term, sim->term_leader[term], n->id);
    sim->term_leader[term] = n->id;
    uint64_t from = sim->committed > 300 ? sim->committed - 300 : 1;
    for (uint64_t i = from; i <= sim->committed; i++)
        if (sim->truth[i].commit_term < term && i > n->disk.snapshot.index &&
            mirror_term(&n->log, i) != sim->truth[i].term)
            sim_fail("LEADER-COMPLETENESS n%u term %lu index %lu", n->id, term, i);
}

/* State machine safety: everybody applies the same, in order. */
void check_applied(struct node *n, uint64_t index, const struct log_entry *e)
{
    uint64_t value = check_value(e);
    if (index != n->applied + 1)
        sim_fail("APPLY-ORDER n%u index %lu behind %lu", n->id, index, n->applied);
    if (index > sim->committed) {
        if (index != sim->committed + 1 || index >= INDEX_MAX)
            sim_fail("APPLY-HOLE n%u index %lu", n->id, index);
        sim->committed = index;
        sim->truth[index] = (struct truth){.term = e->term,
                                           .value = value,
                                           .type = e->type,
                                           .hash = sim_mix(sim->truth[index - 1].hash, value),
                                           .commit_term = consensus_term(n->consensus)};
    }
    const struct truth *t = &sim->truth[index];
    if (t->term != e->term || t->value != value || t->type != e->type)
        sim_fail("STATE-MACHINE n%u index %lu term %lu, others %lu", n->id, index, e->term,
                 t->term);
    n->state = sim_mix(n->state, value);
    if (n->state != t->hash)
        sim_fail("STATE-HASH n%u index %lu", n->id, index);
    n->applied = index;
    n->applied_term = e->term;
}

/* The core's members are those of the last change in the log. */
void check_members(struct node *n)
{
    if (n->installing || sim->total.calls % 8 != 0)
        return;
    struct consensus_members want = n->members, have;
    for (uint64_t i = n->log.last; i > n->log.base && i > n->members_index; i--) {
        const struct log_entry *e = mirror_get(&n->log, i);
        if (e->type != ENTRY_CHANGE)
            continue;
        if (consensus_members_decode(blob_span(e->payload), &want) != 0)
            sim_fail("MEMBERS n%u index %lu", n->id, i);
        break;
    }
    consensus_members(n->consensus, &have);
    bool same = want.n == have.n;
    for (unsigned i = 0; same && i < want.n; i++)
        same = want.m[i].id == have.m[i].id && want.m[i].role == have.m[i].role;
    if (!same)
        sim_fail("MEMBERS-DIFFER n%u", n->id);
}

/* In the quiet time the longest pause between two commits. */
void check_progress(void)
{
    if (sim->now <= sim->quiet_from || sim->committed == sim->stall_seen)
        return;
    sim->stall_seen = sim->committed;
    if (sim->now - sim->stall_from > sim->stall_max)
        sim->stall_max = sim->now - sim->stall_from;
    sim->stall_from = sim->now;
}

static void check_followers(const struct node *leader)
{
    struct consensus_members members;
    consensus_members(leader->consensus, &members);
    for (unsigned i = 0; i < members.n; i++) {
        const struct node *n = &sim->nodes[members.m[i].id];
        if (members.m[i].role != MEMBER_SPARE && n->applied + LAG_ENTRIES < leader->applied)
            sim_fail("LAGGING n%u applied %lu, leader n%u %lu", n->id, n->applied, leader->id,
                     leader->applied);
    }
}

/* The network has been healed for a while: the cluster must have a leader, nothing lost, and calm.
 */
void check_end(void)
{
    unsigned id = sim_leader();
    if (id == 0)
        sim_fail("NO-LEADER");
    const struct node *leader = &sim->nodes[id];
    if (leader->applied < sim->acked_max)
        sim_fail("ACKED-LOST n%u applied %lu acked %lu", id, leader->applied, sim->acked_max);
    check_followers(leader);
    if (leader->applied + 50 < leader->log.last)
        sim_fail("STALLED n%u applied %lu last %lu", id, leader->applied, leader->log.last);
    if (sim->hard_end - sim->stall_from > sim->stall_max)
        sim->stall_max = sim->hard_end - sim->stall_from;
    if (sim->late_elections > LATE_ELECTIONS)
        sim_fail("FLAPPING %lu elections in the quiet time", sim->late_elections);
    if (sim->stall_max > STALL_MS)
        sim_fail("STALL nothing committed for %lu ms of the quiet time", sim->stall_max);
    if (sim->acked < ACKS_MIN)
        sim_fail("FEW-ACKS %lu", sim->acked);
}
