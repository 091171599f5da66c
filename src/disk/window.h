/* window: a file read from front to end through a buffer that holds only what is still needed.
 * Private to disk. */
#pragma once

#include "disk/diskio.h"

#include <stdbool.h>

/* A zeroed one has no file; the buffer serves one file after another. */
struct window {
    const struct diskio *io;
    int fd;
    uint8_t *bytes; /* owned: the file's from BASE on */
    size_t len, cap;
    uint64_t base;
};

void window_begin(struct window *w, const struct diskio *io, int fd);
/* Forgets all, so that the next bytes wanted, from AT on, are read anew. */
void window_restart(struct window *w, uint64_t at);
void window_fini(struct window *w);
/* Brings the N bytes at AT into the buffer, as many as the file has, and forgets those before
 * KEEP. Neither KEEP nor AT go back, nor does AT leave a gap. 0 or -errno, -ENOMEM. */
int window_load(struct window *w, uint64_t keep, uint64_t at, size_t n);
/* Where the last byte ends that is not zero, from AT to the end of the file; AT: none. Keeps
 * nothing of what it read. 0 or -errno. */
int window_find_end(const struct window *w, uint64_t at, uint64_t *end);

/* How many bytes there are from AT on. */
static inline size_t window_have(const struct window *w, uint64_t at)
{
    return (size_t)(w->base + w->len - at);
}

static inline uint8_t *window_at(const struct window *w, uint64_t at)
{
    return w->bytes + (at - w->base);
}

static inline int window_need(struct window *w, uint64_t keep, uint64_t at, size_t n)
{
    return window_have(w, at) >= n ? 0 : window_load(w, keep, at, n);
}
