#include "cluster/alone.h"

#include "base/log.h"
#include "base/mem.h"
#include "cluster/engine_priv.h"

/* The last configuration there is. */
static void find_last(const struct engine *e, const struct gather *log,
                      struct consensus_members *last)
{
    struct consensus_members m;
    *last = e->snapshots.newest.members;
    for (size_t i = 0; i < log->n; i++)
        if (log->entries[i].type == ENTRY_CHANGE &&
            consensus_members_decode(blob_span(log->entries[i].payload), &m) == 0)
            *last = m;
}

static bool is_alone(const struct engine *e, const struct gather *log, const struct member_table *t)
{
    struct consensus_members last;
    find_last(e, log, &last);
    return t->n == 1 && t->m[0].id == e->member_id && last.n == 1 && last.m[0].id == e->member_id &&
           last.m[0].role == MEMBER_VOTER;
}

static void append(struct gather *log, uint64_t term, enum entry_type type, struct blob *payload)
{
    log->entries = mem_realloc(log->entries, (log->n + 1) * sizeof(*log->entries));
    log->cap = log->n + 1;
    log->entries[log->n++] = (struct log_entry){.term = term, .type = type, .payload = payload};
}

/* All of T but this member. */
static unsigned append_removals(const struct engine *e, struct gather *log, uint64_t term,
                                const struct member_table *t)
{
    unsigned n = 0;
    for (unsigned i = 0; i < t->n; i++) {
        struct command c = {.kind = COMMAND_MEMBER_REMOVE,
                            .stamp_ns = log->last_stamp_ns,
                            .member = {.id = t->m[i].id}};
        if (t->m[i].id == e->member_id)
            continue;
        append(log, term, ENTRY_COMMAND, command_encode(&c));
        n++;
    }
    return n;
}

static int force(struct engine *e, struct gather *log, const struct member_table *t,
                 struct err *err)
{
    size_t before = log->n;
    uint64_t term = log->reach.term + 1;
    unsigned removed = append_removals(e, log, term, t);
    struct consensus_members self = {.n = 1};
    self.m[0].id = e->member_id;
    self.m[0].role = MEMBER_VOTER;
    append(log, term, ENTRY_CHANGE, consensus_bootstrap(&self));
    engine_consensus_ops.log_state(e, term, e->member_id);
    engine_consensus_ops.log_entries(e, log->reach.base_index + before + 1, log->entries + before,
                                     (unsigned)(log->n - before));
    int rv = engine_consensus_ops.log_sync(e, err);
    if (rv != 0)
        return rv;
    log->reach.term = term;
    log->reach.vote = e->member_id;
    log->reach.entries = log->n;
    log_warn("member.forced_alone", LOG_X("member", e->member_id), LOG_U("removed", removed),
             LOG_S("do", "take --force-new-cluster away: members that are added now would be "
                         "removed again by the next start with it"));
    return 0;
}

int alone_force(struct engine *e, struct gather *log, struct err *err)
{
    int rv = 0;
    struct member_table t = {.n = 0};
    peers_foresee(e, log->entries, log->n, &t);
    if (is_alone(e, log, &t))
        log_info("member.alone_already", LOG_X("member", e->member_id),
                 LOG_S("do", "--force-new-cluster is not needed any more"));
    else
        rv = force(e, log, &t, err);
    member_table_fini(&t);
    return rv;
}
