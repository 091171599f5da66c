/* clock: the system's clocks. */
#include "base/clock.h"

#include "base/check.h"

#include <stddef.h>
#include <time.h>

static int64_t read_ns(clockid_t id)
{
    struct timespec t;
    int rc = clock_gettime(id, &t);

    CP_ASSERT(rc == 0);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static uint64_t system_mono_ns(void *ctx CP_UNUSED)
{
    return (uint64_t)read_ns(CLOCK_MONOTONIC);
}

static int64_t system_wall_ns(void *ctx CP_UNUSED)
{
    return read_ns(CLOCK_REALTIME);
}

const struct clock clock_system = {.mono_ns = system_mono_ns, .wall_ns = system_wall_ns};
