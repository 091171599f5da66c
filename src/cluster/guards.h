/* guards: what stands between us and the known defects of libraft 0.22.1. A guard is one small
 * function; they sit in three places: ingress (before RAFT_RECEIVE), egress (before the queue of
 * messages), tick (before RAFT_TIMEOUT). guards.c says of each number what the core does and why
 * the guard cures it; 16 and up are halves of a guard and rules of our contract with the core. Only
 * the files of consensus include this. */
#pragma once

#include <stdbool.h>

enum guard {
    GUARD_SPLIT_APPEND = 1,
    GUARD_SOLE_TERM = 2,
    GUARD_STALE_RESULT = 3,
    GUARD_COMPACTED_PREV = 4,
    GUARD_LATE_REJECTION = 5,
    GUARD_NON_VOTER = 6,
    GUARD_PRE_VOTE_TERM = 7,
    GUARD_CHANGE_DURABLE = 8,
    GUARD_LEADER_TICK = 9,
    GUARD_DOUBLE_INSTALL = 10,
    GUARD_TWO_LEADERS = 11,
    GUARD_PENDING_CHANGE = 12,
    GUARD_OWN_BARRIER = 13,
    GUARD_CANDIDATE_RETRY = 14,
    GUARD_VOTE_RESULT = 15,
    /* halves */
    GUARD_SOLE_START = 16,       /* of 2 */
    GUARD_SOLE_TICK = 17,        /* of 2 */
    GUARD_SOLE_TIMEOUT_NOW = 18, /* of 2 */
    GUARD_NON_VOTER_VOTES = 19,  /* of 6 */
    GUARD_NON_VOTER_LEADER = 20, /* of 6 */
    GUARD_CHANGE_SEND = 21,      /* of 8 */
    GUARD_NO_SELF_REMOVAL = 22,  /* of 8 */
    GUARD_RETRY_DISRUPT = 23,    /* of 14 */
    GUARD_RETRY_PRE_VOTE = 24,   /* of 14 */
    /* rules */
    RULE_COMMIT_MAX = 25,       /* the core's commit index may go down; ours does not */
    RULE_INSTALL_PERSIST = 26,  /* no PERSISTED_ENTRIES while installing */
    RULE_SNAPSHOT_DURABLE = 27, /* snapshots only of what is durable here */
    RULE_ONE_CHANGE = 28,       /* one change of membership at a time */
    RULE_STANDBY_FIRST = 29,    /* voters come in as standbys that have caught up */
    /* found later */
    GUARD_SNAPSHOT_MOVED = 30,
    GUARD_EARLY_TIMEOUT_NOW = 31,
};

struct consensus;
struct peer_message;
struct raft_message;
struct raft_append_entries_result;

bool guard_on(const struct consensus *c, enum guard g);

/* Ingress. Each false: the message is to be dropped. */
bool guard_two_leaders(struct consensus *c, const struct peer_message *m);
bool guard_double_install(const struct consensus *c, const struct peer_message *m);
bool guard_sole_timeout_now(const struct consensus *c);
/* True: M comes before its time, and is to be kept until the own log is durable. */
bool guard_early_timeout_now(const struct consensus *c, const struct peer_message *m);
bool guard_late_rejection(const struct consensus *c, unsigned long long from,
                          struct raft_append_entries_result *result);
void guard_snapshot_moved(struct consensus *c, unsigned long long from,
                          struct raft_append_entries_result *result);
bool guard_vote_result(const struct consensus *c, const struct peer_message *m);
/* How many entries at the front of the append M are below what we applied; 0 with *ANCHOR false:
 * leave it as it is. */
unsigned guard_compacted_prev(const struct consensus *c, const struct peer_message *m,
                              bool *anchor);
/* Where the piece of M that begins at entry FROM ends. */
unsigned guard_split_append(const struct consensus *c, const struct peer_message *m, unsigned from);
/* Index of the pending change that the entry behind PREV_INDEX, PREV_TERM proves to be committed;
 * 0: none. */
unsigned long long guard_pending_change(const struct consensus *c, unsigned long long term,
                                        unsigned long long prev_index,
                                        unsigned long long prev_term);
/* Our own entry in the core's configuration for one REQUEST_VOTE; restored with
 * guard_non_voter_restore. */
int *guard_non_voter_votes(struct consensus *c, int *saved);
void guard_non_voter_restore(int *role, int saved);

/* Egress: corrects one message M of ours; FED_TERM is the term of the append or snapshot just
 * answered. */
void guard_stale_result(const struct consensus *c, struct peer_message *m,
                        unsigned long long fed_term);
void guard_pre_vote_term(const struct consensus *c, struct peer_message *m);
void guard_change_durable(const struct consensus *c, struct peer_message *m);

/* Tick. */
bool guard_sole_tick_due(const struct consensus *c);
void guard_non_voter_leader(struct consensus *c);
void guard_candidate_retry(struct consensus *c);
