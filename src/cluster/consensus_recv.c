/* Messages of peers, on their way through the ingress guards into the core. What a peer sends is
 * judged before the core sees it: the core asserts where it should refuse, and its asserts are
 * compiled out. */
#include "cluster/consensus_priv.h"

#include "base/log.h"

#include <inttypes.h>

/* The core tells old senders from new ones by these. */
enum { VERSION_VOTE = 2, VERSION_VOTE_RESULT = 2, VERSION_APPEND_RESULT = 2 };

static void feed_message(struct consensus *c, struct raft_message *q,
                         const struct log_entry *entries)
{
    struct raft_event ev = {.type = RAFT_RECEIVE};
    ev.receive.message = q;
    consensus_feed(c, &ev, entries);
}

/* Entries in order of index must have terms that do not go down, and none above the leader's. */
static bool append_valid(const struct peer_message *m)
{
    uint64_t term = m->append.prev_term;
    if ((m->append.prev_index == 0) != (term == 0) || m->term == 0 || term > m->term ||
        m->append.prev_index > UINT64_MAX - m->append.n - 1)
        return false;
    for (unsigned i = 0; i < m->append.n; i++) {
        const struct log_entry *e = &m->append.entries[i];
        struct consensus_members members;
        if (e->payload == NULL || e->term < term || e->term == 0 || e->term > m->term ||
            e->type < ENTRY_COMMAND || e->type > ENTRY_CHANGE)
            return false;
        if (e->type == ENTRY_CHANGE &&
            consensus_members_decode(blob_span(e->payload), &members) != 0)
            return false;
        term = e->term;
    }
    return m->append.prev_index > 0 || m->append.n == 0 ||
           m->append.entries[0].type == ENTRY_CHANGE;
}

/* Entries FROM to TO of M, behind PREV_INDEX. */
static void feed_append(struct consensus *c, struct raft_message *q, const struct peer_message *m,
                        unsigned from, unsigned to)
{
    unsigned n = to - from;
    const struct log_entry *entries = m->append.entries + from;
    q->append_entries.n_entries = n;
    q->append_entries.entries = NULL;
    if (n > 0 && entries[0].type == ENTRY_CHANGE) {
        uint64_t pending = guard_pending_change(c, m->term, q->append_entries.prev_log_index,
                                                q->append_entries.prev_log_term);
        if (pending != 0)
            consensus_feed_committed_change(c, pending);
    }
    if (n > 0) {
        /* The core frees the token when it takes no entry of the piece. It never reads through it.
         */
        void *token = raft_malloc(1);
        CP_ASSERT(token != NULL);
        q->append_entries.entries = consensus_raw_entries(c, entries, n, token);
    }
    feed_message(c, q, entries);
    consensus_settle(c);
}

static void receive_append(struct consensus *c, struct raft_message *q,
                           const struct peer_message *m)
{
    if (!append_valid(m)) {
        log_warn("consensus.malformed_append", LOG_X("from", m->from));
        return;
    }
    if (!guard_two_leaders(c, m))
        return;
    struct raft_append_entries *a = &q->append_entries;
    *a = (struct raft_append_entries){.term = m->term,
                                      .prev_log_index = m->append.prev_index,
                                      .prev_log_term = m->append.prev_term,
                                      .leader_commit = m->append.commit};
    bool anchor;
    unsigned from = guard_compacted_prev(c, m, &anchor);
    if (anchor) {
        a->prev_log_index = c->applied;
        a->prev_log_term = c->applied_term;
    }
    do {
        unsigned to = from < m->append.n ? guard_split_append(c, m, from) : from;
        feed_append(c, q, m, from, to);
        a->prev_log_index += to - from;
        if (to > from)
            a->prev_log_term = m->append.entries[to - 1].term;
        from = to;
    } while (from < m->append.n);
}

static void receive_snapshot(struct consensus *c, struct raft_message *q,
                             const struct peer_message *m)
{
    const struct snapshot_mark *mark = m->snapshot.mark;
    if (mark->index == 0 || mark->term == 0 || mark->term > m->term ||
        mark->members_index > mark->index || !members_valid(&mark->members)) {
        log_warn("consensus.malformed_snapshot", LOG_X("from", m->from));
        return;
    }
    if (!guard_two_leaders(c, m) || !guard_double_install(c, m))
        return;
    q->install_snapshot = (struct raft_install_snapshot){.term = m->term,
                                                         .last_index = mark->index,
                                                         .last_term = mark->term,
                                                         .conf_index = mark->members_index};
    members_to_raft(&mark->members, &q->install_snapshot.conf);
    feed_message(c, q, NULL);
}

static void receive_vote(struct consensus *c, struct raft_message *q, const struct peer_message *m)
{
    int saved = 0;
    q->request_vote = (struct raft_request_vote){.version = VERSION_VOTE,
                                                 .term = m->term,
                                                 .candidate_id = m->from,
                                                 .last_log_index = m->vote.last_index,
                                                 .last_log_term = m->vote.last_term,
                                                 .disrupt_leader = m->vote.disrupt,
                                                 .pre_vote = m->vote.pre_vote};
    int *role = guard_non_voter_votes(c, &saved);
    feed_message(c, q, NULL);
    guard_non_voter_restore(role, saved);
}

/* 2. Raises the term and votes for ourselves, so that the sole voter leads in a term of its own.
 * The answer goes to ourselves and is dropped; the vote re-arms the timer. */
void consensus_raise_term(struct consensus *c)
{
    struct raft_message q = {
        .type = RAFT_REQUEST_VOTE, .server_id = c->conf.self, .server_address = c->raft.address};
    q.request_vote =
        (struct raft_request_vote){.version = VERSION_VOTE,
                                   .term = raft_current_term(&c->raft) + 1,
                                   .candidate_id = c->conf.self,
                                   .last_log_index = c->log.last,
                                   .last_log_term = UINT64_MAX, /* no log is better than our own */
                                   .disrupt_leader = true};
    feed_message(c, &q, NULL);
    c->raised_term = raft_current_term(&c->raft);
}

static void receive_vote_result(struct consensus *c, struct raft_message *q,
                                const struct peer_message *m)
{
    if (!guard_vote_result(c, m))
        return;
    q->request_vote_result =
        (struct raft_request_vote_result){.version = VERSION_VOTE_RESULT,
                                          .term = m->term,
                                          .vote_granted = m->vote_result.granted,
                                          .pre_vote = m->vote_result.pre_vote};
    feed_message(c, q, NULL);
}

static void receive_append_result(struct consensus *c, struct raft_message *q,
                                  const struct peer_message *m)
{
    q->append_entries_result =
        (struct raft_append_entries_result){.version = VERSION_APPEND_RESULT,
                                            .term = m->term,
                                            .rejected = m->append_result.rejected,
                                            .last_log_index = m->append_result.last_index};
    guard_snapshot_moved(c, m->from, &q->append_entries_result);
    if (guard_late_rejection(c, m->from, &q->append_entries_result))
        feed_message(c, q, NULL);
}

static void feed_timeout_now(struct consensus *c, uint64_t from, uint64_t term,
                             struct peer_timeout_now what)
{
    char address[ADDRESS_BYTES];
    member_address(from, address);
    struct raft_message q = {
        .type = RAFT_TIMEOUT_NOW, .server_id = from, .server_address = address};
    q.timeout_now = (struct raft_timeout_now){
        .term = term, .last_log_index = what.last_index, .last_log_term = what.last_term};
    feed_message(c, &q, NULL);
}

static void receive_timeout_now(struct consensus *c, const struct peer_message *m)
{
    if (!guard_sole_timeout_now(c))
        return;
    if (!guard_early_timeout_now(c, m)) {
        feed_timeout_now(c, m->from, m->term, m->timeout_now);
        return;
    }
    c->early.from = m->from;
    c->early.term = m->term;
    c->early.at = c->now;
    c->early.what = m->timeout_now;
}

/* After an election time-out the leader has given it up. In another term, or behind another last
 * entry, the core drops it. */
void consensus_take_over(struct consensus *c)
{
    uint64_t from = c->early.from;
    if (from == 0 || c->raft.last_stored < c->early.what.last_index)
        return;
    c->early.from = 0;
    if (c->now - c->early.at >= c->conf.election_ms)
        return;
    feed_timeout_now(c, from, c->early.term, c->early.what);
    consensus_settle(c);
}

static void dispatch(struct consensus *c, const struct peer_message *m)
{
    char address[ADDRESS_BYTES];
    member_address(m->from, address);
    struct raft_message q = {.server_id = m->from, .server_address = address};
    switch (m->type) {
    case PEER_APPEND:
        q.type = RAFT_APPEND_ENTRIES;
        receive_append(c, &q, m);
        return;
    case PEER_APPEND_RESULT:
        q.type = RAFT_APPEND_ENTRIES_RESULT;
        receive_append_result(c, &q, m);
        return;
    case PEER_VOTE:
        q.type = RAFT_REQUEST_VOTE;
        receive_vote(c, &q, m);
        return;
    case PEER_VOTE_RESULT:
        q.type = RAFT_REQUEST_VOTE_RESULT;
        receive_vote_result(c, &q, m);
        return;
    case PEER_SNAPSHOT:
        q.type = RAFT_INSTALL_SNAPSHOT;
        receive_snapshot(c, &q, m);
        return;
    case PEER_TIMEOUT_NOW:
        receive_timeout_now(c, m);
        return;
    }
}

void consensus_receive(struct consensus *c, struct peer_message *m, uint64_t now_ms)
{
    consensus_at(c, now_ms);
    if (m->to == c->conf.self && m->from != c->conf.self && m->from != 0) {
        if (m->type == PEER_APPEND || m->type == PEER_SNAPSHOT)
            c->fed_term = m->term;
        dispatch(c, m);
        c->fed_term = UINT64_MAX;
        consensus_settle(c);
    }
    peer_message_free(m);
}
