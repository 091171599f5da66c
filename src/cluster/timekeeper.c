#include "cluster/timekeeper.h"

#define SLEW_PART 10 /* at most a tenth faster or slower than the monotonic clock */

static void publish(struct timekeeper *t)
{
    atomic_store_explicit(&t->offset_ns, t->at_ns - (int64_t)t->mono_ns, memory_order_relaxed);
}

void timekeeper_start(struct timekeeper *t, const struct clock *clock, int64_t last_stamp_ns)
{
    int64_t wall = clock_wall_ns(clock);
    t->clock = clock;
    t->at_ns = wall > last_stamp_ns ? wall : last_stamp_ns;
    t->mono_ns = clock_mono_ns(clock);
    publish(t);
}

int64_t timekeeper_now(struct timekeeper *t)
{
    uint64_t mono = clock_mono_ns(t->clock);
    int64_t passed = (int64_t)(mono - t->mono_ns);
    if (passed <= 0)
        return t->at_ns;
    int64_t lag = clock_wall_ns(t->clock) - (t->at_ns + passed);
    int64_t most = passed / SLEW_PART;
    int64_t lean = lag > most ? most : lag < -most ? -most : lag;
    t->at_ns += passed + lean;
    t->mono_ns = mono;
    publish(t);
    return t->at_ns;
}

int64_t timekeeper_known(struct timekeeper *t)
{
    return timekeeper_now(t);
}

void timekeeper_saw(struct timekeeper *t, int64_t stamp_ns)
{
    if (stamp_ns <= t->at_ns)
        return;
    t->at_ns = stamp_ns;
    publish(t);
}

int64_t timekeeper_peek(const struct timekeeper *t)
{
    return (int64_t)clock_mono_ns(t->clock) +
           atomic_load_explicit(&t->offset_ns, memory_order_relaxed);
}
