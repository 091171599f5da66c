/* place: the path of a directory, counted. Directories share theirs with the timers of their
 * children, so that an expiry can name its victim. For the writer only. */
#pragma once

#include "store/pool.h"

#include "base/span.h"

struct place {
    uint32_t refs;
    uint32_t len;
    char path[];
};

static inline struct place *place_new(struct pool *pool, struct span path)
{
    size_t size = sizeof(struct place) + path.len;
    struct place *p = mem_alloc(size);
    pool->place_bytes += size;
    p->refs = 1;
    p->len = (uint32_t)path.len;
    memcpy(p->path, path.ptr, path.len);
    return p;
}

static inline struct place *place_ref(struct place *p)
{
    if (p != NULL)
        p->refs++;
    return p;
}

/* NULL is fine. */
static inline void place_unref(struct pool *pool, struct place *p)
{
    if (p == NULL || --p->refs > 0)
        return;
    pool->place_bytes -= sizeof *p + p->len;
    mem_free(p);
}

static inline struct span place_path(const struct place *p)
{
    return (struct span){p->path, p->len};
}
