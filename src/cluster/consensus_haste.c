/* haste: two things the core leaves to its timers, so that they would take a heartbeat or an
 * election timeout. Neither touches a rule of safety: the first sends what a heartbeat would say,
 * the second only lets a timer run out. */
#include "cluster/consensus_priv.h"

#define HURRY_MS 100 /* the survivors of a leader do not all stand at once */

static bool is_member(const struct consensus *c, uint64_t id)
{
    for (unsigned i = 0; i < c->raft.configuration.n; i++)
        if (c->raft.configuration.servers[i].id == id)
            return true;
    return false;
}

struct follower *consensus_follower(struct consensus *c, uint64_t id)
{
    struct follower *f = c->followers, *end = f + LIMIT_MEMBERS;
    for (; f < end; f++)
        if (f->id == id)
            return f;
    /* There is a place, for the leader needs none: at least that of one who was removed. */
    for (f = c->followers; f < end - 1 && f->id != 0 && is_member(c, f->id); f++)
        ;
    *f = (struct follower){.id = id};
    return f;
}

static uint64_t useful_commit(uint64_t commit, uint64_t match)
{
    return commit < match ? commit : match;
}

void consensus_told_commit(struct consensus *c, uint64_t id, uint64_t commit)
{
    raft_index match;
    if (raft_match_index(&c->raft, id, &match) == 0)
        consensus_follower(c, id)->told_commit = useful_commit(commit, match);
}

/* An append without entries, behind the last one that is durable there. */
static void tell_commit(struct consensus *c, uint64_t id, uint64_t match)
{
    struct peer_message *p = peer_message_new(PEER_APPEND, c->conf.self, id, 0);
    p->term = raft_current_term(&c->raft);
    p->append.prev_index = match;
    p->append.prev_term = logcache_term(&c->log, match);
    p->append.commit = c->commit;
    p->gate = c->gate;
    list_add_tail(&c->outbox, &p->link);
}

/* The core tells followers what is committed with the next entries or heartbeat: one that forwarded
 * a write would wait for it. */
void consensus_announce(struct consensus *c)
{
    if (raft_state(&c->raft) != RAFT_LEADER)
        return;
    for (unsigned i = 0; i < c->raft.configuration.n; i++) {
        const struct raft_server *s = &c->raft.configuration.servers[i];
        raft_index match;
        if (s->id == c->conf.self || s->role == RAFT_SPARE ||
            raft_match_index(&c->raft, s->id, &match) != 0 || match <= c->log.base)
            continue;
        struct follower *f = consensus_follower(c, s->id);
        uint64_t useful = useful_commit(c->commit, match);
        if (useful <= f->told_commit)
            continue;
        f->told_commit = useful;
        tell_commit(c, s->id, match);
    }
    consensus_flush(c);
}

/* Known dead: no reason to wait, or to deny another its vote. The timer begins anew with the next
 * leader, or with this one should it live. */
void consensus_lost(struct consensus *c, uint64_t peer, uint64_t now_ms)
{
    consensus_at(c, now_ms);
    if (peer == 0 || raft_state(&c->raft) != RAFT_FOLLOWER ||
        c->raft.follower_state.current_leader.id != peer)
        return;
    c->raft.follower_state.current_leader.id = 0;
    uint64_t wait = (c->conf.seed ^ c->conf.seed >> 17 ^ c->now * 0x9e3779b97f4a7c15u) % HURRY_MS;
    uint64_t timeout = c->raft.follower_state.randomized_election_timeout;
    uint64_t start = c->now + wait > timeout ? c->now + wait - timeout : 0;
    if (start < c->raft.election_timer_start)
        c->raft.election_timer_start = start;
    consensus_tell_role(c);
}
