#include "cluster/alone.h"

#include "base/log.h"
#include "base/mem.h"
#include "cluster/engine_priv.h"

/* Every id that the directory speaks of. */
struct ids {
    unsigned n;
    uint64_t v[4 * LIMIT_MEMBERS];
    struct consensus_members last; /* of the last configuration */
};

static void note(struct ids *ids, uint64_t id)
{
    for (unsigned i = 0; i < ids->n; i++)
        if (ids->v[i] == id)
            return;
    if (ids->n < CP_COUNT(ids->v))
        ids->v[ids->n++] = id;
}

static void note_configuration(struct ids *ids, const struct consensus_members *m)
{
    ids->last = *m;
    for (unsigned i = 0; i < m->n; i++)
        note(ids, m->m[i].id);
}

static void note_entry(struct ids *ids, const struct log_entry *entry)
{
    struct consensus_members m;
    struct command c;
    if (entry->type == ENTRY_CHANGE && consensus_members_decode(blob_span(entry->payload), &m) == 0)
        note_configuration(ids, &m);
    if (entry->type == ENTRY_COMMAND && command_kind(entry->payload) == COMMAND_MEMBER_ADD &&
        command_decode(blob_span(entry->payload), &c, NULL) == 0)
        note(ids, c.member.id);
}

static void gather_ids(const struct engine *e, const struct gather *log, struct ids *ids)
{
    for (unsigned i = 0; i < e->members.n; i++)
        note(ids, e->members.m[i].id);
    if (e->snapshots.newest.index > 0)
        note_configuration(ids, &e->snapshots.newest.members);
    for (size_t i = 0; i < log->n; i++)
        note_entry(ids, &log->entries[i]);
}

static void append(struct gather *log, uint64_t term, enum entry_type type, struct blob *payload)
{
    log->entries = mem_realloc(log->entries, (log->n + 1) * sizeof(*log->entries));
    log->cap = log->n + 1;
    log->entries[log->n++] = (struct log_entry){.term = term, .type = type, .payload = payload};
}

void alone_force(struct engine *e, struct gather *log)
{
    struct ids ids = {0};
    gather_ids(e, log, &ids);
    if (ids.n == 1 && ids.v[0] == e->member_id && ids.last.n == 1 &&
        ids.last.m[0].role == MEMBER_VOTER) {
        log_info("member.alone_already", LOG_X("member", e->member_id),
                 LOG_S("do", "--force-new-cluster is not needed any more"));
        return;
    }
    size_t before = log->n;
    uint64_t term = log->reach.term + 1;
    for (unsigned i = 0; i < ids.n; i++) {
        struct command c = {.kind = COMMAND_MEMBER_REMOVE,
                            .stamp_ns = log->last_stamp_ns,
                            .member = {.id = ids.v[i]}};
        if (ids.v[i] != e->member_id)
            append(log, term, ENTRY_COMMAND, command_encode(&c));
    }
    struct consensus_members self = {.n = 1};
    self.m[0].id = e->member_id;
    self.m[0].role = MEMBER_VOTER;
    append(log, term, ENTRY_CHANGE, consensus_bootstrap(&self));
    engine_consensus_ops.log_state(e, term, e->member_id);
    engine_consensus_ops.log_entries(e, log->reach.base_index + before + 1, log->entries + before,
                                     (unsigned)(log->n - before));
    wal_sync(e->wal);
    log->reach.term = term;
    log->reach.vote = e->member_id;
    log->reach.entries = log->n;
    log_warn("member.forced_alone", LOG_X("member", e->member_id), LOG_U("removed", ids.n - 1),
             LOG_S("do", "take --force-new-cluster away: members that are added now would be "
                         "removed again by the next start with it"));
}
