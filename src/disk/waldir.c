#include "disk/waldir.h"

#include "base/buf.h"
#include "base/mem.h"
#include "disk/advice.h"
#include "disk/datadir.h"
#include "disk/diskio.h"
#include "disk/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *join(const char *dir, const char *name)
{
    struct buf b = {0};
    buf_printf(&b, "%s/%s", dir, name);
    char *path = mem_strdup(buf_cstr(&b));
    buf_fini(&b);
    return path;
}

static bool is_link(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

static bool is_there(const char *dir, const char *name)
{
    struct stat st;
    char *path = join(dir, name);
    bool there = stat(path, &st) == 0;
    mem_free(path);
    return there;
}

struct content {
    bool segments, others; /* files of a log, and names of any other kind */
};

static int on_name(void *arg, const char *name)
{
    struct content *c = arg;
    uint64_t sequence, first_index;
    if (segment_parse_name(name, &sequence, &first_index))
        c->segments = true;
    else
        c->others = true;
    return 0;
}

static int look(const char *dir, struct content *c, struct err *e)
{
    *c = (struct content){.segments = false};
    int rv = diskio_system.list(NULL, dir, on_name, c);
    return rv < 0 ? err_sys(e, -rv, "list %s", dir) : 0;
}

int waldir_check(const char *wal, struct err *e)
{
    struct stat st;
    if (!is_link(wal) || stat(wal, &st) == 0)
        return 0;
    return err_set(e, -ENOENT,
                   "the log is apart, and what %s leads to is not there: is its disk mounted?",
                   wal);
}

char *waldir_lock_name(const char *wal)
{
    return is_link(wal) ? join(wal, "lock") : NULL;
}

/* ---- the link ---- */

/* By its lock file check_mounted knows TARGET again, also when nothing has come into the log yet.
 */
static int mark(const char *target, struct err *e)
{
    char *lock = join(target, "lock");
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int rv = fd < 0 ? err_sys(e, errno, "open %s", lock) : 0;
    mem_free(lock);
    if (rv != 0)
        return rv;
    close(fd);
    rv = diskio_system.sync_dir(NULL, target);
    return rv < 0 ? err_sys(e, -rv, "sync directory %s", target) : 0;
}

static int make_link(const char *member, const char *wal, const char *target, struct err *e)
{
    int rv = datadir_make(member, e);
    if (rv == 0)
        rv = mark(target, e);
    if (rv != 0)
        return rv;
    if (symlink(target, wal) < 0)
        return err_sys(e, errno, "make link %s", wal);
    rv = diskio_system.sync_dir(NULL, member);
    return rv < 0 ? err_sys(e, -rv, "sync directory %s", member) : 0;
}

/* There is no log in the data directory. One in TARGET is its own when the snapshots are here, as
 * after a restore that put the log elsewhere. */
static int first_link(const char *member, const char *wal, const char *target, struct err *e)
{
    struct content c;
    int rv = look(target, &c, e);
    if (rv == 0 && c.segments && !is_there(member, "snap"))
        rv = err_set(e, ERR_USAGE,
                     "--wal-dir %s has the log of a member, and %s is new: give the --data-dir "
                     "that belongs to it, or an empty --wal-dir",
                     target, member);
    return rv == 0 ? make_link(member, wal, target, e) : rv;
}

/* WAL is a directory, and not the one that is meant. */
static int instead_of(const char *member, const char *wal, const char *target, struct err *e)
{
    struct content c;
    int rv = look(wal, &c, e);
    if (rv != 0)
        return rv;
    if (c.segments || c.others)
        return err_set(e, ERR_USAGE,
                       "the log is in %s, not in --wal-dir %s: leave the flag out, or, to move it, "
                       "mv %s/* %s && rmdir %s",
                       wal, target, wal, target, wal);
    if (rmdir(wal) < 0)
        return err_sys(e, errno, "remove %s", wal);
    return first_link(member, wal, target, e);
}

static bool leads_to(const char *path, const char *target)
{
    char *end = realpath(path, NULL);
    bool same = end != NULL && strcmp(end, target) == 0;
    free(end);
    return same;
}

static int lead_to(const char *member, const char *wal, const char *target, struct err *e)
{
    struct stat st;
    if (leads_to(member, target))
        return err_set(e, ERR_USAGE,
                       "--wal-dir %s is where the log's directory and the snapshots stand: give "
                       "another directory, or leave the flag out",
                       target);
    if (lstat(wal, &st) < 0)
        return errno == ENOENT ? first_link(member, wal, target, e)
                               : err_sys(e, errno, "look at %s", wal);
    char *now = realpath(wal, NULL);
    int rv = 0;
    if (now == NULL)
        rv = err_sys(e, errno, "look at %s", wal);
    else if (strcmp(now, target) != 0)
        rv = S_ISLNK(st.st_mode)
                 ? err_set(e, ERR_USAGE,
                           "the log is in %s, not in --wal-dir %s: leave the flag out, or, to move "
                           "it, mv %s/* %s && rm %s",
                           now, target, now, target, wal)
                 : instead_of(member, wal, target, e);
    free(now);
    return rv;
}

/* The directory of a disk that is not mounted is there, and empty. */
static int check_mounted(const char *member, const char *wal, struct err *e)
{
    struct content c;
    if (!is_link(wal) || !is_there(member, "lock") || is_there(wal, "lock"))
        return 0;
    int rv = look(wal, &c, e);
    if (rv == 0 && !c.segments)
        rv = err_set(e, ERR_USAGE,
                     "the log is apart, and where %s leads to it is no more: is its disk mounted?",
                     wal);
    return rv;
}

int waldir_settle(const char *data_dir, const char *wal_dir, struct err *e)
{
    char *member = join(data_dir, "member"), *wal = join(member, "wal"), *target = NULL;
    int rv = waldir_check(wal, e);
    if (rv == 0 && wal_dir[0] != '\0') {
        rv = datadir_make(wal_dir, e);
        if (rv == 0 && (target = realpath(wal_dir, NULL)) == NULL)
            rv = err_sys(e, errno, "look at %s", wal_dir);
        if (rv == 0)
            rv = lead_to(member, wal, target, e);
    }
    if (rv == 0)
        rv = check_mounted(member, wal, e);
    if (rv < 0)
        disk_advise(e);
    free(target);
    mem_free(wal);
    mem_free(member);
    return rv;
}
