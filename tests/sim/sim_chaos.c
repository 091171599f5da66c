#include "sim.h"

unsigned sim_leader(void)
{
    unsigned best = 0;
    uint64_t term = 0;
    for (unsigned i = 1; i <= NODES; i++)
        if (sim->nodes[i].up && sim->nodes[i].leads &&
            consensus_term(sim->nodes[i].consensus) > term) {
            term = consensus_term(sim->nodes[i].consensus);
            best = i;
        }
    return best;
}

/* One that was overtaken and does not know it is as good. */
static unsigned any_leader(void)
{
    unsigned found[NODES], n = 0;
    for (unsigned i = 1; i <= NODES; i++)
        if (sim->nodes[i].up && sim->nodes[i].leads)
            found[n++] = i;
    return n > 0 ? found[sim_below(n)] : 0;
}

/* Bit 0 of the seed: links keep the order; bit 1: five voters, else three. */
void chaos_weather(void)
{
    sim->chaos = sim->spikes = true;
    sim->fifo = sim->seed & 1;
    sim->drop_pm = sim_below(4) ? sim_below(60) : 0;
    sim->dup_pm = sim_below(3) ? sim_below(80) : 0;
    sim->delay_min = 1;
    sim->delay_max = 1 + sim_below(25);
    sim->fsync_max = 1 + sim_below(20);
    sim->trailing = sim_below(3) ? 5 + sim_below(40) : sim_below(3);
    sim->snapshot_every = 10 + sim_below(60);
    /* Not drawn: what is no matter of members alone goes on as without it. */
    sim->forget = 1 + (unsigned)(sim_mix(sim->seed, 0xf0) % 40);
    sim->inflight = sim_below(2) ? 32 : (sim_below(2) ? 8 + sim_below(6) : 256);
    sim->members_on = sim_chance(700);
    sim->crashes_on = sim_chance(800);
    sim->partitions_on = sim_chance(800);
    if (sim->opt.reorder) {
        sim->fifo = false;
        if (sim->dup_pm < 20)
            sim->dup_pm = 20 + sim_below(100);
    }
    if (sim->opt.calm) {
        sim->crashes_on = sim->partitions_on = false;
        sim->drop_pm = 0;
    }
}

unsigned chaos_founders(struct consensus_members *out)
{
    unsigned voters = sim->seed & 2 ? 5 : 3;
    if (sim_chance(120))
        voters = 1 + sim_below(2);
    if (sim->opt.small)
        voters = 1 + sim_below(3);
    out->n = 0;
    for (unsigned i = 0; i < voters; i++, out->n++) {
        out->m[i].id = i + 1;
        out->m[i].role = MEMBER_VOTER;
    }
    if (voters <= 2 && sim_chance(700)) {
        out->m[out->n].id = voters + 1;
        out->m[out->n++].role = MEMBER_STANDBY;
    }
    return out->n;
}

static void add_member(struct node *n, struct consensus_members *m)
{
    if (sim->nodes_used >= NODES || m->n >= 6)
        return;
    unsigned id = ++sim->nodes_used;
    m->m[m->n].id = id;
    m->m[m->n++].role = sim_chance(100) ? MEMBER_VOTER : MEMBER_STANDBY; /* a voter is refused */
    node_create(id, NULL);
    sim->partition[id] = sim->partition[n->id];
    node_start(id);
}

static void promote(struct consensus_members *m)
{
    unsigned voters = 0, pick = m->n;
    for (unsigned i = 0; i < m->n; i++) {
        voters += m->m[i].role == MEMBER_VOTER;
        if (m->m[i].role != MEMBER_VOTER)
            pick = i;
    }
    if (pick < m->n && voters < (sim->opt.small ? 3u : 5u))
        m->m[pick].role = MEMBER_VOTER;
}

/* Also of the leader itself, which is refused; and of the last voter. */
static void demote_or_remove(struct consensus_members *m, bool gone)
{
    unsigned i = sim_below(m->n);
    if (!gone) {
        m->m[i].role = sim_chance(500) ? MEMBER_STANDBY : MEMBER_SPARE;
        return;
    }
    for (; i + 1 < m->n; i++)
        m->m[i] = m->m[i + 1];
    m->n--;
}

static void change_members(struct node *n)
{
    struct consensus_members m;
    uint64_t index;
    consensus_members(n->consensus, &m);
    if (m.n == 0)
        return;
    switch (sim_below(5)) {
    case 0:
        add_member(n, &m);
        break;
    case 1:
    case 2:
        promote(&m);
        break;
    case 3:
        demote_or_remove(&m, false);
        break;
    default:
        demote_or_remove(&m, true);
    }
    if (consensus_change(n->consensus, &m, sim->now, &index) == 0) {
        sim->total.changes++;
        for (unsigned i = 0; i < m.n; i++)
            sim_say(1, "n%u changes members: n%lu role %d", n->id, m.m[i].id, m.m[i].role);
    }
    node_after(n);
}

static void crash_one(unsigned id, unsigned down_ms)
{
    if (!sim->nodes[id].up)
        return;
    node_crash(id);
    for (unsigned i = 1; i <= NODES; i++) /* some see its connections end */
        if (sim->nodes[i].up && sim_chance(500))
            node_lost(&sim->nodes[i], id);
    sim_push((struct event_item){
        .at = sim->now + 20 + sim_below(down_ms), .type = EV_RESTART, .node = id});
}

static void split(void)
{
    for (unsigned i = 0; i <= NODES; i++)
        sim->partition[i] = 0;
    if (sim_chance(400))
        return;
    if (sim_chance(500)) {
        for (unsigned i = 1; i <= NODES; i++)
            sim->partition[i] = sim_below(2);
        return;
    }
    unsigned leader = sim_leader();
    sim->partition[leader != 0 ? leader : 1 + sim_below(sim->nodes_used)] = 1;
}

static void slow_disks(void)
{
    for (unsigned i = 1; i <= NODES; i++)
        sim->slow[i] = false;
    if (sim_chance(500))
        sim->slow[1 + sim_below(sim->nodes_used)] = true;
}

static void transfer(void)
{
    unsigned id = sim_leader();
    if (id == 0)
        return;
    if (consensus_transfer(sim->nodes[id].consensus, 0, sim->now) == 0)
        sim->total.transfers++;
    node_after(&sim->nodes[id]);
}

void chaos_strike(void)
{
    if (sim->chaos) {
        if (sim->crashes_on && sim_chance(250))
            crash_one(1 + sim_below(sim->nodes_used), 1500);
        if (sim->crashes_on && sim_chance(15))
            for (unsigned i = 1; i <= sim->nodes_used; i++)
                crash_one(i, 600);
        if (sim->partitions_on && sim_chance(200))
            split();
        if (sim_chance(100))
            slow_disks();
        unsigned id;
        if (sim->members_on && sim_chance(350) &&
            (id = sim_chance(700) ? sim_leader() : any_leader()) != 0)
            change_members(&sim->nodes[id]);
        if (sim_chance(80))
            transfer();
    }
    sim_push((struct event_item){.at = sim->now + 20 + sim_below(120), .type = EV_CHAOS});
}

static void propose(struct node *n)
{
    struct log_entry entries[4];
    unsigned k = 1 + sim_below(CP_COUNT(entries));
    CP_ASSERT(k <= CP_COUNT(entries));
    uint64_t first;
    if (n->n_proposals + k > PROPOSALS)
        return;
    /* Noted before they are submitted: a sole voter could apply them at once. */
    uint64_t index = consensus_last_index(n->consensus) + 1;
    unsigned noted = n->n_proposals;
    for (unsigned i = 0; i < k; i++) {
        uint64_t value = sim->next_value++;
        entries[i] = (struct log_entry){.type = ENTRY_COMMAND,
                                        .payload = blob_copy(span_make(&value, sizeof value))};
        n->proposals[n->n_proposals].index = index + i;
        n->proposals[n->n_proposals++].term = consensus_term(n->consensus);
    }
    int rv = consensus_submit(n->consensus, entries, k, sim->now, &first);
    if (rv != 0)
        n->n_proposals = noted;
    else if (first != index)
        sim_fail("SUBMIT-INDEX n%u", n->id);
    for (unsigned i = 0; i < k; i++)
        blob_unref(entries[i].payload);
    node_after(n);
}

void chaos_client(void)
{
    unsigned id = sim_chance(800) ? sim_leader() : any_leader();
    if (id != 0)
        propose(&sim->nodes[id]);
    sim_push((struct event_item){.at = sim->now + 5 + sim_below(sim->chaos ? 40 : 80),
                                 .type = EV_CLIENT});
}

void chaos_heal(void)
{
    sim_say(1, "healed");
    sim->chaos = sim->spikes = false;
    sim->drop_pm = sim->dup_pm = 0;
    for (unsigned i = 1; i <= NODES; i++) {
        sim->partition[i] = 0;
        sim->slow[i] = false;
        if (sim->nodes[i].exists && !sim->nodes[i].up)
            node_start(i);
    }
}
