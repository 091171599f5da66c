#include "disk/window.h"

#include "base/check.h"
#include "base/mem.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define READ_STEP_BYTES ((size_t)1 << 20)
#define LOOK_STEP_BYTES ((size_t)256 << 10)
#define CAP_MAX         ((size_t)1 << 31)

void window_begin(struct window *w, const struct diskio *io, int fd)
{
    w->io = io;
    w->fd = fd;
    w->base = 0;
    w->len = 0;
}

void window_restart(struct window *w, uint64_t at)
{
    w->base = at;
    w->len = 0;
}

void window_fini(struct window *w)
{
    mem_free(w->bytes);
    *w = (struct window){.fd = -1};
}

/* Room for N bytes more. */
static int reserve(struct window *w, size_t n)
{
    if (w->cap - w->len >= n)
        return 0;
    size_t cap = w->cap * 2 > w->len + n ? w->cap * 2 : w->len + n;
    uint8_t *bytes = cap > CAP_MAX ? NULL : mem_try_realloc(w->bytes, cap);
    if (bytes == NULL)
        return -ENOMEM;
    w->bytes = bytes;
    w->cap = cap;
    return 0;
}

int window_load(struct window *w, uint64_t keep, uint64_t at, size_t n)
{
    CP_ASSERT(keep >= w->base && keep <= at);
    CP_ASSERT(at <= w->base + w->len);
    size_t drop = (size_t)(keep - w->base);
    if (drop > 0) {
        memmove(w->bytes, w->bytes + drop, w->len - drop);
        w->base = keep;
        w->len -= drop;
    }
    size_t want = n - window_have(w, at);
    if (want < READ_STEP_BYTES)
        want = READ_STEP_BYTES;
    int rv = reserve(w, want);
    if (rv < 0)
        return rv;
    ssize_t k = w->io->pread(w->io->ctx, w->fd, w->bytes + w->len, want, w->base + w->len);
    if (k < 0)
        return (int)k;
    w->len += (size_t)k;
    return 0;
}

static bool all_zero(const uint8_t *p, size_t n)
{
    return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

int window_find_end(const struct window *w, uint64_t at, uint64_t *end)
{
    uint8_t *piece = mem_alloc(LOOK_STEP_BYTES);
    ssize_t k;
    *end = at;
    do {
        k = w->io->pread(w->io->ctx, w->fd, piece, LOOK_STEP_BYTES, at);
        if (k > 0 && !all_zero(piece, (size_t)k)) {
            size_t n = (size_t)k;
            while (piece[n - 1] == 0)
                n--;
            *end = at + n;
        }
        at += k > 0 ? (uint64_t)k : 0;
    } while (k == (ssize_t)LOOK_STEP_BYTES);
    mem_free(piece);
    return k < 0 ? (int)k : 0;
}
