#include "sim.h"

#include "base/mem.h"

static uint64_t log_state(void *ctx, uint64_t term, uint64_t vote)
{
    struct node *n = ctx;
    return disk_append(&n->disk, (struct record){.type = REC_STATE, .a = term, .b = vote});
}

static uint64_t log_entries(void *ctx, uint64_t first, const struct log_entry *entries, unsigned k)
{
    struct node *n = ctx;
    if (first <= n->applied)
        sim_fail("TRUNCATE-APPLIED n%u index %lu applied %lu", n->id, first, n->applied);
    uint64_t lsn = 0;
    for (unsigned i = 0; i < k; i++) {
        lsn = disk_append(&n->disk, (struct record){.type = REC_ENTRY,
                                                    .a = first + i,
                                                    .b = entries[i].term,
                                                    .entry = entries[i]});
        mirror_put(&n->log, first + i, &entries[i]);
        check_stored(n, first + i, &entries[i]);
    }
    return lsn;
}

static uint64_t log_mark(void *ctx, uint64_t index, uint64_t term)
{
    struct node *n = ctx;
    mirror_reset(&n->log, index, term);
    return disk_append(&n->disk, (struct record){.type = REC_MARK, .a = index, .b = term});
}

static int log_sync(void *ctx, struct err *err)
{
    struct node *n = ctx;
    (void)err;
    n->disk.durable = n->disk.n;
    return 0;
}

static void send_message(void *ctx, struct peer_message *m)
{
    (void)ctx;
    net_send(m);
}

static void apply(void *ctx, uint64_t index, const struct log_entry *entry)
{
    struct node *n = ctx;
    if (n->installing)
        sim_fail("APPLY-WHILE-INSTALLING n%u index %lu", n->id, index);
    check_applied(n, index, entry);
    for (unsigned i = 0; i < n->n_proposals; i++) {
        if (n->proposals[i].index != index)
            continue;
        if (n->proposals[i].term == entry->term) {
            sim->acked++;
            if (index > sim->acked_max)
                sim->acked_max = index;
        }
        n->proposals[i] = n->proposals[--n->n_proposals];
        break;
    }
    if (entry->type == ENTRY_CHANGE) {
        if (consensus_members_decode(blob_span(entry->payload), &n->members) != 0)
            sim_fail("MEMBERS n%u index %lu", n->id, index);
        n->members_index = index;
    }
}

static void role_changed(void *ctx, enum consensus_role role, uint64_t term, uint64_t leader)
{
    struct node *n = ctx;
    bool leads = role == CONSENSUS_LEADER;
    sim_say(2, "n%u role %d term %lu leader %lu", n->id, role, term, leader);
    if (!leads || !n->leads)
        n->n_proposals = 0;
    if (leads && !n->leads)
        check_leader(n, term);
    n->leads = leads;
}

static void install(void *ctx, const struct snapshot_mark *mark)
{
    struct node *n = ctx;
    n->installing = true;
    n->install = *mark;
    sim->total.installs++;
    sim_say(1, "n%u installs %lu", n->id, mark->index);
    sim_push((struct event_item){.at = sim->now + 5 + sim_below(120),
                                 .type = EV_INSTALL_DONE,
                                 .node = n->id,
                                 .life = n->life});
}

static void snapshot(void *ctx, struct snapshot_mark *mark)
{
    struct node *n = ctx;
    *mark = n->disk.snapshot;
}

static void fatal(void *ctx, const char *what)
{
    struct node *n = ctx;
    sim_fail("BROKEN n%u: %s", n->id, what);
}

static const struct consensus_ops node_ops = {
    .log_state = log_state,
    .log_entries = log_entries,
    .log_mark = log_mark,
    .log_sync = log_sync,
    .send = send_message,
    .apply = apply,
    .role = role_changed,
    .install = install,
    .snapshot = snapshot,
    .fatal = fatal,
};

void node_create(unsigned id, const struct log_entry *first)
{
    struct node *n = &sim->nodes[id];
    n->id = id;
    n->exists = true;
    if (first == NULL)
        return;
    log_state(n, 1, 0);
    disk_append(&n->disk, (struct record){.type = REC_ENTRY, .a = 1, .b = 1, .entry = *first});
    (void)log_sync(n, NULL);
}

/* What is kept behind a snapshot is all the same to consensus; members keep as much as while they
 * run. */
static void load_snapshot(struct node *n)
{
    const struct snapshot_mark *mark = &n->disk.snapshot;
    n->applied = mark->index;
    n->applied_term = mark->term;
    n->members = mark->members;
    n->members_index = mark->members_index;
    n->state = sim->truth[mark->index].hash;
    if (mark->index > sim->trailing && mirror_term(&n->log, mark->index) == mark->term)
        mirror_trim(&n->log, mark->index - sim->trailing);
}

void node_start(unsigned id)
{
    struct node *n = &sim->nodes[id];
    struct consensus_boot boot = {0};
    struct err e;
    n->up = true;
    n->life++;
    n->timer = 0;
    disk_replay(n, &boot.term, &boot.vote);
    if (n->disk.snapshot.index > 0) {
        boot.snapshot = &n->disk.snapshot;
        load_snapshot(n);
    }
    struct consensus_conf conf = {.self = id,
                                  .election_ms = 200,
                                  .heartbeat_ms = 30,
                                  .install_ms = 600000,
                                  .max_inflight = sim->inflight,
                                  .seed = sim_random(),
                                  .guards_off = sim->opt.guards_off,
                                  .audit = true};
    boot.base_index = n->log.base;
    boot.base_term = n->log.base_term;
    boot.n_entries = n->log.last - n->log.base;
    /* The mirror may move when the start appends to it. */
    struct log_entry *entries = mem_dup(n->log.entries, boot.n_entries * sizeof *entries);
    boot.entries = entries;
    sim_say(1, "n%u starts: log %lu..%lu snapshot %lu term %lu vote %lu", id, n->log.base + 1,
            n->log.last, n->disk.snapshot.index, boot.term, boot.vote);
    n->consensus = consensus_new(&conf, &node_ops, n);
    int rv = consensus_start(n->consensus, &boot, sim->now, &e);
    mem_free(entries);
    if (rv != 0)
        sim_fail("START n%u: %s", id, e.text);
    node_after(n);
}

static void lose_memory(struct node *n)
{
    mirror_reset(&n->log, 0, 0);
    n->consensus = NULL;
    n->up = n->leads = n->installing = n->taking = false;
    n->applied = n->applied_term = n->state = n->members_index = 0;
    n->members.n = 0;
    n->n_proposals = 0;
}

void node_crash(unsigned id)
{
    struct node *n = &sim->nodes[id];
    if (!n->up)
        return;
    sim->total.crashes++;
    consensus_free(n->consensus);
    n->life++;
    disk_crash(&n->disk);
    lose_memory(n);
    sim_say(1, "n%u crashes", id);
}

void node_reset(struct node *n)
{
    disk_reset(&n->disk);
    lose_memory(n);
    mem_free(n->log.entries);
    *n = (struct node){0};
}

static void arm(struct node *n)
{
    uint64_t at = consensus_deadline_ms(n->consensus);
    if (at <= sim->now)
        at = sim->now + 1;
    if (at == n->timer)
        return;
    n->timer = at;
    sim_push(
        (struct event_item){.at = at, .type = EV_TIMER, .node = n->id, .life = n->life, .arg = at});
}

/* A member alone keeps nothing in memory that it has applied. */
static void forget(struct node *n)
{
    uint64_t first = consensus_first_index(n->consensus);
    struct consensus_members now;
    consensus_members(n->consensus, &now);
    consensus_forget(n->consensus, sim->forget, sim->now);
    if (consensus_first_index(n->consensus) == first)
        return;
    sim->total.forgotten++;
    if (now.n != 1)
        sim_fail("FORGOTTEN n%u among %u", n->id, now.n);
    for (uint64_t i = first; i < consensus_first_index(n->consensus); i++)
        if (i > sim->committed || !disk_holds(&n->disk, i, sim->truth[i].term))
            sim_fail("FORGOTTEN n%u index %lu is not safe", n->id, i);
}

static void maybe_snapshot(struct node *n)
{
    struct snapshot_mark mark;
    if (n->taking || n->installing ||
        (n->applied < n->disk.snapshot.index + sim->snapshot_every &&
         !consensus_snapshot_owed(n->consensus)) ||
        !consensus_snapshot_begin(n->consensus, &mark))
        return;
    if (mark.index != n->applied || mark.term != n->applied_term ||
        mark.members_index != n->members_index)
        sim_fail("SNAPSHOT-MARK n%u", n->id);
    n->taking = true;
    sim_push((struct event_item){.at = sim->now + 5 + sim_below(100),
                                 .type = EV_SNAPSHOT_DONE,
                                 .node = n->id,
                                 .life = n->life,
                                 .mark = mem_dup(&mark, sizeof mark)});
}

void node_after(struct node *n)
{
    sim->total.calls++;
    consensus_announce(n->consensus);
    disk_begin_sync(n);
    if (consensus_applied_index(n->consensus) != n->applied)
        sim_fail("APPLIED n%u %lu, told %lu", n->id, consensus_applied_index(n->consensus),
                 n->applied);
    check_members(n);
    forget(n);
    maybe_snapshot(n);
    arm(n);
}

void node_message(struct node *n, struct peer_message *m)
{
    consensus_receive(n->consensus, m, sim->now);
    node_after(n);
}

void node_synced(struct node *n)
{
    n->disk.syncing = false;
    if (n->disk.durable < n->disk.syncing_to)
        n->disk.durable = n->disk.syncing_to;
    consensus_durable(n->consensus, n->disk.durable, sim->now);
    node_after(n);
}

void node_lost(struct node *n, uint64_t peer)
{
    consensus_lost(n->consensus, peer, sim->now);
    node_after(n);
}

void node_timer(struct node *n)
{
    n->timer = 0;
    consensus_tick(n->consensus, sim->now);
    node_after(n);
}

void node_snapshot_done(struct node *n, const struct snapshot_mark *mark)
{
    struct snapshot_mark old = n->disk.snapshot;
    n->taking = false;
    if (mark->index > old.index)
        n->disk.snapshot = *mark;
    if (!consensus_snapshot_done(n->consensus, mark, sim->trailing, sim->now))
        n->disk.snapshot = old;
    node_after(n);
}

void node_install_done(struct node *n)
{
    const struct snapshot_mark *mark = &n->install;
    if (mark->index > sim->committed || sim->truth[mark->index].term != mark->term)
        sim_fail("SNAPSHOT-STATE n%u index %lu", n->id, mark->index);
    if (n->applied > mark->index)
        sim_fail("INSTALL-BEHIND-APPLIED n%u index %lu", n->id, mark->index);
    n->disk.snapshot = *mark;
    n->state = sim->truth[mark->index].hash;
    n->applied = mark->index;
    n->applied_term = mark->term;
    n->members = mark->members;
    n->members_index = mark->members_index;
    n->installing = false;
    consensus_installed(n->consensus, sim->now);
    node_after(n);
}
