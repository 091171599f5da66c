#include "cluster/guards.h"

#include "cluster/consensus_priv.h"

/* The guard that a half belongs to. */
static enum guard whole_of(enum guard g)
{
    switch (g) {
    case GUARD_SOLE_START:
    case GUARD_SOLE_TICK:
    case GUARD_SOLE_TIMEOUT_NOW:
        return GUARD_SOLE_TERM;
    case GUARD_NON_VOTER_VOTES:
    case GUARD_NON_VOTER_LEADER:
        return GUARD_NON_VOTER;
    case GUARD_CHANGE_SEND:
    case GUARD_NO_SELF_REMOVAL:
        return GUARD_CHANGE_DURABLE;
    case GUARD_RETRY_DISRUPT:
    case GUARD_RETRY_PRE_VOTE:
        return GUARD_CANDIDATE_RETRY;
    default:
        return g;
    }
}

bool guard_on(const struct consensus *c, enum guard g)
{
    uint32_t bits = 1u << g | 1u << whole_of(g);
    return CP_LIKELY((c->conf.guards_off & bits) == 0);
}

/* 1, ingress. The core notes the index of the first new entry of an append as that of a change in
 * it; rollback and later changes then use a wrong index. So an append is cut where a change stands:
 * a change is always the first of its piece. */
unsigned guard_split_append(const struct consensus *c, const struct peer_message *m, unsigned from)
{
    if (!guard_on(c, GUARD_SPLIT_APPEND))
        return m->append.n;
    unsigned to = from + 1;
    while (to < m->append.n && m->append.entries[to].type != ENTRY_CHANGE)
        to++;
    return to < m->append.n ? to : m->append.n;
}

/* 2, tick. The core lets the sole voter lead without a new term: two leaders in one term, or other
 * data under the same index and term. True: the term has to be raised (consensus_raise_term) before
 * TIMEOUT may be fed. Once our vote in the raised term is durable the election may go ahead. */
bool guard_sole_tick_due(const struct consensus *c)
{
    if (!guard_on(c, GUARD_SOLE_TICK) || raft_state((struct raft *)&c->raft) != RAFT_FOLLOWER)
        return false;
    /* The core itself does not stand while it has something to store. */
    if (c->installing || c->raft.last_stored != c->log.last)
        return false;
    struct consensus_members now;
    members_from_raft(&c->raft.configuration, &now);
    if (!members_sole_voter(&now, c->conf.self))
        return false;
    bool raised = c->raised_term == raft_current_term(&c->raft) &&
                  raft_voted_for(&c->raft) == c->conf.self && c->durable >= c->gate;
    return !raised;
}

/* 2, ingress. TIMEOUT_NOW makes the sole voter lead in its old term as well. It leads by itself
 * soon enough. */
bool guard_sole_timeout_now(const struct consensus *c)
{
    struct consensus_members now;
    members_from_raft(&c->raft.configuration, &now);
    return members_voters(&now) != 1 || !guard_on(c, GUARD_SOLE_TIMEOUT_NOW);
}

/* 31, ingress. The leader takes a follower for up to date once the last entries are on their way to
 * it, so a TIMEOUT_NOW comes right behind them, and whoever is still writing them to its disk drops
 * it without a word: the hand-over takes an election time-out, in which nobody can write. */
bool guard_early_timeout_now(const struct consensus *c, const struct peer_message *m)
{
    return raft_state((struct raft *)&c->raft) == RAFT_FOLLOWER &&
           m->term == raft_current_term(&c->raft) && m->timeout_now.last_index == c->log.last &&
           c->raft.last_stored < c->log.last && guard_on(c, GUARD_EARLY_TIMEOUT_NOW);
}

/* 3, egress. The answer to an append of an older term has an uninitialised last index and may look
 * like a success, which counts when the old leader leads again. It is made a rejection. */
void guard_stale_result(const struct consensus *c, struct peer_message *m,
                        unsigned long long fed_term)
{
    if (m->type != PEER_APPEND_RESULT || fed_term >= raft_current_term(&c->raft) ||
        !guard_on(c, GUARD_STALE_RESULT))
        return;
    if (m->append_result.rejected == 0)
        m->append_result.rejected = 1;
    m->append_result.last_index = 0;
}

/* 4, ingress. An append that begins below our compacted part is appended again at the end (from 0),
 * or rejected for ever. What is applied is the leader's too: skip up to there, and anchor the rest
 * at what we applied. */
unsigned guard_compacted_prev(const struct consensus *c, const struct peer_message *m, bool *anchor)
{
    *anchor = guard_on(c, GUARD_COMPACTED_PREV) && !c->installing &&
              m->term >= raft_current_term(&c->raft) && m->append.prev_index < c->applied;
    if (!*anchor)
        return 0;
    uint64_t below = c->applied - m->append.prev_index;
    return below < m->append.n ? (unsigned)below : m->append.n;
}

/* 5, ingress. A late rejection moves the next index of a follower below what it is known to have.
 */
bool guard_late_rejection(const struct consensus *c, unsigned long long from,
                          struct raft_append_entries_result *result)
{
    raft_index match;
    if (!guard_on(c, GUARD_LATE_REJECTION) || result->rejected == 0 ||
        raft_state((struct raft *)&c->raft) != RAFT_LEADER ||
        result->term != raft_current_term(&c->raft) ||
        raft_match_index(&c->raft, from, &match) != 0)
        return true;
    if (result->rejected <= match)
        return false;
    if (result->last_log_index < match)
        result->last_log_index = match;
    return true;
}

/* 30, ingress. To who needs a snapshot the core sends heartbeats that are anchored at its newest
 * one, and takes a rejection for stale that names another than the one it last asked us to send:
 * after a snapshot that was made in between, nothing is sent any more until the install times out.
 */
void guard_snapshot_moved(struct consensus *c, unsigned long long from,
                          struct raft_append_entries_result *result)
{
    raft_index match;
    if (raft_state(&c->raft) != RAFT_LEADER || result->term != raft_current_term(&c->raft) ||
        raft_match_index(&c->raft, from, &match) != 0 || !guard_on(c, GUARD_SNAPSHOT_MOVED))
        return;
    struct follower *f = consensus_follower(c, from);
    if (f->snapshot == 0)
        return;
    if (result->rejected > f->snapshot && result->rejected == c->raft.trail.snapshot.index) {
        result->rejected = f->snapshot;
        if (result->last_log_index >= f->snapshot)
            result->last_log_index = f->snapshot - 1;
    }
    if (result->rejected == f->snapshot ||
        (result->rejected == 0 && result->last_log_index >= f->snapshot))
        f->snapshot = 0; /* the core waits for it no more */
}

/* 6, ingress. Who does not know yet that it is a voter denies its vote, and the cluster that just
 * grew to two locks up. The log decides in raft, not the role: for this one step we are a voter. */
int *guard_non_voter_votes(struct consensus *c, int *saved)
{
    struct raft_configuration *conf = &c->raft.configuration;
    if (!guard_on(c, GUARD_NON_VOTER_VOTES))
        return NULL;
    for (unsigned i = 0; i < conf->n; i++)
        if (conf->servers[i].id == c->conf.self && conf->servers[i].role != RAFT_VOTER) {
            *saved = conf->servers[i].role;
            conf->servers[i].role = RAFT_VOTER;
            return &conf->servers[i].role;
        }
    return NULL;
}

void guard_non_voter_restore(int *role, int saved)
{
    if (role != NULL)
        *role = saved;
}

/* 6, tick. A non-voter keeps the leader it once heard for ever, and denies votes because of it.
 * When its timer is due it has not heard that leader for an election timeout. */
void guard_non_voter_leader(struct consensus *c)
{
    struct consensus_members now;
    if (!guard_on(c, GUARD_NON_VOTER_LEADER) || raft_state(&c->raft) != RAFT_FOLLOWER)
        return;
    members_from_raft(&c->raft.configuration, &now);
    unsigned self = members_find(&now, c->conf.self);
    if (self == now.n || now.m[self].role != MEMBER_VOTER)
        c->raft.follower_state.current_leader.id = 0;
}

/* 7, egress. A denied pre-vote carries the asker's term, so that a member with the better log and
 * the lower term never learns the higher one, and nobody can be elected. */
void guard_pre_vote_term(const struct consensus *c, struct peer_message *m)
{
    if (m->type == PEER_VOTE_RESULT && m->vote_result.pre_vote && !m->vote_result.granted &&
        m->term < raft_current_term(&c->raft) && guard_on(c, GUARD_PRE_VOTE_TERM))
        m->term = raft_current_term(&c->raft);
}

/* 8, egress. A demotion from two voters to one can be durable at the demoted and lost at the
 * demoter: then nobody may lead. An append with a change waits until that change is durable here.
 */
void guard_change_durable(const struct consensus *c, struct peer_message *m)
{
    if (m->type != PEER_APPEND || !guard_on(c, GUARD_CHANGE_SEND))
        return;
    for (unsigned i = 0; i < m->append.n; i++) {
        if (m->append.entries[i].type != ENTRY_CHANGE)
            continue;
        const struct cached_entry *e = logcache_get(&c->log, m->append.prev_index + 1 + i);
        if (e != NULL && e->lsn > m->gate)
            m->gate = e->lsn;
    }
}

/* 10, ingress. A snapshot that comes while one is installed leaks. The leader repeats it if need
 * be. */
bool guard_double_install(const struct consensus *c, const struct peer_message *m)
{
    return !c->installing || m->term != raft_current_term(&c->raft) ||
           !guard_on(c, GUARD_DOUBLE_INSTALL);
}

/* 11, ingress. Another leader of our own term: raft is broken, and going on would lose data. */
bool guard_two_leaders(struct consensus *c, const struct peer_message *m)
{
    if (guard_on(c, GUARD_TWO_LEADERS))
        CONSENSUS_CHECK(
            c, raft_state(&c->raft) != RAFT_LEADER || m->term != raft_current_term(&c->raft),
            "two leaders in one term");
    return true;
}

/* 12, ingress. A second change that reaches a follower before the first was committed there makes a
 * rollback go one configuration too far back. Changes go one at a time, so that a later one exists
 * proves the first committed. */
unsigned long long guard_pending_change(const struct consensus *c, unsigned long long term,
                                        unsigned long long prev_index, unsigned long long prev_term)
{
    uint64_t pending = c->raft.configuration_uncommitted_index;
    if (!guard_on(c, GUARD_PENDING_CHANGE) || pending == 0 || pending > prev_index ||
        prev_index + 1 <= c->log.last || term < raft_current_term(&c->raft) ||
        logcache_term(&c->log, prev_index) != prev_term)
        return 0;
    const struct cached_entry *e = logcache_get(&c->log, pending);
    return e != NULL && e->entry.type == ENTRY_CHANGE ? pending : 0;
}

/* 14, tick. A candidate only repeats its last kind of round: without pre-vote, and after a
 * TIMEOUT_NOW also disrupting. One that was removed or demoted meanwhile deposes each healthy
 * leader, or raises its term in step with the only member that could win. A retry begins as a
 * follower would: with a pre-vote that disrupts nobody. */
void guard_candidate_retry(struct consensus *c)
{
    if (raft_state(&c->raft) != RAFT_CANDIDATE)
        return;
    if (guard_on(c, GUARD_RETRY_DISRUPT))
        c->raft.candidate_state.disrupt_leader = false;
    if (guard_on(c, GUARD_RETRY_PRE_VOTE))
        c->raft.candidate_state.in_pre_vote = true;
}

/* 15, ingress. At one that is not candidate the core reads the kind of round out of the wrong
 * member of a union; and granted pre-votes of an earlier round count in the next one. */
bool guard_vote_result(const struct consensus *c, const struct peer_message *m)
{
    if (!guard_on(c, GUARD_VOTE_RESULT))
        return true;
    if (raft_state((struct raft *)&c->raft) != RAFT_CANDIDATE ||
        c->raft.candidate_state.in_pre_vote != m->vote_result.pre_vote)
        return false;
    return !m->vote_result.pre_vote || !m->vote_result.granted ||
           m->term == raft_current_term(&c->raft) + 1;
}
