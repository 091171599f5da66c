#include "rig.h"

#include "base/mem.h"

#include <stdlib.h>

START_TEST(the_library_is_the_one_we_know)
{
    struct err e;
    ck_assert_int_eq(consensus_check_library(&e), 0);
}
END_TEST

START_TEST(members_come_back_sorted)
{
    struct consensus_members m = {.n = 3}, back;
    m.m[0].id = UINT64_MAX;
    m.m[0].role = MEMBER_VOTER;
    m.m[1].id = 7;
    m.m[1].role = MEMBER_SPARE;
    m.m[2].id = 8;
    m.m[2].role = MEMBER_STANDBY;
    struct blob *b = consensus_bootstrap(&m);
    ck_assert_int_eq(consensus_members_decode(blob_span(b), &back), 0);
    ck_assert_uint_eq(back.n, 3);
    ck_assert_uint_eq(back.m[0].id, 7);
    ck_assert_int_eq(back.m[0].role, MEMBER_SPARE);
    ck_assert_int_eq(back.m[1].role, MEMBER_STANDBY);
    ck_assert_uint_eq(back.m[2].id, UINT64_MAX);
    blob_unref(b);
}
END_TEST

START_TEST(most_members_come_back)
{
    struct consensus_members back;
    struct blob *b = rig_members(LIMIT_MEMBERS, 5);
    ck_assert_int_eq(consensus_members_decode(blob_span(b), &back), 0);
    ck_assert_uint_eq(back.n, LIMIT_MEMBERS);
    blob_unref(b);
}
END_TEST

/* Cut anywhere, or any byte changed: refused or members that are valid, never a read past the end.
 */
START_TEST(damaged_members_are_refused)
{
    struct blob *b = rig_members(3, 2);
    struct consensus_members back;
    for (size_t n = 0; n < b->len - 8; n++) {
        struct blob *cut = blob_copy(span_make(b->data, n));
        ck_assert_int_eq(consensus_members_decode(blob_span(cut), &back), ERR_MALFORMED);
        blob_unref(cut);
    }
    for (size_t i = 0; i < b->len; i++) {
        struct blob *bad = blob_copy(blob_span(b));
        bad->data[i] = (char)(bad->data[i] ^ 0x55);
        if (consensus_members_decode(blob_span(bad), &back) == 0)
            ck_assert_uint_ge(i, b->len - 8); /* padding */
        blob_unref(bad);
    }
    blob_unref(b);
}
END_TEST

START_TEST(sole_voter_commits_when_durable)
{
    struct rig r;
    struct log_entry batch[100];
    uint64_t first;
    rig_init(&r, 1, 1, 1, 0);
    uint64_t before = r.applied;
    for (unsigned i = 0; i < 100; i++)
        batch[i] = rig_command("put");
    ck_assert_int_eq(consensus_submit(r.c, batch, 100, r.now, &first), 0);
    ck_assert_uint_eq(first, before + 1);
    ck_assert_uint_eq(batch[99].term, consensus_term(r.c));
    ck_assert_uint_eq(r.applied, before);
    consensus_durable(r.c, r.lsn - 1, r.now);
    ck_assert_uint_eq(r.applied,
                      before); /* the batch has one sequence number, that of its last entry */
    rig_sync(&r);
    ck_assert_uint_eq(r.applied, before + 100);
    for (unsigned i = 0; i < 100; i++)
        blob_unref(batch[i].payload);
    rig_fini(&r);
}
END_TEST

START_TEST(followers_refuse)
{
    struct rig r;
    struct log_entry e = rig_command("put");
    struct consensus_members m;
    uint64_t index;
    rig_init(&r, 2, 3, 3, 0);
    consensus_members(r.c, &m);
    ck_assert_int_eq(consensus_submit(r.c, &e, 1, r.now, &index), ERR_NOT_LEADER);
    ck_assert_int_eq(consensus_change(r.c, &m, r.now, &index), ERR_NOT_LEADER);
    ck_assert_int_eq(consensus_transfer(r.c, 0, r.now), ERR_NOT_LEADER);
    blob_unref(e.payload);
    rig_fini(&r);
}
END_TEST

START_TEST(changes_go_one_at_a_time)
{
    struct rig r;
    struct consensus_members m, to;
    uint64_t index;
    rig_init(&r, 1, 1, 1, 0);
    consensus_members(r.c, &m);
    ck_assert_int_eq(consensus_change(r.c, &m, r.now, &index), ERR_USAGE); /* no difference */
    to = m;
    to.m[0].role = MEMBER_STANDBY;
    ck_assert_int_eq(consensus_change(r.c, &to, r.now, &index), ERR_USAGE); /* nobody votes */
    to = m;
    to.m[to.n].id = 2;
    to.m[to.n++].role = MEMBER_VOTER;
    ck_assert_int_eq(consensus_change(r.c, &to, r.now, &index),
                     ERR_USAGE); /* not a standby first */
    to.m[1].role = MEMBER_STANDBY;
    ck_assert_int_eq(consensus_change(r.c, &to, r.now, &index), 0);
    ck_assert_int_eq(consensus_change(r.c, &m, r.now, &index), ERR_BUSY);
    rig_sync(&r);
    to.m[1].role = MEMBER_VOTER;
    ck_assert_int_eq(consensus_change(r.c, &to, r.now, &index), ERR_BUSY); /* has nothing yet */
    ck_assert_int_eq(consensus_change(r.c, &m, r.now, &index), 0);
    ck_assert_int_eq(consensus_transfer(r.c, 0, r.now), ERR_NOT_FOUND);
    rig_fini(&r);
}
END_TEST

START_TEST(votes_wait_for_the_disk)
{
    struct rig r;
    rig_init(&r, 2, 3, 3, 0);
    struct peer_message *ask = peer_message_new(PEER_VOTE, 1, 2, 0);
    ask->term = 2;
    ask->vote = (struct peer_vote){.last_index = 1, .last_term = 1};
    ck_assert(rig_receive(&r, ask));
    ck_assert_uint_eq(r.vote, 1);
    ck_assert_ptr_null(rig_sent(&r, PEER_VOTE_RESULT, 1));
    rig_sync(&r);
    ck_assert(rig_sent(&r, PEER_VOTE_RESULT, 1)->vote_result.granted);
    rig_fini(&r);
}
END_TEST

/* A transfer: the vote for the next leader comes before its first word. */
START_TEST(leader_of_the_term_before_is_none)
{
    struct rig r;
    rig_init(&r, 2, 3, 3, 0);
    ck_assert(rig_receive(&r, rig_append(&r, 1, 2, 2, 1, 1, 1, 1)));
    rig_sync(&r);
    ck_assert_uint_eq(consensus_leader(r.c), 1);
    struct peer_message *ask = peer_message_new(PEER_VOTE, 3, 2, 0);
    ask->term = 3;
    ask->vote = (struct peer_vote){.last_index = 2, .last_term = 2, .disrupt = true};
    ck_assert(rig_receive(&r, ask));
    ck_assert_uint_eq(consensus_term(r.c), 3);
    ck_assert_uint_eq(consensus_leader(r.c), 0);
    ck_assert(rig_receive(&r, rig_append(&r, 3, 2, 3, 2, 2, 1, 1)));
    ck_assert_uint_eq(consensus_leader(r.c), 3);
    rig_fini(&r);
}
END_TEST

START_TEST(malformed_appends_are_dropped)
{
    struct rig r;
    rig_init(&r, 2, 3, 3, 0);
    struct peer_message *m = rig_append(&r, 1, 2, 2, 1, 1, 2, 1);
    m->append.entries[1].term = 3; /* above the leader's */
    ck_assert(rig_receive(&r, m));
    m = rig_append(&r, 1, 2, 2, 1, 0, 1, 1); /* no term of an index */
    ck_assert(rig_receive(&r, m));
    m = rig_append(&r, 1, 2, 2, 1, 1, 1, 1);
    m->append.entries[0].type = ENTRY_CHANGE; /* "x" is no set of members */
    ck_assert(rig_receive(&r, m));
    ck_assert_uint_eq(consensus_last_index(r.c), 1);
    ck_assert_uint_eq(consensus_term(r.c), 1);
    ck_assert(rig_receive(&r, rig_append(&r, 1, 2, 2, 1, 1, 1, 1)));
    ck_assert_uint_eq(consensus_last_index(r.c), 2);
    rig_fini(&r);
}
END_TEST

START_TEST(install_replaces_all)
{
    struct rig r;
    rig_init(&r, 2, 3, 3, 0);
    struct peer_message *m = peer_message_new(PEER_SNAPSHOT, 1, 2, 0);
    m->term = 4;
    *m->snapshot.mark = (struct snapshot_mark){.index = 50, .term = 3, .members_index = 1};
    consensus_members(r.c, &m->snapshot.mark->members);
    struct peer_message *again = peer_message_dup(m);
    ck_assert(rig_receive(&r, m));
    ck_assert(rig_receive(&r, again));
    ck_assert_uint_eq(r.installs, 1);
    ck_assert(!consensus_snapshot_begin(r.c, &r.snapshot));
    r.applied = 50;
    consensus_installed(r.c, r.now);
    ck_assert_uint_eq(consensus_applied_index(r.c), 50);
    ck_assert_uint_eq(consensus_first_index(r.c), 51);
    rig_sync(&r);
    ck_assert_uint_eq(rig_sent(&r, PEER_APPEND_RESULT, 1)->append_result.last_index, 50);
    rig_fini(&r);
}
END_TEST

static const struct bad_boot {
    const char *what;
    uint64_t base, snapshot_index;
    unsigned entries;
} bad_boots[] = {
    {"no snapshot below the base", 5, 0, 1},
    {"a gap behind the snapshot", 5, 4, 1},
    {"a log that begins with a command", 0, 0, 1},
};

START_TEST(broken_boots_are_refused)
{
    const struct bad_boot *b = &bad_boots[_i];
    struct consensus_conf conf = {
        .self = 1, .election_ms = 1000, .heartbeat_ms = 100, .install_ms = 1000, .max_inflight = 8};
    struct consensus_ops ops = {0};
    struct log_entry entry = rig_command("x");
    struct snapshot_mark mark = {.index = b->snapshot_index, .term = 1, .members = {.n = 1}};
    struct err e = {0};
    entry.term = 1;
    mark.members.m[0].id = 1;
    struct consensus_boot boot = {.term = 1,
                                  .base_index = b->base,
                                  .base_term = b->base > 0,
                                  .snapshot = b->snapshot_index > 0 ? &mark : NULL,
                                  .entries = &entry,
                                  .n_entries = b->entries};
    struct consensus *c = consensus_new(&conf, &ops, NULL);
    ck_assert_msg(consensus_start(c, &boot, 1, &e) == ERR_CORRUPT, "%s", b->what);
    ck_assert_int_ne(e.text[0], '\0');
    consensus_free(c);
    blob_unref(entry.payload);
}
END_TEST

Suite *consensus_suite(void)
{
    Suite *s = suite_create("consensus");
    TCase *tc = tcase_create("members");
    tcase_add_test(tc, the_library_is_the_one_we_know);
    tcase_add_test(tc, members_come_back_sorted);
    tcase_add_test(tc, most_members_come_back);
    tcase_add_test(tc, damaged_members_are_refused);
    suite_add_tcase(s, tc);
    tc = tcase_create("steps");
    tcase_add_test(tc, sole_voter_commits_when_durable);
    tcase_add_test(tc, followers_refuse);
    tcase_add_test(tc, changes_go_one_at_a_time);
    tcase_add_test(tc, votes_wait_for_the_disk);
    tcase_add_test(tc, leader_of_the_term_before_is_none);
    tcase_add_test(tc, malformed_appends_are_dropped);
    tcase_add_test(tc, install_replaces_all);
    tcase_add_loop_test(tc, broken_boots_are_refused, 0, (int)CP_COUNT(bad_boots));
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(consensus_suite());
    srunner_add_suite(r, forget_suite());
    srunner_add_suite(r, guards_suite());
    srunner_add_suite(r, haste_suite());
    srunner_add_suite(r, logcache_suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
