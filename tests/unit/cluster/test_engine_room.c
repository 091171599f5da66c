/* engine: the log has no room for another segment: who is refused, and who may still be written; or
 * its disk does not come back from a sync. */
#include "engine_rig.h"

#include "base/mem.h"
#include "disk/wal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define LARGE_BYTES ((size_t)8 << 20)

/* The system's files, but segments behind the first are made when and as the test says. */
static struct {
    struct diskio io;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool held;  /* guarded by lock */
    int errnum; /* likewise; 0: they are made */
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static int open_or_not(void *ctx, const char *path, int flags, mode_t mode)
{
    int rv = 0;
    if ((flags & O_CREAT) && strstr(path, "/wal/") != NULL && strstr(path, "01.tmp") == NULL) {
        pthread_mutex_lock(&disk.lock);
        while (disk.held)
            pthread_cond_wait(&disk.changed, &disk.lock);
        rv = -disk.errnum;
        pthread_mutex_unlock(&disk.lock);
    }
    return rv != 0 ? rv : diskio_system.open(ctx, path, flags, mode);
}

static void let(bool held, int errnum)
{
    pthread_mutex_lock(&disk.lock);
    disk.held = held;
    disk.errnum = errnum;
    pthread_cond_broadcast(&disk.changed);
    pthread_mutex_unlock(&disk.lock);
}

static void setup(void)
{
    disk.io = diskio_system;
    disk.io.open = open_or_not;
    let(true, 0);
    fx_setup_on(&disk.io, 4096);
}

static void teardown(void)
{
    let(false, 0);
    fx_teardown();
}

/* A write that is in the log is told that it may still come, and it does; those behind it are
 * refused, reads go on; and writes are taken again without a start once there is room. */
START_TEST(no_room)
{
    static const int errnums[] = {ENOSPC, EROFS};
    static const char *const words[] = {"No space left on device; make room on this file system",
                                        "Read-only file system; mount the file system for writing"};
    static char large[8000];
    char value[16], text[256];
    memset(large, 'x', sizeof(large) - 1);
    ck_assert_int_eq(fx_run(fx_put("/small", "1"))->code, V2_OK);
    fx_free_done();
    fx_propose(fx_put("/large", large)); /* needs the second segment */
    fx_watch("/none", 0, false);         /* the engine has had its turn: it is in the log */
    let(false, errnums[_i]);
    fx_wait_done(1);
    ck_assert_int_eq(fx.done[0]->code, V2_RAFT_INTERNAL);
    snprintf(text, sizeof(text),
             "etcdserver: request timed out, and may still take effect: the log has no room: %s",
             words[_i]);
    ck_assert_msg(strncmp(buf_cstr(&fx.done[0]->cause), text, strlen(text)) == 0, "%s",
                  buf_cstr(&fx.done[0]->cause));
    ck_assert_int_eq(fx_run(fx_put("/refused", "1"))->code, V2_RAFT_INTERNAL);
    snprintf(text, sizeof(text), "etcdserver: the log has no room: %s", words[_i]);
    ck_assert_msg(strncmp(buf_cstr(&fx.done[0]->cause), text, strlen(text)) == 0, "%s",
                  buf_cstr(&fx.done[0]->cause));
    ck_assert(fx_get("/small", value, sizeof(value)));
    ck_assert(!fx_get("/large", value, sizeof(value)));
    let(false, 0);
    while (fx_run(fx_put("/after", "1"))->code != V2_OK)
        ck_assert(strstr(buf_cstr(&fx.done[0]->cause), "the log has no room") != NULL);
    ck_assert(fx_get("/large", value, sizeof(value)));
    ck_assert(!fx_get("/refused", value, sizeof(value)));
    fx_unwatch();
    fx_free_done();
}
END_TEST

/* ---- a disk that stands still ---- */

/* Large writes need not be there: nothing is read again. */
static int write_small(void *ctx, int fd, const void *bytes, size_t n, uint64_t at)
{
    return n > LARGE_BYTES / 2 ? 0 : diskio_system.pwrite(ctx, fd, bytes, n, at);
}

static int sync_later(void *ctx, int fd)
{
    pthread_mutex_lock(&disk.lock);
    while (disk.held)
        pthread_cond_wait(&disk.changed, &disk.lock);
    pthread_mutex_unlock(&disk.lock);
    return diskio_system.datasync(ctx, fd);
}

static void setup_still(void)
{
    disk.io = diskio_system;
    disk.io.pwrite = write_small;
    disk.io.datasync = sync_later;
    let(false, 0);
    fx_setup_on(&disk.io, 4096);
}

/* More waits than the log takes: the engine goes on, and so do the writes once the disk does. Those
 * whose time is up by then are told so. */
START_TEST(disk_stands_still)
{
    char *large = mem_alloc(LARGE_BYTES + 1);
    char value[16];
    unsigned n = WAL_PENDING_BYTES / LARGE_BYTES + 2;
    memset(large, 'x', LARGE_BYTES);
    large[LARGE_BYTES] = '\0';
    ck_assert_int_eq(fx_run(fx_put("/small", "1"))->code, V2_OK);
    fx_free_done();
    let(true, 0);
    for (unsigned i = 0; i < n; i++)
        fx_propose(fx_refused(large));
    fx_watch("/small", 0, false); /* the engine has a turn for it */
    ck_assert(fx_get("/small", value, sizeof(value)));
    fx_unwatch();
    let(false, 0);
    fx_wait_done(n);
    fx_free_done();
    while (fx_run(fx_put("/after", "1"))->code != V2_OK)
        ;
    ck_assert(fx_get("/after", value, sizeof(value)));
    fx_free_done();
    mem_free(large);
}
END_TEST

Suite *engine_room_suite(void)
{
    Suite *s = suite_create("engine room");
    TCase *t = tcase_create("room");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, no_room, 0, 2);
    suite_add_tcase(s, t);
    t = tcase_create("stands still");
    tcase_add_checked_fixture(t, setup_still, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, disk_stands_still);
    suite_add_tcase(s, t);
    return s;
}
