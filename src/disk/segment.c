#include "disk/segment.h"

#include "base/hash.h"
#include "base/mem.h"
#include "disk/name.h"
#include "disk/pace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

/* Each of the first ones is made while the one before it, a quarter as long, is filled: so making
 * has to be only four times as fast as the log grows. */
#define FIRST_BYTES  (UINT64_C(1) << 20)
#define FIRST_GROWTH 4u

char *segment_path(const char *dir, uint64_t sequence, uint64_t first_index)
{
    struct buf b = {0};
    buf_printf(&b, "%s/%016" PRIx64 "-%016" PRIx64 ".wal", dir, sequence, first_index);
    char *path = mem_strdup(buf_cstr(&b));
    buf_fini(&b);
    return path;
}

char *segment_temporary_path(const char *dir, uint64_t sequence)
{
    struct buf b = {0};
    buf_printf(&b, "%s/%016" PRIx64 ".tmp", dir, sequence);
    char *path = mem_strdup(buf_cstr(&b));
    buf_fini(&b);
    return path;
}

bool segment_parse_name(const char *name, uint64_t *sequence, uint64_t *first_index)
{
    return strlen(name) == 37 && name_parse_hex(name, sequence) && name[16] == '-' &&
           name_parse_hex(name + 17, first_index) && strcmp(name + 33, ".wal") == 0;
}

bool segment_is_temporary(const char *name)
{
    uint64_t sequence;
    return strlen(name) == 20 && name_parse_hex(name, &sequence) && strcmp(name + 16, ".tmp") == 0;
}

uint64_t segment_bytes(uint64_t full, uint64_t sequence)
{
    CP_ASSERT(sequence > 0);
    uint64_t bytes = FIRST_BYTES;
    while (--sequence > 0 && bytes < full)
        bytes *= FIRST_GROWTH;
    return bytes < full ? bytes : full;
}

static bool is_due(const struct segment_haste *haste, uint64_t size, uint64_t bytes)
{
    return haste == NULL ||
           size * SEGMENT_DUE_ALL < atomic_load_explicit(&haste->due, memory_order_relaxed) * bytes;
}

/* Gives the empty file BYTES of zeros. */
static int lay_out(const struct diskio *io, int fd, uint64_t bytes,
                   const struct segment_haste *haste)
{
    struct pace pace;
    int rv = 0;
    pace_begin(&pace);
    for (uint64_t size = 0, synced = 0; rv == 0 && synced < bytes;) {
        uint64_t from = size;
        if (haste != NULL && atomic_load_explicit(&haste->stop, memory_order_relaxed))
            return -ECANCELED;
        pace_step(&pace);
        size = bytes - size > PACE_STEP_BYTES ? size + PACE_STEP_BYTES : bytes;
        rv = io->allocate(io->ctx, fd, size);
        if (rv == 0)
            io->push(io->ctx, fd, from, size - from);
        if (rv == 0 && (size == bytes || size - synced >= PACE_SYNC_BYTES)) {
            rv = io->datasync(io->ctx, fd);
            synced = size;
        }
        if (rv == 0 && !is_due(haste, size, bytes))
            pace_rest(&pace);
    }
    return rv;
}

int segment_make(const struct diskio *io, const char *dir, uint64_t sequence, uint64_t bytes,
                 const struct segment_haste *haste)
{
    char *path = segment_temporary_path(dir, sequence);
    int fd = io->open(io->ctx, path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    int rv = fd < 0 ? fd : lay_out(io, fd, bytes, haste);
    if (rv < 0 && fd >= 0) {
        io->close(io->ctx, fd);
        io->unlink(io->ctx, path);
    }
    mem_free(path);
    return rv < 0 ? rv : fd;
}

int segment_begin(const struct diskio *io, struct segment *s, struct segment_head *head)
{
    uint8_t bytes[SEGMENT_HEAD_BYTES];
    head->salt = (uint32_t)rand_u64();
    head->sequence = s->sequence;
    head->bytes = s->bytes;
    segment_head_encode(bytes, head);
    s->salt = head->salt;
    s->prev = head->check;
    s->at = SEGMENT_HEAD_BYTES;
    return io->pwrite(io->ctx, s->fd, bytes, sizeof(bytes), 0);
}

int segment_publish(const struct diskio *io, const char *dir, struct segment *s,
                    uint64_t first_index)
{
    char *path = segment_path(dir, s->sequence, first_index);
    int rv = io->rename(io->ctx, s->path, path);
    if (rv == 0)
        rv = io->sync_dir(io->ctx, dir);
    mem_free(s->path);
    s->path = path;
    if (rv == 0)
        s->temporary = false;
    return rv;
}
