/* diskio: the calls by which log and snapshots reach files, as an interface that fault tests and
 * simulation replace. Each gives 0 or more, or -errno; any thread. */
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
    /* Fewer than N only at the end of the file. */
    ssize_t (*pread)(void *ctx, int fd, void *bytes, size_t n, uint64_t at);
    /* Raises the size to BYTES with reserved space that holds zeros, written ones: syncing what is
     * written over them later changes no metadata of the file. */
    int (*allocate)(void *ctx, int fd, uint64_t bytes);
    int (*truncate)(void *ctx, int fd, uint64_t bytes);
    int (*size)(void *ctx, int fd, uint64_t *bytes);
    int (*datasync)(void *ctx, int fd);
    /* Sends the N bytes at AT, which were written, to the disk and waits until it has taken them.
     * Nothing is durable by it, and what fails shows in the datasync that has to follow: which then
     * finds little to do, as does one of another file. */
    void (*push)(void *ctx, int fd, uint64_t at, uint64_t n);
    int (*rename)(void *ctx, const char *from, const char *to);
    int (*unlink)(void *ctx, const char *path);
    int (*sync_dir)(void *ctx, const char *dir);
    /* Calls EACH for every name in DIR but "." and "..", in no order; non-zero from EACH ends the
     * walk with it. */
    int (*list)(void *ctx, const char *dir, int (*each)(void *arg, const char *name), void *arg);
};

extern const struct diskio diskio_system;
