/* wal: disks that fail, and disks that are full. */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a child process does; it must not come back from it. */
struct failing {
    const char *name;
    enum fault_call call;
    unsigned n;
    unsigned entries; /* of 500 bytes, one flush each */
    uint64_t segment_bytes;
};

static const struct failing failing[] = {
    {"write", FAULT_PWRITE, 1, 1, 65536},
    {"sync", FAULT_DATASYNC, 1, 1, 65536},
    {"a later sync", FAULT_DATASYNC, 3, 3, 65536},
    {"making of a segment", FAULT_ALLOCATE, 1, 20, 4096},
    {"rename of a segment", FAULT_RENAME, 1, 20, 4096},
    {"sync of the directory", FAULT_SYNC_DIR, 1, 20, 4096},
};

static void run_failing(const struct failing *f, int report)
{
    static const char payload[500];
    struct rig r;
    /* The log line of the end is expected, not news. */
    dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
    rig_init(&r, 1, f->segment_bytes);
    if (rig_open(&r) < 0)
        _exit(1);
    faultio_fail(r.io, f->call, f->n, EIO);
    for (unsigned i = 1; i <= f->entries; i++) {
        wal_append(r.wal,
                   &(struct wal_record){
                       .type = WAL_ENTRY,
                       .entry = {.index = i, .term = 1, .payload = {payload, sizeof(payload)}}});
        wal_sync(r.wal);
        uint64_t durable = wal_durable(r.wal);
        if (write(report, &durable, sizeof(durable)) != sizeof(durable))
            _exit(2);
    }
    wal_close(r.wal);
    _exit(3);
}

START_TEST(a_failure_ends_the_process)
{
    const struct failing *f = &failing[_i];
    int pipe_fds[2], status;
    ck_assert_int_eq(pipe(pipe_fds), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        close(pipe_fds[0]);
        run_failing(f, pipe_fds[1]);
    }
    close(pipe_fds[1]);
    uint64_t durable, last = 0;
    while (read(pipe_fds[0], &durable, sizeof(durable)) == sizeof(durable))
        last = durable;
    close(pipe_fds[0]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == WAL_EXIT_CODE, "%s: status %x",
                  f->name, (unsigned)status);
    ck_assert_msg(last < f->entries, "%s: all reported durable", f->name);
    if (f->call == FAULT_DATASYNC)
        ck_assert_uint_eq(last, f->n - 1);
}
END_TEST

START_TEST(a_failure_at_start_is_an_error)
{
    static const enum fault_call calls[] = {FAULT_OPEN,   FAULT_PWRITE,   FAULT_ALLOCATE,
                                            FAULT_RENAME, FAULT_DATASYNC, FAULT_SYNC_DIR};
    struct rig r;
    rig_init(&r, 1, 4096);
    faultio_fail(r.io, calls[_i], 1, EIO);
    ck_assert_int_eq(rig_open(&r), -EIO);
    ck_assert(strstr(r.err.text, "open the log: ") == r.err.text);
    ck_assert(strstr(r.err.text, "Input/output error") != NULL);
    faultio_fail(r.io, calls[_i], 0, 0);
    /* What it left behind does not matter. */
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert(r.info.records == 0);
    rig_fini(&r);
}
END_TEST

/* A sync failed, the process ended, and the next one reads from memory what the disk does not have.
 */
START_TEST(the_last_write_is_done_again)
{
    struct rig r;
    rig_init(&r, 1, 4096);
    ck_assert_int_eq(rig_open(&r), 0);
    rig_entry(&r, 1, 1, "synced", 6);
    rig_wait(&r, 1);
    faultio_lie(r.io, true);
    rig_entry(&r, 2, 1, "lost by a failed sync", 21);
    rig_entry(&r, 3, 1, "this too", 8);
    rig_wait(&r, 3);
    rig_close(&r);
    faultio_lie(r.io, false);
    faultio_power_on(r.io, true);
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert_uint_eq(r.found.n, 3);
    faultio_power_off_at(r.io, 0);
    rig_close(&r);
    faultio_power_on(r.io, false);
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert_uint_eq(r.found.n, 3);
    rig_fini(&r);
}
END_TEST

static const char payload[1000];

/* Room for this many segments of 4096 bytes and nothing else. */
static void open_in(struct rig *r, unsigned segments)
{
    rig_init(r, 1, 4096);
    faultio_space(r->io, 4096 * segments);
    ck_assert_int_eq(rig_open(r), 0);
}

START_TEST(full_and_room_again)
{
    struct rig r;
    open_in(&r, 1);
    rig_entry(&r, 1, 1, payload, sizeof(payload));
    rig_wait(&r, 1);
    rig_wait_full(&r, true);
    /* What fits into the present segment is taken still. */
    rig_entry(&r, 2, 1, payload, sizeof(payload));
    rig_entry(&r, 3, 1, payload, 900);
    rig_wait(&r, 3);
    /* What does not waits, and holds up nobody. */
    for (uint64_t i = 4; i <= 20; i++)
        rig_entry(&r, i, 1, payload, sizeof(payload));
    wal_flush(r.wal);
    ck_assert_uint_eq(wal_durable(r.wal), 3);
    faultio_space(r.io, UINT64_MAX);
    rig_wait_full(&r, false);
    rig_wait(&r, 20);
    ck_assert_uint_eq(r.fulls, 1);
    rig_close(&r);
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert_uint_eq(r.found.n, 20);
    rig_fini(&r);
}
END_TEST

/* A file system that is read-only, or a quota, before a write needs it: as a full disk. */
START_TEST(no_segment_for_other_reasons)
{
    static const int errnums[] = {EROFS, EDQUOT, EMFILE};
    struct rig r;
    rig_init(&r, 1, 4096);
    ck_assert_int_eq(rig_open(&r), 0);
    faultio_fail(r.io, FAULT_OPEN, 1, errnums[_i]);
    rig_entry(&r, 1, 1, payload, sizeof(payload));
    rig_wait(&r, 1);
    rig_wait_full(&r, true);
    ck_assert_int_eq(r.trouble, -errnums[_i]);
    for (uint64_t i = 2; i <= 20; i++)
        rig_entry(&r, i, 1, payload, sizeof(payload));
    wal_flush(r.wal);
    faultio_fail(r.io, FAULT_OPEN, 0, 0);
    rig_wait_full(&r, false);
    rig_wait(&r, 20);
    rig_fini(&r);
}
END_TEST

START_TEST(a_segment_made_ahead_is_used)
{
    struct rig r;
    open_in(&r, 2);
    for (uint64_t i = 1; i <= 6; i++) {
        rig_entry(&r, i, 1, payload, sizeof(payload));
        rig_wait(&r, i);
    }
    ck_assert_ptr_nonnull(rig_segment(&r, 1));
    rig_wait_full(&r, true);
    rig_fini(&r);
}
END_TEST

START_TEST(closed_while_full)
{
    struct rig r;
    open_in(&r, 1);
    for (uint64_t i = 1; i <= 9; i++)
        rig_entry(&r, i, 1, payload, sizeof(payload));
    wal_flush(r.wal);
    rig_wait_full(&r, true);
    rig_close(&r);
    ck_assert_int_eq(rig_open(&r), 0);
    /* The front, without a hole; nothing else was called durable. */
    ck_assert_uint_eq(r.found.n, 3);
    rig_fini(&r);
}
END_TEST

/* Where nobody can wait for room. */
START_TEST(a_start_waits_for_no_room)
{
    struct rig r;
    open_in(&r, 1);
    for (uint64_t i = 1; i <= 3; i++)
        rig_entry(&r, i, 1, payload, sizeof(payload));
    ck_assert_int_eq(wal_sync_start(r.wal), 0);
    rig_entry(&r, 4, 1, payload, sizeof(payload));
    ck_assert_int_eq(wal_sync_start(r.wal), -ENOSPC);
    ck_assert_uint_eq(wal_durable(r.wal), 3);
    rig_close(&r);
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert_uint_eq(r.found.n, 3);
    rig_fini(&r);
}
END_TEST

START_TEST(no_room_at_all)
{
    struct rig r;
    rig_init(&r, 1, 4096);
    faultio_space(r.io, 4095);
    ck_assert_int_eq(rig_open(&r), -ENOSPC);
    ck_assert_uint_eq(faultio_files(r.io), 0);
    rig_fini(&r);
}
END_TEST

/* A log that is there starts on a full disk: reads go on. */
START_TEST(starts_while_full)
{
    struct rig r;
    open_in(&r, 1);
    rig_entry(&r, 1, 1, payload, sizeof(payload));
    rig_entry(&r, 2, 1, payload, 900);
    rig_close(&r);
    ck_assert_int_eq(rig_open(&r), 0);
    rig_wait_full(&r, true);
    ck_assert_uint_eq(r.found.n, 2);
    rig_fini(&r);
}
END_TEST

TCase *wal_failure_cases(void)
{
    TCase *c = tcase_create("wal failure");
    tcase_add_checked_fixture(c, rig_quiet, rig_loud);
    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, a_failure_ends_the_process, 0, CP_COUNT(failing));
    tcase_add_loop_test(c, a_failure_at_start_is_an_error, 0, 6);
    tcase_add_test(c, the_last_write_is_done_again);
    tcase_add_test(c, full_and_room_again);
    tcase_add_loop_test(c, no_segment_for_other_reasons, 0, 3);
    tcase_add_test(c, a_segment_made_ahead_is_used);
    tcase_add_test(c, closed_while_full);
    tcase_add_test(c, a_start_waits_for_no_room);
    tcase_add_test(c, no_room_at_all);
    tcase_add_test(c, starts_while_full);
    return c;
}
