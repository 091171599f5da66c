/* START: what log and snapshot hold becomes the core's state. Linear in the number of entries. */
#include "cluster/consensus_priv.h"

#include <inttypes.h>
#include <limits.h>

/* Whether the log joins the snapshot: it must hold its index with its term, as an entry or as its
 * base. */
static bool joins(const struct consensus_boot *boot)
{
    uint64_t index = boot->snapshot->index;
    if (index == boot->base_index)
        return boot->base_term == boot->snapshot->term;
    return index > boot->base_index && index - boot->base_index <= boot->n_entries &&
           boot->entries[index - boot->base_index - 1].term == boot->snapshot->term;
}

static int check_entries(const struct consensus_boot *boot, struct err *e)
{
    uint64_t term = boot->base_term;
    struct consensus_members members;
    if (boot->n_entries > UINT_MAX)
        return err_set(e, ERR_CORRUPT, "log: too many entries");
    for (size_t i = 0; i < boot->n_entries; i++) {
        const struct log_entry *entry = &boot->entries[i];
        uint64_t index = boot->base_index + 1 + i;
        if (entry->term < term || entry->term == 0 || entry->term > boot->term)
            return err_set(e, ERR_CORRUPT, "log: term of entry %" PRIu64 " out of order", index);
        if (entry->type == ENTRY_CHANGE &&
            consensus_members_decode(blob_span(entry->payload), &members) != 0)
            return err_set(e, ERR_CORRUPT, "log: damaged change of membership at entry %" PRIu64,
                           index);
        term = entry->term;
    }
    return 0;
}

static int check_boot(const struct consensus_boot *boot, struct err *e)
{
    if (boot->snapshot != NULL) {
        if (boot->snapshot->index == 0 || boot->snapshot->term == 0 ||
            !members_valid(&boot->snapshot->members))
            return err_set(e, ERR_CORRUPT, "snapshot: no place in the log");
        return boot->snapshot->index < boot->base_index
                   ? err_set(e, ERR_CORRUPT,
                             "log begins behind entry %" PRIu64
                             ", newest snapshot ends at %" PRIu64,
                             boot->base_index, boot->snapshot->index)
                   : 0;
    }
    if (boot->base_index != 0)
        return err_set(e, ERR_CORRUPT, "log begins behind entry %" PRIu64 ", but no snapshot",
                       boot->base_index);
    if (boot->n_entries > 0 && boot->entries[0].type != ENTRY_CHANGE)
        return err_set(e, ERR_CORRUPT, "log does not begin with the members");
    return 0;
}

/* The members that hold now: of the last change in the log, committed or not. */
static void current_members(const struct consensus *c, struct consensus_members *out)
{
    *out = c->members;
    for (uint64_t i = c->log.last; i > c->log.base && i > c->members_index; i--) {
        const struct cached_entry *e = logcache_get(&c->log, i);
        if (e->entry.type != ENTRY_CHANGE)
            continue;
        int rv = consensus_members_decode(blob_span(e->entry.payload), out);
        CP_ASSERT(rv == 0);
        return;
    }
}

/* A log that does not join the snapshot is older than an install, or of another history: it is
 * dropped, durably, before the core may append behind the snapshot. */
static int load_log(struct consensus *c, const struct consensus_boot *boot, struct err *e)
{
    if (boot->snapshot != NULL && !joins(boot)) {
        c->ops.log_mark(c->ctx, boot->snapshot->index, boot->snapshot->term);
        logcache_reset(&c->log, boot->snapshot->index, boot->snapshot->term);
        return c->ops.log_sync(c->ctx, e);
    }
    logcache_reset(&c->log, boot->base_index, boot->base_term);
    for (size_t i = 0; i < boot->n_entries; i++) {
        logcache_push(&c->log, &boot->entries[i], 0);
        c->taken_bytes += boot->entries[i].payload->len;
    }
    return 0;
}

static void load_snapshot(struct consensus *c, const struct snapshot_mark *mark)
{
    c->applied = c->commit = c->snapshot_index = c->saved_index = mark->index;
    c->applied_term = mark->term;
    c->members = mark->members;
    c->members_index = mark->members_index;
}

/* As large as the log, so it is freed after the start. */
static struct raft_entry *raw_entries(const struct consensus_boot *boot, size_t n, void *token)
{
    struct raft_entry *raw = raft_malloc(n * sizeof *raw);
    CP_ASSERT(raw != NULL);
    for (size_t i = 0; i < n; i++)
        raw[i] = consensus_raw_entry(&boot->entries[i], token);
    return raw;
}

static int feed_start(struct consensus *c, uint64_t term, uint64_t vote,
                      const struct consensus_boot *boot)
{
    struct raft_event ev = {.type = RAFT_START};
    struct raft_snapshot_metadata metadata;
    size_t n = c->log.last - c->log.base;
    ev.start.term = term;
    ev.start.voted_for = vote;
    ev.start.start_index = c->log.base + 1;
    ev.start.n_entries = (unsigned)n;
    void *token = raft_malloc(1);
    CP_ASSERT(token != NULL);
    if (n > 0)
        ev.start.entries = raw_entries(boot, n, token);
    if (boot->snapshot != NULL) {
        metadata.index = boot->snapshot->index;
        metadata.term = boot->snapshot->term;
        metadata.configuration_index = boot->snapshot->members_index;
        members_to_raft(&boot->snapshot->members, &metadata.configuration);
        ev.start.metadata = &metadata;
    }
    int rv = consensus_feed(c, &ev, NULL);
    if (rv == 0) { /* else the core freed both */
        raft_free(ev.start.entries);
        raft_free(token);
    }
    return rv;
}

int consensus_start(struct consensus *c, const struct consensus_boot *boot, uint64_t now_ms,
                    struct err *e)
{
    uint64_t term = boot->term, vote = boot->vote;
    struct consensus_members now;
    consensus_at(c, now_ms);
    c->last_tick = c->now;
    int rv = check_boot(boot, e);
    if (rv == 0)
        rv = check_entries(boot, e);
    if (rv == 0)
        rv = load_log(c, boot, e);
    if (rv != 0)
        return rv;
    if (boot->snapshot != NULL)
        load_snapshot(c, boot->snapshot);
    current_members(c, &now);
    if (members_sole_voter(&now, c->conf.self) && guard_on(c, GUARD_SOLE_START)) {
        /* 2, START: the sole voter leads at once, in the term it is given. */
        term++;
        vote = c->conf.self;
        c->durable = c->ops.log_state(c->ctx, term, vote);
        rv = c->ops.log_sync(c->ctx, e);
    }
    if (rv != 0)
        return rv;
    rv = feed_start(c, term, vote, boot);
    if (rv != 0)
        return err_set(e, ERR_CORRUPT, "log: refused by libraft: %s", raft_strerror(rv));
    consensus_settle(c);
    return 0;
}
