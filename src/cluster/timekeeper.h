/* timekeeper: the cluster's time. It never goes back and never jumps with the wall clock: it runs
 * on the monotonic clock and leans towards the wall clock by at most a tenth (DESIGN 3). Engine
 * thread, except timekeeper_peek. */
#pragma once

#include "base/clock.h"

#include <stdatomic.h>

struct timekeeper {
    const struct clock *clock;
    int64_t at_ns;    /* engine: cluster time at mono_ns */
    uint64_t mono_ns; /* engine */
    _Atomic int64_t
        offset_ns; /* engine writes, any thread reads: cluster time minus monotonic time */
};

/* A cold start: begins at the later of LAST_STAMP_NS and the wall clock. */
void timekeeper_start(struct timekeeper *t, const struct clock *clock, int64_t last_stamp_ns);
/* The time now, moved on. */
int64_t timekeeper_now(struct timekeeper *t);
/* The time now for others to go by; 0: this is a guess. */
int64_t timekeeper_known(struct timekeeper *t);
/* A stamp of the log was seen: the time is not before it. */
void timekeeper_saw(struct timekeeper *t, int64_t stamp_ns);
/* Any thread: the time now. */
int64_t timekeeper_peek(const struct timekeeper *t);
