/* haste: what consensus does without waiting for a timer. */
#include "rig.h"

#include "cluster/consensus_priv.h"

#include <string.h>

static void answer_vote(struct rig *r, uint64_t from)
{
    const struct peer_message *ask = rig_sent(r, PEER_VOTE, from);
    ck_assert_ptr_nonnull(ask);
    struct peer_message *m = peer_message_new(PEER_VOTE_RESULT, from, ask->from, 0);
    m->term = ask->term;
    m->vote_result = (struct peer_vote_result){.granted = true, .pre_vote = ask->vote.pre_vote};
    ck_assert(rig_receive(r, m));
    rig_sync(r);
}

static void answer_append(struct rig *r, uint64_t from)
{
    struct peer_message *m = peer_message_new(PEER_APPEND_RESULT, from, 1, 0);
    m->term = consensus_term(r->c);
    m->append_result.last_index = consensus_last_index(r->c);
    ck_assert(rig_receive(r, m));
}

/* Member 1 of three leads, and its barrier is committed by member 2. */
static void leader(struct rig *r)
{
    rig_init(r, 1, 3, 3, 0);
    rig_tick(r);
    rig_sync(r);
    answer_vote(r, 2); /* would you? */
    answer_vote(r, 2); /* do */
    ck_assert_int_eq(consensus_role(r->c), CONSENSUS_LEADER);
    rig_sync(r);
    answer_append(r, 2);
    ck_assert(consensus_settled(r->c));
    rig_forget(r);
}

START_TEST(commit_is_told_at_once)
{
    struct rig r;
    leader(&r);
    consensus_announce(r.c);
    const struct peer_message *m = rig_sent(&r, PEER_APPEND, 2);
    ck_assert_ptr_nonnull(m);
    ck_assert_uint_eq(m->append.n, 0);
    ck_assert_uint_eq(m->append.prev_index, consensus_last_index(r.c));
    ck_assert_uint_eq(m->append.prev_term, consensus_term(r.c));
    ck_assert_uint_eq(m->append.commit, consensus_commit_index(r.c));
    /* Member 3 has not said that it holds anything. */
    ck_assert_ptr_null(rig_sent(&r, PEER_APPEND, 3));
    rig_fini(&r);
}
END_TEST

START_TEST(commit_is_told_once)
{
    struct rig r;
    leader(&r);
    consensus_announce(r.c);
    rig_forget(&r);
    consensus_announce(r.c);
    ck_assert_uint_eq(r.n_sent, 0);
    answer_append(&r, 3);
    rig_forget(&r);
    consensus_announce(r.c);
    ck_assert_ptr_nonnull(rig_sent(&r, PEER_APPEND, 3));
    ck_assert_ptr_null(rig_sent(&r, PEER_APPEND, 2));
    rig_fini(&r);
}
END_TEST

START_TEST(followers_announce_nothing)
{
    struct rig r;
    rig_init(&r, 2, 3, 3, 0);
    ck_assert(rig_receive(&r, rig_append(&r, 1, 2, 2, 1, 1, 3, 4)));
    rig_sync(&r);
    rig_forget(&r);
    consensus_announce(r.c);
    ck_assert_uint_eq(r.n_sent, 0);
    rig_fini(&r);
}
END_TEST

/* Member 2 of three follows member 1. */
static void follower(struct rig *r)
{
    rig_init(r, 2, 3, 3, 0);
    ck_assert(rig_receive(r, rig_append(r, 1, 2, 2, 1, 1, 0, 1)));
    rig_sync(r);
    ck_assert_uint_eq(consensus_leader(r->c), 1);
    rig_forget(r);
}

START_TEST(loss_of_the_leader_shortens_the_wait)
{
    struct rig r;
    follower(&r);
    uint64_t due = consensus_deadline_ms(r.c);
    consensus_lost(r.c, 1, r.now);
    ck_assert_uint_eq(consensus_leader(r.c), 0);
    ck_assert_uint_lt(consensus_deadline_ms(r.c), due);
    ck_assert_uint_lt(consensus_deadline_ms(r.c), r.now + 100);
    rig_tick(&r);
    ck_assert_int_eq(consensus_role(r.c), CONSENSUS_CANDIDATE);
    ck_assert(rig_sent(&r, PEER_VOTE, 3)->vote.pre_vote);
    rig_fini(&r);
}
END_TEST

START_TEST(loss_of_the_leader_frees_the_vote)
{
    struct rig r;
    follower(&r);
    for (int lost = 0; lost < 2; lost++) {
        struct peer_message *m = peer_message_new(PEER_VOTE, 3, 2, 0);
        m->term = 3;
        m->vote = (struct peer_vote){.last_index = 1, .last_term = 1, .pre_vote = true};
        ck_assert(rig_receive(&r, m));
        rig_sync(&r);
        const struct peer_message *a = rig_sent(&r, PEER_VOTE_RESULT, 3);
        ck_assert_int_eq(a != NULL && a->vote_result.granted, lost);
        rig_forget(&r);
        consensus_lost(r.c, 1, r.now);
    }
    rig_fini(&r);
}
END_TEST

START_TEST(leader_that_lives_after_all_is_followed)
{
    struct rig r;
    follower(&r);
    uint64_t wait = consensus_deadline_ms(r.c) - r.now;
    consensus_lost(r.c, 1, r.now);
    ck_assert(rig_receive(&r, rig_append(&r, 1, 2, 2, 1, 1, 0, 1)));
    ck_assert_uint_eq(consensus_leader(r.c), 1);
    ck_assert_uint_ge(consensus_deadline_ms(r.c) - r.now, wait);
    rig_fini(&r);
}
END_TEST

START_TEST(loss_of_another_changes_nothing)
{
    struct rig r;
    follower(&r);
    uint64_t due = consensus_deadline_ms(r.c);
    consensus_lost(r.c, 3, r.now);
    consensus_lost(r.c, 0, r.now);
    ck_assert_uint_eq(consensus_leader(r.c), 1);
    ck_assert_uint_eq(consensus_deadline_ms(r.c), due);
    rig_fini(&r);
}
END_TEST

/* However many came and went: what is known of those who are there is kept. */
START_TEST(followers_of_now_keep_their_place)
{
    struct rig r;
    leader(&r);
    memset(r.c->followers, 0, sizeof(r.c->followers));
    for (uint64_t id = 100; id < 100 + LIMIT_MEMBERS; id++)
        consensus_follower(r.c, id)->snapshot = 8;
    consensus_follower(r.c, 2)->snapshot = 7;
    consensus_follower(r.c, 3)->snapshot = 9;
    ck_assert_uint_eq(consensus_follower(r.c, 2)->snapshot, 7);
    ck_assert_uint_eq(consensus_follower(r.c, 3)->snapshot, 9);
    rig_fini(&r);
}
END_TEST

Suite *haste_suite(void)
{
    Suite *s = suite_create("haste");
    TCase *tc = tcase_create("timers that are not waited for");
    tcase_add_test(tc, commit_is_told_at_once);
    tcase_add_test(tc, commit_is_told_once);
    tcase_add_test(tc, followers_of_now_keep_their_place);
    tcase_add_test(tc, followers_announce_nothing);
    tcase_add_test(tc, loss_of_the_leader_shortens_the_wait);
    tcase_add_test(tc, loss_of_the_leader_frees_the_vote);
    tcase_add_test(tc, leader_that_lives_after_all_is_followed);
    tcase_add_test(tc, loss_of_another_changes_nothing);
    suite_add_tcase(s, tc);
    return s;
}
