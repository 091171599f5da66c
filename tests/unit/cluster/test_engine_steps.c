/* engine: what depends on when it takes its turns, with a clock and a disk that do as the test
 * says.
 */
#include "engine_rig.h"

#include "base/log.h"
#include "base/mem.h"
#include "cluster/engine_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WALL_NS     INT64_C(1763682667000000000)
#define LARGE_BYTES ((size_t)8 << 20)

enum { SNAPSHOT_COUNT = 5 };

static struct {
    struct diskio io;
    bool snapshots_fail;
} disk;

static int open_or_not(void *ctx, const char *path, int flags, mode_t mode)
{
    if (disk.snapshots_fail && (flags & O_CREAT) && strstr(path, "/snap/") != NULL)
        return -ENOSPC;
    return diskio_system.open(ctx, path, flags, mode);
}

/* Large writes need not be there: nothing is read again. */
static int write_small(void *ctx, int fd, const void *bytes, size_t n, uint64_t at)
{
    return n > LARGE_BYTES / 2 ? 0 : diskio_system.pwrite(ctx, fd, bytes, n, at);
}

static struct {
    unsigned n;
    uint64_t id; /* of the last one */
    unsigned n_urls;
} told;

static void on_peers(void *ctx, const struct wire_peer *peers, unsigned n)
{
    (void)ctx;
    told.n = n;
    if (n == 0)
        return;
    told.id = peers[n - 1].id;
    told.n_urls = peers[n - 1].n_urls;
}

static bool take_nothing(void *ctx, uint64_t to, struct frame **f)
{
    (void)ctx;
    (void)to;
    (void)f;
    return false;
}

static void start(void)
{
    fx_start_on(&fx_fake_clock);
}

static void setup(void)
{
    static const struct wire wire = {.peers = on_peers, .send = take_nothing};
    disk.io = diskio_system;
    disk.io.open = open_or_not;
    disk.io.pwrite = write_small;
    disk.snapshots_fail = false;
    fx_fake = (struct fx_clock){.mono = NS_PER_S, .wall = WALL_NS};
    fx_setup_stepped(&wire);
    fx_stop();
    fx.io = &disk.io;
    fx.segment_bytes = 4096;
    fx.snapshot_count = SNAPSHOT_COUNT;
    start();
}

/* All that can be done now. */
static void turns(void)
{
    struct engine *e = fx.engine;
    do
        engine_step(e);
    while (wal_step(e->wal) || wal_spare_step(e->wal) || job_step(e) || e->reclaiming);
    engine_step(e);
}

static void write_one(const char *path)
{
    static char value[1000];
    memset(value, 'x', sizeof(value) - 1);
    fx_propose(fx_put(path, value));
    turns();
    ck_assert_uint_eq(fx.n_done, 1);
    ck_assert_int_eq(fx.done[0]->code, V2_OK);
    fx_free_done();
}

static uint64_t figure(enum engine_figure which)
{
    struct engine_figures f;
    engine_figures(fx.engine, &f);
    return f.now[which];
}

/* Until another snapshot is taken; false: MOST writes did not do. */
static bool write_until_snapshot(unsigned most)
{
    uint64_t before = figure(FIGURE_SNAPSHOT_INDEX);
    for (unsigned i = 0; i < most && figure(FIGURE_SNAPSHOT_INDEX) == before; i++)
        write_one("/again");
    return figure(FIGURE_SNAPSHOT_INDEX) != before;
}

/* A store of some size, and its snapshot: the next one is due when half as much was written. */
static void fill(void)
{
    char path[16];
    for (unsigned i = 0; i < 20; i++) {
        snprintf(path, sizeof(path), "/k%u", i);
        write_one(path);
    }
    ck_assert(write_until_snapshot(1000));
    ck_assert(!write_until_snapshot(SNAPSHOT_COUNT + 1));
}

/* What was due stays due: nobody has to write half a snapshot more before the next try. */
START_TEST(failed_snapshot_is_tried_again)
{
    fill();
    uint64_t before = figure(FIGURE_SNAPSHOT_INDEX);
    disk.snapshots_fail = true;
    while (figure(FIGURE_SNAPSHOT_FAILED) == 0)
        write_one("/again");
    disk.snapshots_fail = false;
    turns();
    ck_assert_uint_eq(figure(FIGURE_SNAPSHOT_INDEX), before);
    fx_fake.mono += 10 * NS_PER_S;
    turns();
    ck_assert_uint_gt(figure(FIGURE_SNAPSHOT_INDEX), before);
    ck_assert_uint_eq(figure(FIGURE_SNAPSHOT_FAILED), 1);
}
END_TEST

static struct log_entry member_entry(enum command_kind kind, uint64_t id)
{
    struct command c = {.kind = kind, .member = {.id = id}};
    if (kind == COMMAND_MEMBER_ADD)
        c.member.peer_urls[c.member.n_peer_urls++] = SPAN("http://two:1");
    return (struct log_entry){.term = 1, .type = ENTRY_COMMAND, .payload = command_encode(&c)};
}

/* Both were killed between the removal of one and the change of the configuration: that one's vote
 * is needed, and only the log says where it is. */
START_TEST(who_leaves_is_found_in_the_log)
{
    struct engine *e = fx.engine;
    struct consensus_members now;
    struct log_entry log[] = {member_entry(COMMAND_MEMBER_ADD, 2),
                              member_entry(COMMAND_MEMBER_REMOVE, 2)};
    uint64_t index;
    turns();
    consensus_members(e->consensus, &now);
    now.m[now.n].id = 2;
    now.m[now.n++].role = MEMBER_STANDBY;
    ck_assert_int_eq(consensus_change(e->consensus, &now, engine_mono_ms(e), &index), 0);
    peers_learn(e, log, CP_COUNT(log));
    e->peers_changed = true;
    peers_turn(e);
    ck_assert_uint_eq(told.n, 1);
    ck_assert_uint_eq(told.id, 2);
    ck_assert_uint_eq(told.n_urls, 1);
    for (size_t i = 0; i < CP_COUNT(log); i++)
        blob_unref(log[i].payload);
}
END_TEST

/* A member that is started often would let its log grow for ever. */
START_TEST(log_of_before_the_start_counts)
{
    bool taken = false;
    fill();
    for (unsigned i = 0; i < 100 && !taken; i++) {
        fx_stop();
        start();
        taken = write_until_snapshot(1);
    }
    ck_assert(taken);
}
END_TEST

/* The one that is due has not begun when the member stops: it is broken off, and taken after the
 * next start. */
START_TEST(stop_breaks_a_snapshot_off)
{
    fill();
    static char value[1000];
    unsigned files = fx_files("snap", ".jsonl");
    memset(value, 'x', sizeof(value) - 1);
    while (fx.engine->snapshots.job == NULL) {
        fx_propose(fx_put("/again", value));
        while (fx.n_done == 0) {
            engine_step(fx.engine);
            (void)wal_step(fx.engine->wal);
            (void)wal_spare_step(fx.engine->wal);
        }
        fx_free_done();
    }
    fx_stop();
    ck_assert_uint_eq(fx_files("snap", ".jsonl"), files);
    ck_assert_uint_eq(fx_files("snap", ".tmp"), 0);
    start();
    uint64_t before = figure(FIGURE_SNAPSHOT_INDEX);
    turns();
    ck_assert_uint_gt(figure(FIGURE_SNAPSHOT_INDEX), before);
}
END_TEST

/* The same for one that a leader sent: what it was read of is dropped, and nothing else happens.
 * The next start finds the file. */
START_TEST(stop_breaks_an_install_off)
{
    fill();
    struct engine *e = fx.engine;
    struct snapshot_mark mark = e->snapshots.newest;
    uint64_t applied = e->applied_index;
    install_begin(e, &mark);
    atomic_store(&e->stopping, true);
    ck_assert(job_step(e));
    engine_step(e); /* the last turn may hear of it */
    ck_assert_ptr_null(e->install);
    ck_assert_uint_eq(e->applied_index, applied);
    install_begin(e, &mark);
    fx_stop(); /* or not */
    start();
    ck_assert_uint_eq(fx.engine->snapshots.newest.index, mark.index);
}
END_TEST

/* So long ago that the time that is left does not fit into 64 bits: due at once. */
START_TEST(expiry_of_long_ago_is_due)
{
    struct store_op op = fx_put("/a", "1");
    write_one("/a");
    op.exist = OP_EXIST_YES;
    op.flags = OP_HAS_TTL;
    op.ttl_s = UINT64_C(7500000000);
    fx_propose(op);
    while (fx.n_done == 0) {
        engine_step(fx.engine);
        (void)wal_step(fx.engine->wal);
    }
    ck_assert_int_eq(fx.done[0]->code, V2_OK);
    fx_free_done();
    ck_assert(store_next_expiry(fx.engine->store) < 0);
    ck_assert(!fx.engine->reclaiming);
    ck_assert_uint_le(engine_deadline_ns(fx.engine), fx_fake.mono);
    turns();
    char value[16];
    ck_assert(!fx_get("/a", value, sizeof(value)));
}
END_TEST

static unsigned lines_with(FILE *log, const char *word)
{
    char line[1024];
    unsigned n = 0;
    rewind(log);
    while (fgets(line, sizeof(line), log) != NULL)
        n += strstr(line, word) != NULL;
    return n;
}

/* It is tried again fifty times a second, for as long as the disk stands still. */
START_TEST(log_that_is_behind_says_so_seldom)
{
    char *large = mem_alloc(LARGE_BYTES + 1);
    unsigned n = WAL_PENDING_BYTES / LARGE_BYTES;
    FILE *log = tmpfile();
    memset(large, 'x', LARGE_BYTES);
    large[LARGE_BYTES] = '\0';
    int before = log_set_fd(fileno(log));
    for (unsigned i = 0; i < n; i++)
        fx_propose(fx_refused(large));
    for (unsigned i = 0; i < 20; i++)
        engine_step(fx.engine);
    (void)log_set_fd(before);
    /* Once, and once more if the period has changed in between; never if another case of this
     * process has just said it. */
    ck_assert_uint_le(lines_with(log, "wal.behind"), 2);
    ck_assert_uint_gt(wal_pending(fx.engine->wal), WAL_PENDING_BYTES / 3); /* it was behind */
    turns();
    ck_assert_uint_eq(fx.n_done, n);
    fx_free_done();
    fclose(log);
    mem_free(large);
}
END_TEST

Suite *engine_steps_suite(void)
{
    Suite *s = suite_create("engine steps");
    TCase *t = tcase_create("steps");
    tcase_add_checked_fixture(t, setup, fx_teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, failed_snapshot_is_tried_again);
    tcase_add_test(t, who_leaves_is_found_in_the_log);
    tcase_add_test(t, log_of_before_the_start_counts);
    tcase_add_test(t, stop_breaks_a_snapshot_off);
    tcase_add_test(t, stop_breaks_an_install_off);
    tcase_add_test(t, expiry_of_long_ago_is_due);
    tcase_add_test(t, log_that_is_behind_says_so_seldom);
    suite_add_tcase(s, t);
    return s;
}
