/* cluster: several members in one process: elections, replication, forwarding, quorum reads. */
#include "trio.h"

#include "base/mem.h"
#include "cluster/frame.h"
#include "disk/snapfile.h"
#include "disk/wal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void three_with_short_history(void)
{
    memset(&trio, 0, sizeof(trio));
    trio.snapshot_count = 20;
    trio.history_events = 5;
    trio_setup(3);
}

START_TEST(all_elect_and_replicate)
{
    unsigned leader = trio_leader();
    trio_put_well(leader, "/a", "1");
    for (unsigned i = 0; i < 3; i++)
        trio_await(i, "/a", "1");
}
END_TEST

START_TEST(any_member_takes_writes)
{
    (void)trio_leader();
    for (unsigned i = 0; i < 3; i++) {
        char path[16], value[16];
        snprintf(path, sizeof(path), "/from%u", i);
        trio_put_well(i, path, "x");
        ck_assert(trio_get(i, path, value, sizeof(value))); /* who has the answer can read it */
    }
    for (unsigned i = 0; i < 3; i++)
        for (unsigned k = 0; k < 3; k++) {
            char path[16];
            snprintf(path, sizeof(path), "/from%u", k);
            trio_await(i, path, "x");
        }
}
END_TEST

START_TEST(writes_wait_for_a_leader)
{
    unsigned leader = trio_leader(), a = (leader + 1) % 3, b = (leader + 2) % 3;
    trio_put_well(leader, "/before", "1");
    trio_stop(leader);
    struct proposal *p = trio_begin(a, "/a", "1"), *q = trio_begin(b, "/b", "1");
    trio_wait(p);
    trio_wait(q);
    ck_assert_int_eq(p->code, V2_OK);
    ck_assert_int_eq(q->code, V2_OK);
    trio_free(p);
    trio_free(q);
    trio_start(leader);
    trio_await(leader, "/a", "1");
    trio_await(leader, "/b", "1");
    trio_put_well(leader, "/c", "1");
}
END_TEST

/* What is committed nobody knows at a start, the members' own URLs included: the log says where the
 * others are, if not for certain. */
START_TEST(all_come_back_without_being_told)
{
    unsigned leader = trio_leader();
    trio_put_well(leader, "/a", "1");
    for (unsigned i = 0; i < 3; i++)
        trio_await(i, "/a", "1");
    for (unsigned i = 0; i < 3; i++)
        trio_stop(i);
    trio.untold = true;
    for (unsigned i = 0; i < 3; i++)
        trio_start(i);
    leader = trio_leader();
    trio_put_well(leader, "/b", "1");
    for (unsigned i = 0; i < 3; i++)
        trio_await(i, "/b", "1");
}
END_TEST

START_TEST(leader_cut_off_comes_back)
{
    unsigned old = trio_leader();
    trio_cut(old, true);
    unsigned leader = trio_other_leader(old);
    trio_put_well(leader, "/a", "1");
    trio_cut(old, false);
    trio_await(old, "/a", "1");
    trio_put_well(old, "/b", "1");
}
END_TEST

START_TEST(quorum_reads_on_any_member)
{
    unsigned leader = trio_leader();
    for (unsigned i = 0; i < 30; i++) {
        char value[16], got[16];
        snprintf(value, sizeof(value), "%u", i);
        trio_put_well((leader + i) % 3, "/n", value);
        for (unsigned k = 0; k < 3; k++) {
            ck_assert_int_eq(trio_read(k), V2_OK);
            ck_assert(trio_get(k, "/n", got, sizeof(got)));
            ck_assert_str_eq(got, value);
        }
    }
}
END_TEST

static void write_many(unsigned member, const char *dir, unsigned n)
{
    char path[32], value[16];
    for (unsigned i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "%s/%u", dir, i);
        snprintf(value, sizeof(value), "%u", i);
        trio_put_well(member, path, value);
    }
}

static void check_many(unsigned member, const char *dir, unsigned n)
{
    char path[32], value[16], got[16];
    for (unsigned i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "%s/%u", dir, i);
        snprintf(value, sizeof(value), "%u", i);
        ck_assert_msg(trio_get(member, path, got, sizeof(got)), "%s", path);
        ck_assert_str_eq(got, value);
    }
}

START_TEST(one_that_was_down_gets_a_snapshot)
{
    unsigned leader = trio_leader(), away = (leader + 1) % 3;
    trio_put_well(leader, "/early", "1");
    trio_stop(away);
    write_many(leader, "/k", 100);
    trio_await_snapshot(leader);
    trio_start(away);
    trio_put_well(leader, "/late", "1");
    trio_await(away, "/late", "1");
    check_many(away, "/k", 100);
    trio_put_well(away, "/more", "1");
    trio_stop(away);
    trio_start(away); /* from the snapshot, and the log behind it */
    trio_await(away, "/more", "1");
    check_many(away, "/k", 100);
}
END_TEST

/* Writes until MEMBER, which is cut off, can only be helped with a snapshot; gives the index of the
 * last one. */
static uint64_t leave_behind(unsigned member)
{
    unsigned leader = trio_other_leader(member);
    write_many(leader, "/k", 100);
    trio_await_snapshot(leader);
    write_many(leader, "/k", 50);
    struct proposal *p = trio_put(leader, "/k/last", "1");
    uint64_t index = p->etcd_index;
    ck_assert_int_eq(p->code, V2_OK);
    trio_free(p);
    return index;
}

/* A member that takes none of its own, for it is away most of the time. */
START_TEST(snapshots_of_others_do_not_pile_up)
{
    char path[160];
    unsigned leader = trio_leader(), away = (leader + 1) % 3;
    trio_stop(away);
    trio.snapshot_count = 0;
    trio_start(away);
    trio_put_well(leader, "/early", "1");
    trio_await(away, "/early", "1");
    trio_cut(away, true);
    (void)leave_behind(away);
    unsigned before = trio_snapshots(away);
    for (unsigned i = 1; i <= SNAPFILE_KEPT; i++) { /* of earlier times */
        snprintf(path, sizeof(path), "%s/member/snap/%016x-%016x.jsonl", trio.m[away].path, i, 1);
        FILE *f = fopen(path, "wx");
        ck_assert_ptr_nonnull(f);
        fclose(f);
    }
    ck_assert_uint_eq(trio_snapshots(away), before + SNAPFILE_KEPT);
    trio_cut(away, false);
    trio_await(away, "/k/last", "1");
    ck_assert_uint_eq(trio_snapshots(away), SNAPFILE_KEPT);
}
END_TEST

/* The same with T, which is open there meanwhile; the member is patient, however long the disks
 * take: it would end T when it has no leader. */
static uint64_t leave_behind_a_watch(struct trio_watch *t, unsigned member)
{
    trio_stop(member);
    trio.election_ms = 60000;
    trio_start(member);
    trio.election_ms = 0;
    trio_put_well(member, "/early", "1");
    trio_watch(t, member, "/k");
    trio_cut(member, true);
    uint64_t last = leave_behind(member);
    trio_cut(member, false);
    return last;
}

START_TEST(watch_goes_on_across_a_snapshot)
{
    static struct trio_watch t;
    unsigned away = (trio_leader() + 1) % 3;
    uint64_t last = leave_behind_a_watch(&t, away);
    ck_assert(trio_watch_until(&t, last));
    /* Each write once and in order; between them a member may have published itself. */
    for (unsigned i = 1; i < t.n; i++)
        ck_assert_uint_gt(t.seen[i], t.seen[i - 1]);
    ck_assert_uint_eq(t.n, 151);
    trio_await(away, "/k/last", "1");
    trio_unwatch(&t);
}
END_TEST

START_TEST(watch_ends_where_history_is_lost)
{
    static struct trio_watch t;
    unsigned away = (trio_leader() + 1) % 3;
    uint64_t last = leave_behind_a_watch(&t, away);
    ck_assert(!trio_watch_until(&t, last));
    trio_unwatch(&t);
    trio_await(away, "/k/last", "1");
    trio_watch(&t, away, "/k");
    trio_put_well(away, "/k/next", "1");
    ck_assert(trio_watch_until(&t, last + 1));
    trio_unwatch(&t);
}
END_TEST

/* No election: the next one leads before the old one has gone. */
START_TEST(leader_that_stops_hands_over)
{
    unsigned old = trio_leader();
    trio_put_well(old, "/a", "1");
    engine_hand_over(trio.m[old].engine);
    unsigned leader = trio_other_leader(old);
    struct proposal *p = trio_begin(leader, "/b", "1");
    trio_stop(old);
    trio_wait(p);
    ck_assert_int_eq(p->code, V2_OK);
    trio_free(p);
    engine_hand_over(trio.m[(leader + 1) % 3 == old ? (leader + 2) % 3 : (leader + 1) % 3].engine);
}
END_TEST

/* Who has no leader for long ends its watches, and takes new ones when it has one again. */
START_TEST(watch_without_a_leader_is_ended)
{
    static struct trio_watch t;
    unsigned leader = trio_leader(), away = (leader + 1) % 3;
    trio_put_well(leader, "/a", "1");
    trio_watch(&t, away, "/");
    trio_cut(away, true);
    ck_assert(!trio_watch_until(&t, UINT64_MAX));
    trio_unwatch(&t);
    trio_watch(&t, away, "/");
    ck_assert_int_eq(t.w.code, V2_RAFT_INTERNAL);
    trio_unwatch(&t);
    ck_assert_int_eq(trio_read(away), V2_RAFT_INTERNAL);
    trio_cut(away, false);
    trio_put_well(away, "/b", "1");
    trio_watch(&t, away, "/");
    ck_assert_int_eq(t.w.code, V2_OK);
    trio_unwatch(&t);
}
END_TEST

/* ---- one whose disk stands still ---- */

#define LARGE_BYTES ((size_t)8 << 20)

static struct {
    struct diskio io;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    const char *held; /* guarded by lock: nothing below it is synced */
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* Large writes need not be there: nothing is read again. */
static int write_small(void *ctx, int fd, const void *bytes, size_t n, uint64_t at)
{
    return n > LARGE_BYTES / 2 ? 0 : diskio_system.pwrite(ctx, fd, bytes, n, at);
}

static int sync_later(void *ctx, int fd)
{
    char name[64], path[256];
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(name, path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = '\0';
    pthread_mutex_lock(&disk.lock);
    while (disk.held != NULL && strncmp(path, disk.held, strlen(disk.held)) == 0)
        pthread_cond_wait(&disk.changed, &disk.lock);
    pthread_mutex_unlock(&disk.lock);
    return diskio_system.datasync(ctx, fd);
}

static void hold(const char *path)
{
    pthread_mutex_lock(&disk.lock);
    disk.held = path;
    pthread_cond_broadcast(&disk.changed);
    pthread_mutex_unlock(&disk.lock);
}

static void three_on_such_disks(void)
{
    memset(&trio, 0, sizeof(trio));
    disk.io = diskio_system;
    disk.io.pwrite = write_small;
    disk.io.datasync = sync_later;
    trio.io = &disk.io;
    trio.election_ms = 1000; /* a turn takes its time with such entries */
    trio_setup(3);
}

/* A case that failed may have left it so, and nothing would end. */
static void let_go(void)
{
    hold(NULL);
}

/* Through one of the others: on a busy machine the leader may change, so it may take several tries.
 */
static void ask_beside(unsigned still, const struct command *c, enum v2_code want)
{
    enum v2_code code = V2_RAFT_INTERNAL;
    for (unsigned n = 0; code == V2_RAFT_INTERNAL; n++) {
        struct proposal *p = trio_propose((still + 1 + n % 2) % 3, c);
        trio_wait(p);
        code = p->code;
        trio_free(p);
    }
    ck_assert_int_eq(code, want);
}

/* It gets more than its log takes, and its engine goes on: it hears the leader, and has the rest
 * when the disk does. What is large is refused when it comes out of the log: no store has to hold
 * it, and nobody to tell of it. */
START_TEST(follower_whose_disk_stands_still)
{
    static struct trio_watch t;
    char *large = mem_zalloc(LARGE_BYTES);
    unsigned still = (trio_leader() + 1) % 3;
    const struct command refused = {.kind = COMMAND_STORE,
                                    .op = {.verb = OP_PUT,
                                           .exist = OP_EXIST_YES,
                                           .path = SPAN("/none"),
                                           .value = span_make(large, LARGE_BYTES)}},
                         last = {.kind = COMMAND_STORE,
                                 .op = {.verb = OP_PUT, .path = SPAN("/last"), .value = SPAN("1")}};
    hold(trio.m[still].path);
    for (unsigned i = 0; i < WAL_PENDING_BYTES / LARGE_BYTES + 2; i++)
        ask_beside(still, &refused, V2_KEY_NOT_FOUND);
    ask_beside(still, &last, V2_OK);
    trio_watch(&t, still, "/"); /* the engine has a turn for it */
    trio_unwatch(&t);
    hold(NULL);
    trio_await(still, "/last", "1");
    mem_free(large);
}
END_TEST

static Suite *cluster_suite(void)
{
    Suite *s = suite_create("cluster");
    TCase *t = trio_case(s, "three", trio_three);
    tcase_add_test(t, all_elect_and_replicate);
    tcase_add_test(t, any_member_takes_writes);
    tcase_add_test(t, writes_wait_for_a_leader);
    tcase_add_test(t, all_come_back_without_being_told);
    tcase_add_test(t, leader_cut_off_comes_back);
    tcase_add_test(t, quorum_reads_on_any_member);
    tcase_add_test(t, leader_that_stops_hands_over);
    tcase_add_test(t, watch_without_a_leader_is_ended);
    t = trio_case(s, "snapshots", trio_three_with_snapshots);
    tcase_add_test(t, one_that_was_down_gets_a_snapshot);
    tcase_add_test(t, snapshots_of_others_do_not_pile_up);
    tcase_add_test(t, watch_goes_on_across_a_snapshot);
    t = trio_case(s, "short history", three_with_short_history);
    tcase_add_test(t, watch_ends_where_history_is_lost);
    t = trio_case(s, "a disk stands still", three_on_such_disks);
    tcase_add_checked_fixture(t, NULL, let_go); /* comes before the end of the trio */
    tcase_add_test(t, follower_whose_disk_stands_still);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(cluster_suite());
    srunner_add_suite(r, cluster_members_suite());
    srunner_add_suite(r, cluster_alone_suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
