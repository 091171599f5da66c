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
    t->stamp_ns = t->logged_ns = 0;
    t->at_ns = wall > last_stamp_ns ? wall : last_stamp_ns;
    t->mono_ns = clock_mono_ns(clock);
    t->known = t->leads = false;
    publish(t);
}

/* By the leader's words; back too, when this member was ahead of it while it heard nothing. */
static int64_t follow(const struct timekeeper *t, uint64_t mono)
{
    int64_t at = t->heard_ns + (int64_t)(mono - t->heard_at);
    return at > t->stamp_ns ? at : t->stamp_ns;
}

static int64_t lean(const struct timekeeper *t, uint64_t mono)
{
    int64_t passed = (int64_t)(mono - t->mono_ns), most = passed / SLEW_PART;
    int64_t lag = clock_wall_ns(t->clock) - (t->at_ns + passed);
    return t->at_ns + passed + (lag > most ? most : lag < -most ? -most : lag);
}

int64_t timekeeper_now(struct timekeeper *t)
{
    uint64_t mono = clock_mono_ns(t->clock);
    if (mono < t->mono_ns)
        return t->at_ns;
    t->at_ns = t->known && !t->leads ? follow(t, mono) : lean(t, mono);
    t->mono_ns = mono;
    publish(t);
    return t->at_ns;
}

int64_t timekeeper_known(struct timekeeper *t)
{
    return t->known ? timekeeper_now(t) : 0;
}

/* From now on the time goes on by this member's own clocks, or from where it is until the leader
 * says more. */
void timekeeper_lead(struct timekeeper *t, bool leads)
{
    if (t->leads == leads)
        return;
    t->heard_ns = timekeeper_now(t);
    t->heard_at = t->mono_ns;
    t->known = t->known || leads;
    t->leads = leads;
    if (leads && t->logged_ns > t->at_ns) {
        t->at_ns = t->logged_ns;
        publish(t);
    }
}

void timekeeper_logged(struct timekeeper *t, int64_t stamp_ns)
{
    t->logged_ns = stamp_ns;
}

void timekeeper_hear(struct timekeeper *t, int64_t time_ns, bool of_leader)
{
    if (time_ns == 0 || t->leads || (t->known && !of_leader))
        return;
    t->heard_ns = time_ns;
    t->heard_at = clock_mono_ns(t->clock);
    t->known = true;
    (void)timekeeper_now(t);
}

void timekeeper_saw(struct timekeeper *t, int64_t stamp_ns)
{
    if (stamp_ns > t->stamp_ns)
        t->stamp_ns = stamp_ns;
    if (stamp_ns <= timekeeper_now(t))
        return;
    t->at_ns = stamp_ns;
    publish(t);
}

int64_t timekeeper_peek(const struct timekeeper *t)
{
    return (int64_t)clock_mono_ns(t->clock) +
           atomic_load_explicit(&t->offset_ns, memory_order_relaxed);
}
