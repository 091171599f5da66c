/* cluster: one member of several goes on alone with the data (--force-new-cluster). */
#include "trio.h"

#include "cluster/member.h"
#include "cluster/status.h"

#include <stdio.h>

static void one_and_one_later(void)
{
    memset(&trio, 0, sizeof(trio));
    trio.n_later = 1;
    trio_setup(1);
}

static void start_forced(unsigned i)
{
    trio.force_new = true;
    trio_start(i);
    trio.force_new = false;
}

/* A member that is alone can serve as soon as it has started. */
static void check_alone(unsigned i)
{
    struct member_ref members[LIMIT_MEMBERS];
    struct engine *e = trio.m[i].engine;
    ck_assert(engine_decides_alone(e));
    trio_put_well(i, "/alone", "1");
    ck_assert_uint_eq(engine_members(e, members), 1);
    ck_assert_uint_eq(members[0].id, trio.m[i].id);
    blob_unref(members[0].published);
    for (unsigned k = 0; k < trio.n; k++)
        ck_assert_int_eq(engine_was_removed(e, trio.m[k].id), k != i);
}

static void stop_all(void)
{
    for (unsigned i = 0; i < trio.n; i++)
        trio_stop(i);
}

/* Whichever it is: what was acknowledged is there, and it stays alone without being told again. */
START_TEST(one_of_three_goes_on)
{
    unsigned leader = trio_leader(), left = (leader + (unsigned)_i) % 3;
    char value[16];
    trio_put_well(leader, "/a", "1");
    trio_await(left, "/a", "1");
    stop_all();
    start_forced(left);
    check_alone(left);
    ck_assert(trio_get(left, "/a", value, sizeof(value)));
    trio_stop(left);
    trio_start(left);
    check_alone(left);
}
END_TEST

/* Told twice, it adds nothing to its log: it is alone already. */
START_TEST(told_again_changes_nothing)
{
    (void)trio_leader();
    stop_all();
    start_forced(0);
    check_alone(0);
    trio_stop(0);
    trio_start(0);
    check_alone(0);
    uint64_t plain = engine_raft_index(trio.m[0].engine);
    trio_stop(0);
    start_forced(0);
    check_alone(0);
    /* As before: the entry that a term begins with, and the write. */
    ck_assert_uint_eq(engine_raft_index(trio.m[0].engine), plain + 2);
}
END_TEST

START_TEST(from_a_snapshot)
{
    unsigned leader = trio_leader();
    char path[16], value[16];
    for (unsigned i = 0; i < 60; i++) {
        snprintf(path, sizeof(path), "/k/%u", i);
        trio_put_well(leader, path, "1");
    }
    trio_await_snapshot(leader);
    stop_all();
    start_forced(leader);
    check_alone(leader);
    ck_assert(trio_get(leader, "/k/59", value, sizeof(value)));
}
END_TEST

/* It grows again. Those who were added since are not kept by another start with the flag. */
START_TEST(grows_again)
{
    stop_all();
    start_forced(0);
    ck_assert_int_eq(trio_change(0, COMMAND_MEMBER_ADD, 1), MEMBER_DONE);
    trio_start(1);
    trio_await_voters(0, 2);
    trio_await_voters(1, 2);
    trio_put_well(1, "/b", "1");
    trio_await(0, "/b", "1");
    stop_all();
    start_forced(0);
    check_alone(0);
}
END_TEST

enum { COMERS = 300, AT_ONCE = 30 };

static void change_many(int kind, unsigned from)
{
    struct proposal *p[AT_ONCE];
    for (unsigned i = 0; i < AT_ONCE; i++) {
        struct command c = {.kind = (enum command_kind)kind, .member = {.id = 1000 + from + i}};
        char url[40];
        snprintf(url, sizeof(url), "http://127.0.0.1:%u", 10000 + from + i);
        if (kind == COMMAND_MEMBER_ADD)
            c.member.peer_urls[c.member.n_peer_urls++] = span_of(url);
        p[i] = trio_propose(0, &c);
    }
    for (unsigned i = 0; i < AT_ONCE; i++) {
        trio_wait(p[i]);
        ck_assert_int_eq(p[i]->code, V2_OK);
        ck_assert_int_eq(p[i]->member.outcome, MEMBER_DONE);
        trio_free(p[i]);
    }
}

/* The log speaks of many who came and went; the newest one is there still, and must go. */
START_TEST(many_came_and_went)
{
    for (unsigned from = 0; from < COMERS; from += AT_ONCE) {
        change_many(COMMAND_MEMBER_ADD, from);
        change_many(COMMAND_MEMBER_REMOVE, from);
    }
    trio_await_voters(0, 1);
    ck_assert_int_eq(trio_change(0, COMMAND_MEMBER_ADD, 1), MEMBER_DONE);
    trio_start(1);
    trio_await_voters(0, 2);
    trio_await_voters(1, 2);
    stop_all();
    start_forced(0);
    check_alone(0);
}
END_TEST

Suite *cluster_alone_suite(void)
{
    const struct {
        const char *name;
        void (*setup)(void);
        const TTest *test;
        int times;
    } cases[] = {
        {"three", trio_three, one_of_three_goes_on, 2},
        {"three again", trio_three, told_again_changes_nothing, 1},
        {"snapshot", trio_three_with_snapshots, from_a_snapshot, 1},
        {"one", one_and_one_later, grows_again, 1},
        {"one of many", one_and_one_later, many_came_and_went, 1},
    };
    Suite *s = suite_create("alone");
    for (unsigned i = 0; i < CP_COUNT(cases); i++) {
        TCase *t = trio_case(s, cases[i].name, cases[i].setup);
        tcase_add_loop_test(t, cases[i].test, 0, cases[i].times);
    }
    return s;
}
