/* pool: the memory of the tree, counted. Sizes are known at release, so that another allocator can
 * stand behind it. */
#pragma once

#include "base/mem.h"

#include <stdint.h>

struct pool {
    uint64_t live_bytes;
    uint64_t place_bytes; /* apart, for places are shared and no walk can count them */
};

/* Gives N bytes, aligned to 16 (pool_put); never NULL. */
static inline void *pool_get(struct pool *p, size_t n)
{
    p->live_bytes += n;
    return mem_alloc(n);
}

static inline void pool_put(struct pool *p, void *block, size_t n)
{
    CP_ASSERT(p->live_bytes >= n);
    p->live_bytes -= n;
    mem_free(block);
}
