/* clock: time as an interface, so that simulation can replace it. */
#pragma once

#include <stdint.h>

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)

struct clock {
    uint64_t (*mono_ns)(void *ctx); /* never goes back */
    int64_t (*wall_ns)(void *ctx);  /* since 1970, may be stepped */
    void *ctx;
};

extern const struct clock clock_system;

static inline uint64_t clock_mono_ns(const struct clock *c)
{
    return c->mono_ns(c->ctx);
}

static inline int64_t clock_wall_ns(const struct clock *c)
{
    return c->wall_ns(c->ctx);
}
