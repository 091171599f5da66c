/* diskio: the calls by which log and snapshots reach files, as an interface that fault tests and simulation replace.
 * Each gives 0 or more, or -errno. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct diskio {
    void *ctx;
    int (*open)(void *ctx, const char *path, int flags, mode_t mode);
    int (*close)(void *ctx, int fd);
    /* Writes all of it or fails. */
    int (*pwrite)(void *ctx, int fd, const void *bytes, size_t n, uint64_t at);
    ssize_t (*pread)(void *ctx, int fd, void *bytes, size_t n, uint64_t at);
    int (*allocate)(void *ctx, int fd, uint64_t bytes); /* reserve space, zeroed, size raised */
    int (*truncate)(void *ctx, int fd, uint64_t bytes);
    int (*datasync)(void *ctx, int fd);
    int (*rename)(void *ctx, const char *from, const char *to);
    int (*unlink)(void *ctx, const char *path);
    int (*sync_dir)(void *ctx, const char *dir);
};

extern const struct diskio diskio_system;
