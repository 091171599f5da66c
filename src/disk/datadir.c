#include "disk/datadir.h"

#include "base/log.h"
#include "base/mem.h"
#include "disk/advice.h"
#include "disk/diskio.h"
#include "disk/waldir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STOP_IT "; stop that one, or give another --data-dir"

static char *join(const char *dir, const char *name)
{
    size_t n = strlen(dir) + 1 + strlen(name) + 1;
    char *s = mem_alloc(n);
    snprintf(s, n, "%s/%s", dir, name);
    return s;
}

/* Fsyncs the directory that PATH stands in. */
static int sync_parent(const char *path, struct err *e)
{
    char *parent = mem_strdup(path);
    char *slash = strrchr(parent, '/');
    const char *dir = ".";
    if (slash == parent)
        dir = "/";
    else if (slash != NULL) {
        *slash = '\0';
        dir = parent;
    }
    int rv = diskio_system.sync_dir(NULL, dir);
    if (rv < 0)
        err_sys(e, -rv, "sync directory %s", dir);
    mem_free(parent);
    return rv;
}

/* Makes one directory, durably; one that is there already is fine. */
static int make_dir(const char *path, struct err *e)
{
    if (mkdir(path, 0700) == 0)
        return sync_parent(path, e);
    int errnum = errno;
    struct stat st;
    if (stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return 0;
        return err_set(e, -ENOTDIR, "make directory %s: there is a file of that name", path);
    }
    return err_sys(e, errnum, "make directory %s", path);
}

int datadir_make(const char *path, struct err *e)
{
    char *p = mem_strdup(path);
    int rv = 0;
    for (char *s = p + 1; rv == 0 && (s = strchr(s, '/')) != NULL; s++) {
        *s = '\0';
        struct stat st;
        if (stat(p, &st) < 0)
            rv = make_dir(p, e);
        *s = '/';
    }
    mem_free(p);
    return rv == 0 ? make_dir(path, e) : rv;
}

/* The pid that the holder wrote, as text; empty when it cannot be read. */
static void read_holder(int fd, char *pid, size_t n)
{
    ssize_t k = pread(fd, pid, n - 1, 0);
    pid[k > 0 ? k : 0] = '\0';
    pid[strspn(pid, "0123456789")] = '\0';
}

/* One who only asks for the holder has the lock too, for a moment. */
static int lock_patiently(int fd)
{
    const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
    int rv = flock(fd, LOCK_EX | LOCK_NB);
    for (int i = 0; rv < 0 && errno == EWOULDBLOCK && i < 4; i++) {
        nanosleep(&pause, NULL);
        rv = flock(fd, LOCK_EX | LOCK_NB);
    }
    return rv;
}

/* The lock lasts as long as the descriptor; the pid in the file is for messages only. */
static int take_lock(const char *path, int *out, struct err *e)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, errno, "lock: open %s", path);
    int rv;
    char pid[24];
    if (lock_patiently(fd) < 0) {
        if (errno != EWOULDBLOCK) {
            rv = err_sys(e, errno, "lock %s", path);
            goto close_fd;
        }
        read_holder(fd, pid, sizeof(pid));
        rv = pid[0] != '\0'
                 ? err_set(e, ERR_LOCKED, "lock %s: in use by process %s" STOP_IT, path, pid)
                 : err_set(e, ERR_LOCKED, "lock %s: in use by another process" STOP_IT, path);
        goto close_fd;
    }
    int n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    /* A full disk does not keep us from starting: reads still work. */
    if (ftruncate(fd, 0) == 0 && pwrite(fd, pid, (size_t)n, 0) != n)
        log_debug("datadir.no_pid", LOG_S("file", path));
    *out = fd;
    return 0;
close_fd:
    close(fd);
    return rv;
}

struct names {
    char *member, *lock;
};

static int name_all(struct datadir *d, struct names *names, const char *path, struct err *e)
{
    *d = (struct datadir){.path = mem_strdup(path), .lock_fd = -1};
    size_t n = strlen(d->path);
    while (n > 1 && d->path[n - 1] == '/')
        d->path[--n] = '\0';
    names->member = join(d->path, "member");
    names->lock = join(names->member, "lock");
    d->wal = join(names->member, "wal");
    d->snap = join(names->member, "snap");
    return n > 0 ? 0 : err_set(e, ERR_USAGE, "the path is empty");
}

static void names_fini(struct names *names)
{
    mem_free(names->member);
    mem_free(names->lock);
}

/* Of a log that stands apart, whose directory another member could be given as well. Before the
 * lock of the data directory: while that is there, this one has been. */
static int lock_wal(struct datadir *d, struct err *e)
{
    char *lock = waldir_lock_name(d->wal);
    int rv = lock != NULL ? take_lock(lock, &d->wal_lock_fd, e) : 0;
    d->wal_locked = lock != NULL && rv == 0;
    mem_free(lock);
    return rv;
}

int datadir_open(struct datadir *d, const char *path, struct err *e)
{
    struct names names;
    int rv = name_all(d, &names, path, e);
    if (rv == 0)
        rv = datadir_make(d->path, e);
    if (rv == 0)
        rv = make_dir(names.member, e);
    if (rv == 0)
        rv = lock_wal(d, e);
    if (rv == 0)
        rv = take_lock(names.lock, &d->lock_fd, e);
    if (rv == 0)
        rv = make_dir(d->wal, e);
    if (rv == 0)
        rv = make_dir(d->snap, e);
    names_fini(&names);
    if (rv < 0) {
        err_wrap(e, "open data directory %s", path);
        disk_advise(e);
        datadir_close(d);
    }
    return rv;
}

static bool is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Who has the lock; asked by taking it for a moment, shared. */
static int find_holder(const char *lock, long *holder, struct err *e)
{
    char pid[24];
    *holder = 0;
    int fd = open(lock, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_sys(e, errno, "open %s", lock);
    if (flock(fd, LOCK_SH | LOCK_NB) < 0) {
        read_holder(fd, pid, sizeof(pid));
        *holder = pid[0] != '\0' ? atol(pid) : -1;
    }
    close(fd);
    return 0;
}

int datadir_look(struct datadir *d, const char *path, long *holder, struct err *e)
{
    struct names names;
    struct stat st;
    *holder = 0;
    int rv = name_all(d, &names, path, e);
    if (rv == 0 && stat(d->path, &st) < 0)
        rv = err_sys(e, errno, "open %s", d->path);
    else if (rv == 0 && !is_dir(d->wal) && !is_dir(d->snap))
        rv = err_set(e, -ENOENT, "%s: this is no data directory: there is no member/wal in it",
                     d->path);
    if (rv == 0)
        rv = waldir_check(d->wal, e);
    if (rv == 0)
        rv = find_holder(names.lock, holder, e);
    names_fini(&names);
    if (rv < 0)
        datadir_close(d);
    return rv;
}

void datadir_close(struct datadir *d)
{
    if (d->lock_fd >= 0)
        close(d->lock_fd);
    if (d->wal_locked)
        close(d->wal_lock_fd);
    mem_free(d->path);
    mem_free(d->wal);
    mem_free(d->snap);
    *d = (struct datadir){.lock_fd = -1};
}
