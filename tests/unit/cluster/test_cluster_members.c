/* cluster: members come and go while the others serve. */
#include "trio.h"

#include "cluster/member.h"
#include "cluster/status.h"

#include <stdio.h>

static void one_and_two_later(void)
{
    memset(&trio, 0, sizeof(trio));
    trio.n_later = 2;
    trio_setup(1);
}

static void one_that_forgets(void)
{
    memset(&trio, 0, sizeof(trio));
    trio.n_later = 2;
    trio.forget_entries = 5;
    trio_setup(1);
}

static void add(unsigned by, unsigned n, unsigned voters)
{
    ck_assert_int_eq(trio_change(by, COMMAND_MEMBER_ADD, n), MEMBER_DONE);
    trio_start(n);
    for (unsigned i = 0; i < voters; i++)
        trio_await_voters(i, voters);
}

/* Those who came later are worth as much as the first one: they go on without it. */
START_TEST(one_grows_to_three)
{
    trio_put_well(0, "/a", "1");
    ck_assert(engine_decides_alone(trio.m[0].engine));
    add(0, 1, 2);
    ck_assert(!engine_decides_alone(trio.m[0].engine));
    ck_assert_int_eq(trio_change(1, COMMAND_MEMBER_ADD, 1), MEMBER_EXISTS);
    add(1, 2, 3);
    trio_await(1, "/a", "1");
    trio_await(2, "/a", "1");
    trio_stop(0);
    unsigned leader = trio_leader();
    trio_put_well(3 - leader, "/b", "1");
    trio_await(1, "/b", "1");
    trio_await(2, "/b", "1");
}
END_TEST

/* More than a leader sends to one that has not answered. */
enum { WRITES = 1200, AT_ONCE = 40 };

static void fill_log(unsigned member)
{
    struct proposal *p[AT_ONCE];
    for (unsigned i = 0; i < WRITES; i += AT_ONCE) {
        for (unsigned k = 0; k < AT_ONCE; k++)
            p[k] = trio_begin(member, "/many", "1");
        for (unsigned k = 0; k < AT_ONCE; k++) {
            trio_wait(p[k]);
            ck_assert_int_eq(p[k]->code, V2_OK);
            trio_free(p[k]);
        }
    }
}

/* The log that one that joins is sent begins with members who have all gone since. While these are
 * all that it knows of, it answers the one that sends, whom it was told of. */
START_TEST(joins_when_those_before_have_gone)
{
    fill_log(0);
    add(0, 1, 2);
    ck_assert_int_eq(trio_change(0, COMMAND_MEMBER_REMOVE, 0), MEMBER_DONE);
    while (!trio.m[0].removed)
        trio_pause();
    trio_stop(0);
    trio_await_voters(1, 1);
    trio_put_well(1, "/a", "1");
    ck_assert_int_eq(trio_change(1, COMMAND_MEMBER_ADD, 2), MEMBER_DONE);
    trio_start(2);
    trio_await(2, "/a", "1");
    trio_await_voters(1, 2);
    trio_put_well(2, "/b", "1");
}
END_TEST

/* No snapshot would be due: it is made because they come. */
START_TEST(forgotten_and_then_others_come)
{
    char path[16];
    for (unsigned i = 0; i < 30; i++) {
        snprintf(path, sizeof(path), "/a%u", i);
        trio_put_well(0, path, "1");
    }
    add(0, 1, 2);
    trio_put_well(1, "/b", "1");
    add(1, 2, 3);
    for (unsigned m = 1; m < 3; m++)
        for (unsigned i = 0; i < 30; i++) {
            snprintf(path, sizeof(path), "/a%u", i);
            trio_await(m, path, "1");
        }
    struct engine_figures f;
    engine_figures(trio.m[0].engine, &f);
    ck_assert_uint_gt(f.now[FIGURE_SNAPSHOT_INDEX], 30);
    trio_stop(0);
    trio_put_well(3 - trio_leader(), "/c", "1");
    trio_start(0);
    trio_await(0, "/c", "1");
}
END_TEST

static void remove_and_go_on(unsigned by, unsigned who)
{
    unsigned a = (who + 1) % 3, b = (who + 2) % 3;
    ck_assert_int_eq(trio_change(by, COMMAND_MEMBER_REMOVE, who), MEMBER_DONE);
    while (!trio.m[who].removed)
        trio_pause();
    trio_stop(who);
    trio_await_voters(a, 2);
    trio_await_voters(b, 2);
    trio_put_well(a, "/b", "1");
    trio_put_well(b, "/c", "1");
    trio_await(b, "/b", "1");
    ck_assert(!trio.m[a].removed && !trio.m[b].removed);
    ck_assert_int_eq(trio_change(a, COMMAND_MEMBER_ADD, who), MEMBER_GONE); /* for ever */
    ck_assert_int_eq(trio_change(b, COMMAND_MEMBER_REMOVE, who), MEMBER_GONE);
}

START_TEST(follower_is_removed)
{
    unsigned leader = trio_leader();
    trio_put_well(leader, "/a", "1");
    remove_and_go_on((leader + 2) % 3, (leader + 1) % 3);
}
END_TEST

/* It hands over first. */
START_TEST(leader_is_removed)
{
    unsigned leader = trio_leader();
    trio_put_well(leader, "/a", "1");
    remove_and_go_on(leader, leader);
}
END_TEST

/* Without a vote of its own a member that was removed asks for votes until it is told. */
START_TEST(removed_while_away)
{
    unsigned leader = trio_leader(), away = (leader + 1) % 3;
    trio_put_well(leader, "/a", "1");
    trio_cut(away, true);
    ck_assert_int_eq(trio_change(leader, COMMAND_MEMBER_REMOVE, away), MEMBER_DONE);
    trio_await_voters(leader, 2);
    trio_put_well(leader, "/b", "1");
    ck_assert(!trio.m[away].removed);
    trio_cut(away, false);
    while (!trio.m[away].removed)
        trio_pause();
    trio_put_well(leader, "/c", "1");
}
END_TEST

Suite *cluster_members_suite(void)
{
    Suite *s = suite_create("members");
    TCase *t = trio_case(s, "added", one_and_two_later);
    tcase_add_test(t, one_grows_to_three);
    tcase_add_test(t, joins_when_those_before_have_gone);
    t = trio_case(s, "forgotten", one_that_forgets);
    tcase_add_test(t, forgotten_and_then_others_come);
    t = trio_case(s, "removed", trio_three);
    tcase_add_test(t, follower_is_removed);
    tcase_add_test(t, leader_is_removed);
    tcase_add_test(t, removed_while_away);
    return s;
}
