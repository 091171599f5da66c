#include "disk/diskio.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int system_open(void *ctx, const char *path, int flags, mode_t mode)
{
    (void)ctx;
    int fd;
    do
        fd = open(path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : fd;
}

static int system_close(void *ctx, int fd)
{
    (void)ctx;
    /* The descriptor is gone whatever close says; what had to last was synced before. */
    return close(fd) < 0 && errno != EINTR ? -errno : 0;
}

static int system_pwrite(void *ctx, int fd, const void *bytes, size_t n, uint64_t at)
{
    (void)ctx;
    for (size_t done = 0; done < n;) {
        ssize_t k = pwrite(fd, (const char *)bytes + done, n - done, (off_t)(at + done));
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return k < 0 ? -errno : -EIO;
        done += (size_t)k;
    }
    return 0;
}

static ssize_t system_pread(void *ctx, int fd, void *bytes, size_t n, uint64_t at)
{
    (void)ctx;
    size_t done = 0;
    while (done < n) {
        ssize_t k = pread(fd, (char *)bytes + done, n - done, (off_t)(at + done));
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return -errno;
        if (k == 0)
            break;
        done += (size_t)k;
    }
    return (ssize_t)done;
}

static int system_allocate(void *ctx, int fd, uint64_t bytes)
{
    static const char zeros[65536] = {0};
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    uint64_t at = (uint64_t)st.st_size;
    if (at >= bytes)
        return 0;
    int err;
    do
        err = posix_fallocate(fd, st.st_size, (off_t)(bytes - at));
    while (err == EINTR);
    if (err != 0)
        return -err;
    /* Space that is reserved only is marked "unwritten" by the file system, and the first sync of
     * each piece has to change that mark too: written zeros make the later one a pure data write.
     */
    while (at < bytes) {
        size_t n = bytes - at < sizeof(zeros) ? (size_t)(bytes - at) : sizeof(zeros);
        int rv = system_pwrite(ctx, fd, zeros, n, at);
        if (rv < 0)
            return rv;
        at += n;
    }
    return 0;
}

static int system_truncate(void *ctx, int fd, uint64_t bytes)
{
    (void)ctx;
    int rv;
    do
        rv = ftruncate(fd, (off_t)bytes);
    while (rv < 0 && errno == EINTR);
    return rv < 0 ? -errno : 0;
}

static int system_size(void *ctx, int fd, uint64_t *bytes)
{
    (void)ctx;
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    *bytes = (uint64_t)st.st_size;
    return 0;
}

static int system_datasync(void *ctx, int fd)
{
    (void)ctx;
    /* Not repeated, not even on EINTR: a second call may report success for pages the first one
     * gave up. */
    return fdatasync(fd) < 0 ? -errno : 0;
}

static void system_push(void *ctx, int fd, uint64_t at, uint64_t n)
{
    (void)ctx;
    (void)sync_file_range(fd, (off_t)at, (off_t)n,
                          SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                              SYNC_FILE_RANGE_WAIT_AFTER);
}

static int system_rename(void *ctx, const char *from, const char *to)
{
    (void)ctx;
    return rename(from, to) < 0 ? -errno : 0;
}

static int system_unlink(void *ctx, const char *path)
{
    (void)ctx;
    return unlink(path) < 0 ? -errno : 0;
}

static int system_sync_dir(void *ctx, const char *dir)
{
    int fd = system_open(ctx, dir, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return fd;
    int rv = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return rv;
}

static int system_list(void *ctx, const char *dir, int (*each)(void *arg, const char *name),
                       void *arg)
{
    (void)ctx;
    DIR *d = opendir(dir);
    if (d == NULL)
        return -errno;
    int rv = 0;
    while (rv == 0) {
        errno = 0;
        struct dirent *ent = readdir(d);
        if (ent == NULL) {
            rv = -errno;
            break;
        }
        if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
            rv = each(arg, ent->d_name);
    }
    closedir(d);
    return rv;
}

const struct diskio diskio_system = {
    .open = system_open,
    .close = system_close,
    .pwrite = system_pwrite,
    .pread = system_pread,
    .allocate = system_allocate,
    .truncate = system_truncate,
    .size = system_size,
    .datasync = system_datasync,
    .push = system_push,
    .rename = system_rename,
    .unlink = system_unlink,
    .sync_dir = system_sync_dir,
    .list = system_list,
};
