/* Each defect of the core that one member shows by itself: with its guard the right thing happens,
 * with the guard off the wrong one does. A test that passes with the guard off would mean that the
 * guard is not needed any more. */
#include "rig.h"

#include "cluster/consensus_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static uint32_t off(bool guarded, enum guard g)
{
    return guarded ? 0 : 1u << g;
}

/* Both ways: _i is 1 with the guard and 0 without. */
#define GUARD_TEST(tc, test) tcase_add_loop_test((tc), (test), 0, 2)

START_TEST(stale_append_is_rejected)
{
    struct rig r;
    rig_init(&r, 2, 3, 3, off(_i, GUARD_STALE_RESULT));
    ck_assert(rig_receive(&r, rig_append(&r, 1, 2, 5, 1, 1, 0, 1)));
    rig_sync(&r);
    rig_forget(&r);
    ck_assert(rig_receive(&r, rig_append(&r, 3, 2, 4, 0, 0, 0, 0)));
    const struct peer_message *answer = rig_sent(&r, PEER_APPEND_RESULT, 3);
    ck_assert_ptr_nonnull(answer);
    ck_assert_int_eq(answer->append_result.rejected != 0, _i);
    rig_fini(&r);
}
END_TEST

/* The core reads memory that is not its own, and what comes of it, a signal too, hangs on what lies
 * there: so a child does it. */
static bool skips_compacted(struct rig *r)
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        bool alive = rig_receive(r, rig_append(r, 1, 2, 2, 0, 0, 9, 10));
        _exit(alive && consensus_last_index(r->c) == 10 ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* A delayed duplicate from index 0 on, at a member that has compacted its log. */
START_TEST(compacted_entries_are_skipped)
{
    struct rig r;
    struct snapshot_mark mark;
    rig_init(&r, 2, 3, 3, off(_i, GUARD_COMPACTED_PREV));
    ck_assert(rig_receive(&r, rig_append(&r, 1, 2, 2, 0, 0, 9, 1)));
    rig_sync(&r);
    ck_assert(rig_receive(&r, rig_append(&r, 1, 2, 2, 10, 2, 0, 10)));
    ck_assert_uint_eq(r.applied, 10);
    ck_assert(consensus_snapshot_begin(r.c, &mark));
    ck_assert(consensus_snapshot_done(r.c, &mark, 0, r.now));
    ck_assert_uint_eq(consensus_first_index(r.c), 11);
    rig_forget(&r);
    if (_i == 1) {
        ck_assert(rig_receive(&r, rig_append(&r, 1, 2, 2, 0, 0, 9, 10)));
        ck_assert_uint_eq(consensus_last_index(r.c), 10);
        const struct peer_message *answer = rig_sent(&r, PEER_APPEND_RESULT, 1);
        ck_assert_ptr_nonnull(answer);
        ck_assert_uint_eq(answer->append_result.rejected, 0);
        ck_assert_uint_eq(answer->append_result.last_index, 10);
    } else {
        ck_assert(!skips_compacted(&r));
    }
    rig_fini(&r);
}
END_TEST

static struct peer_message *vote(uint64_t from, uint64_t to, uint64_t term, bool pre_vote,
                                 uint64_t last_index)
{
    struct peer_message *m = peer_message_new(PEER_VOTE, from, to, 0);
    m->term = term;
    m->vote = (struct peer_vote){
        .last_index = last_index, .last_term = last_index > 0 ? 1 : 0, .pre_vote = pre_vote};
    return m;
}

/* A member that does not know yet that it is a voter. */
START_TEST(standby_gives_its_vote)
{
    struct rig r;
    rig_init(&r, 3, 3, 2, off(_i, GUARD_NON_VOTER_VOTES));
    ck_assert(rig_receive(&r, vote(1, 3, 2, false, 5)));
    rig_sync(&r);
    const struct peer_message *answer = rig_sent(&r, PEER_VOTE_RESULT, 1);
    ck_assert_int_eq(answer != NULL && answer->vote_result.granted, _i);
    rig_fini(&r);
}
END_TEST

START_TEST(denied_pre_vote_teaches_the_term)
{
    struct rig r;
    rig_init(&r, 2, 3, 3, off(_i, GUARD_PRE_VOTE_TERM));
    /* A real vote of term 7 by one whose log is too short raises the term, and is denied. */
    ck_assert(rig_receive(&r, vote(3, 2, 7, false, 0)));
    rig_sync(&r);
    ck_assert_uint_eq(consensus_term(r.c), 7);
    rig_forget(&r);
    ck_assert(rig_receive(&r, vote(1, 2, 3, true, 0)));
    const struct peer_message *answer = rig_sent(&r, PEER_VOTE_RESULT, 1);
    ck_assert_ptr_nonnull(answer);
    ck_assert(!answer->vote_result.granted);
    ck_assert_int_eq(answer->term == 7, _i);
    rig_fini(&r);
}
END_TEST

static void accept_appends(struct rig *r, uint64_t from)
{
    const struct peer_message *a = rig_sent(r, PEER_APPEND, from);
    ck_assert_ptr_nonnull(a);
    struct peer_message *m = peer_message_new(PEER_APPEND_RESULT, from, a->from, 0);
    m->term = a->term;
    m->append_result.last_index = a->append.prev_index + a->append.n;
    rig_forget(r);
    ck_assert(rig_receive(r, m));
}

static bool change_sent(const struct rig *r)
{
    for (unsigned i = 0; i < r->n_sent; i++)
        for (unsigned k = 0; r->sent[i]->type == PEER_APPEND && k < r->sent[i]->append.n; k++)
            if (r->sent[i]->append.entries[k].type == ENTRY_CHANGE)
                return true;
    return false;
}

START_TEST(change_is_sent_when_durable)
{
    struct rig r;
    struct consensus_members m;
    uint64_t index;
    rig_init(&r, 1, 2, 1, off(_i, GUARD_CHANGE_SEND));
    ck_assert(consensus_settled(r.c));
    rig_tick(&r);
    accept_appends(&r, 2);
    rig_forget(&r);
    consensus_members(r.c, &m);
    m.m[m.n].id = 3;
    m.m[m.n++].role = MEMBER_STANDBY;
    ck_assert_int_eq(consensus_change(r.c, &m, r.now, &index), 0);
    ck_assert_int_eq(!change_sent(&r), _i);
    rig_sync(&r);
    ck_assert(change_sent(&r));
    rig_fini(&r);
}
END_TEST

/* A spare gets nothing, and so is overdue for ever: a loop that never sleeps. */
START_TEST(leader_rests_between_ticks)
{
    struct rig r;
    struct consensus_members m;
    uint64_t index;
    rig_init(&r, 1, 2, 1, off(_i, GUARD_LEADER_TICK));
    consensus_members(r.c, &m);
    m.m[1].role = MEMBER_SPARE;
    ck_assert_int_eq(consensus_change(r.c, &m, r.now, &index), 0);
    rig_sync(&r);
    r.now += 10000;
    consensus_tick(r.c, r.now);
    ck_assert_int_eq(consensus_deadline_ms(r.c) > r.now, _i);
    rig_fini(&r);
}
END_TEST

/* What the core has of the heap; of the second snapshot it keeps what nobody frees. */
static struct {
    struct raft_heap heap;
    long n;
} counted;

static void *count_malloc(void *data, size_t n)
{
    (void)data;
    counted.n++;
    return malloc(n);
}

static void count_free(void *data, void *p)
{
    (void)data;
    counted.n -= p != NULL;
    free(p);
}

static void *count_calloc(void *data, size_t n, size_t size)
{
    (void)data;
    counted.n++;
    return calloc(n, size);
}

static void *count_realloc(void *data, void *p, size_t n)
{
    (void)data;
    counted.n += p == NULL;
    return realloc(p, n);
}

static void *count_aligned(void *data, size_t alignment, size_t n)
{
    (void)data;
    counted.n++;
    return aligned_alloc(alignment, n);
}

static void count_aligned_free(void *data, size_t alignment, void *p)
{
    (void)alignment;
    count_free(data, p);
}

START_TEST(snapshot_during_an_install_is_dropped)
{
    struct rig r;
    counted.heap = (struct raft_heap){.malloc = count_malloc,
                                      .free = count_free,
                                      .calloc = count_calloc,
                                      .realloc = count_realloc,
                                      .aligned_alloc = count_aligned,
                                      .aligned_free = count_aligned_free};
    counted.n = 0;
    raft_heap_set(&counted.heap);
    rig_init(&r, 2, 3, 3, off(_i, GUARD_DOUBLE_INSTALL));
    struct peer_message *m = peer_message_new(PEER_SNAPSHOT, 1, 2, 0);
    m->term = 4;
    *m->snapshot.mark = (struct snapshot_mark){.index = 50, .term = 3, .members_index = 1};
    consensus_members(r.c, &m->snapshot.mark->members);
    struct peer_message *again = peer_message_dup(m);
    ck_assert(rig_receive(&r, m));
    ck_assert(rig_receive(&r, again));
    r.applied = 50;
    consensus_installed(r.c, r.now);
    rig_fini(&r);
    raft_heap_set_default();
    ck_assert_int_eq(counted.n == 0, _i);
}
END_TEST

/* Raft is broken, and the core would take the other leader's entries as its own. */
START_TEST(second_leader_of_a_term_ends_all)
{
    struct rig r;
    rig_init(&r, 1, 3, 1, off(_i, GUARD_TWO_LEADERS));
    uint64_t term = consensus_term(r.c), last = consensus_last_index(r.c);
    ck_assert_int_eq(consensus_role(r.c), CONSENSUS_LEADER);
    ck_assert_int_eq(!rig_receive(&r, rig_append(&r, 2, 1, term, last, term, 1, 1)), _i);
    /* The guard spoke before anything was touched; without it the core's state is in ruins. */
    r.broken = _i == 0;
    rig_fini(&r);
}
END_TEST

/* Two changes, of which the first is committed, though nobody here knows; the second is replaced.
 * What holds then is the first. */
START_TEST(rollback_goes_one_change_back)
{
    struct rig r;
    struct consensus_members now;
    rig_init(&r, 2, 3, 3, off(_i, GUARD_PENDING_CHANGE));
    struct peer_message *both = peer_message_new(PEER_APPEND, 1, 2, 2);
    both->term = 3;
    both->append.prev_index = both->append.prev_term = both->append.commit = 1;
    for (unsigned i = 0; i < 2; i++)
        both->append.entries[i] =
            (struct log_entry){.term = 2, .type = ENTRY_CHANGE, .payload = rig_members(4 + i, 3)};
    ck_assert(rig_receive(&r, both));
    rig_sync(&r);
    consensus_members(r.c, &now);
    ck_assert_uint_eq(now.n, 5);
    ck_assert(rig_receive(&r, rig_append(&r, 3, 2, 4, 2, 2, 1, 1)));
    consensus_members(r.c, &now);
    ck_assert_int_eq(now.n == 4, _i);
    rig_fini(&r);
}
END_TEST

START_TEST(sole_voter_leads_in_a_new_term)
{
    struct rig r;
    rig_init(&r, 1, 1, 1, off(_i, GUARD_SOLE_START));
    ck_assert_int_eq(consensus_role(r.c), CONSENSUS_LEADER);
    ck_assert_int_eq(consensus_term(r.c) == 2 && r.vote == 1, _i);
    rig_fini(&r);
}
END_TEST

START_TEST(leader_adds_its_barrier)
{
    struct rig r;
    rig_init(&r, 1, 1, 1, off(_i, GUARD_OWN_BARRIER));
    ck_assert_int_eq(consensus_last_index(r.c) == 2 && consensus_settled(r.c), _i);
    rig_fini(&r);
}
END_TEST

/* Of leader 1 to member 2, in term 2. */
static struct peer_message *timeout_now(uint64_t last_index, uint64_t last_term)
{
    struct peer_message *m = peer_message_new(PEER_TIMEOUT_NOW, 1, 2, 0);
    m->term = 2;
    m->timeout_now = (struct peer_timeout_now){.last_index = last_index, .last_term = last_term};
    return m;
}

START_TEST(hand_over_waits_for_the_disk)
{
    struct rig r;
    rig_init(&r, 2, 3, 3, off(_i, GUARD_EARLY_TIMEOUT_NOW));
    ck_assert(rig_receive(&r, rig_append(&r, 1, 2, 2, 1, 1, 1, 1)));
    ck_assert(rig_receive(&r, timeout_now(2, 2)));
    ck_assert_int_eq(consensus_role(r.c), CONSENSUS_FOLLOWER);
    rig_sync(&r);
    ck_assert_int_eq(consensus_role(r.c) == CONSENSUS_CANDIDATE, _i);
    rig_sync(&r);
    ck_assert_int_eq(rig_sent(&r, PEER_VOTE, 3) != NULL, _i);
    rig_fini(&r);
}
END_TEST

/* What was kept is void once the log has gone on, or the leader has given up. */
START_TEST(hand_over_too_late)
{
    struct rig r;
    rig_init(&r, 2, 3, 3, 0);
    ck_assert(rig_receive(&r, rig_append(&r, 1, 2, 2, 1, 1, 1, 1)));
    ck_assert(rig_receive(&r, timeout_now(2, 2)));
    if (_i == 0)
        ck_assert(rig_receive(&r, rig_append(&r, 1, 2, 2, 2, 2, 1, 1)));
    else
        r.now += 1000;
    rig_sync(&r);
    ck_assert_int_eq(consensus_role(r.c), CONSENSUS_FOLLOWER);
    ck_assert_ptr_null(rig_sent(&r, PEER_VOTE, 0));
    rig_fini(&r);
}
END_TEST

/* The traces behind guard 14 begin with a TIMEOUT_NOW whose election fails. */
static void failed_transfer(struct rig *r)
{
    ck_assert(rig_receive(r, rig_append(r, 1, 2, 2, 1, 1, 0, 1)));
    rig_sync(r);
    ck_assert(rig_receive(r, timeout_now(1, 1)));
    rig_sync(r);
    ck_assert_int_eq(consensus_role(r->c), CONSENSUS_CANDIDATE);
    const struct peer_message *ask = rig_sent(r, PEER_VOTE, 3);
    ck_assert_ptr_nonnull(ask);
    ck_assert(ask->vote.disrupt && !ask->vote.pre_vote);
    ck_assert_uint_eq(ask->term, 3);
    rig_forget(r);
    rig_tick(r);
    rig_sync(r);
}

START_TEST(retry_disrupts_nobody)
{
    struct rig r;
    rig_init(&r, 2, 3, 3, off(_i, GUARD_RETRY_DISRUPT));
    failed_transfer(&r);
    const struct peer_message *ask = rig_sent(&r, PEER_VOTE, 3);
    ck_assert_ptr_nonnull(ask);
    ck_assert_int_eq(!ask->vote.disrupt, _i);
    rig_fini(&r);
}
END_TEST

START_TEST(retry_begins_with_a_pre_vote)
{
    struct rig r;
    rig_init(&r, 2, 3, 3, off(_i, GUARD_RETRY_PRE_VOTE));
    failed_transfer(&r);
    const struct peer_message *ask = rig_sent(&r, PEER_VOTE, 3);
    ck_assert_ptr_nonnull(ask);
    ck_assert_int_eq(ask->vote.pre_vote, _i);
    ck_assert_int_eq(consensus_term(r.c) == 3, _i);
    rig_fini(&r);
}
END_TEST

START_TEST(pre_vote_of_an_earlier_round_does_not_count)
{
    struct rig r;
    rig_init(&r, 2, 3, 3, off(_i, GUARD_VOTE_RESULT));
    rig_tick(&r);
    ck_assert_int_eq(consensus_role(r.c), CONSENSUS_CANDIDATE);
    struct peer_message *late = peer_message_new(PEER_VOTE_RESULT, 1, 2, 0);
    late->term = 1; /* this round asks for term 2 */
    late->vote_result = (struct peer_vote_result){.granted = true, .pre_vote = true};
    ck_assert(rig_receive(&r, late));
    ck_assert_int_eq(consensus_term(r.c) == 1, _i);
    rig_fini(&r);
}
END_TEST

Suite *guards_suite(void)
{
    Suite *s = suite_create("guards");
    TCase *tc = tcase_create("one member");
    GUARD_TEST(tc, stale_append_is_rejected);
    GUARD_TEST(tc, compacted_entries_are_skipped);
    GUARD_TEST(tc, standby_gives_its_vote);
    GUARD_TEST(tc, denied_pre_vote_teaches_the_term);
    GUARD_TEST(tc, change_is_sent_when_durable);
    GUARD_TEST(tc, leader_rests_between_ticks);
    GUARD_TEST(tc, snapshot_during_an_install_is_dropped);
    GUARD_TEST(tc, second_leader_of_a_term_ends_all);
    GUARD_TEST(tc, rollback_goes_one_change_back);
    GUARD_TEST(tc, sole_voter_leads_in_a_new_term);
    GUARD_TEST(tc, leader_adds_its_barrier);
    GUARD_TEST(tc, hand_over_waits_for_the_disk);
    tcase_add_loop_test(tc, hand_over_too_late, 0, 2);
    GUARD_TEST(tc, retry_disrupts_nobody);
    GUARD_TEST(tc, retry_begins_with_a_pre_vote);
    GUARD_TEST(tc, pre_vote_of_an_earlier_round_does_not_count);
    suite_add_tcase(s, tc);
    return s;
}
