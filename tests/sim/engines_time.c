/* Expirations against the time of the world. The cluster's time runs on the monotonic clock of
 * whoever leads, leaning at most a tenth towards a wall clock, so of any stretch of the world's
 * time the cluster counts at most 1.1 times as much (and what clocks are wrong by): a key that
 * lives shorter than that allows has expired early. */
#include "engines.h"

#include <stdlib.h>

#define LEAN_MAX 1.1
#define SLACK    (2 * MS) /* of rounding to milliseconds and the like */
#define LATE_NS  INT64_C(1500000000)

static struct {
    uint64_t term, at;
} submitted[INDEX_MAX];
static struct {
    uint64_t set_at, ttl; /* 0: it has none */
} key[KEYS];

void time_reset(void)
{
    for (unsigned i = 0; i < KEYS; i++)
        key[i].ttl = 0;
    for (uint64_t i = 0; i <= sim->committed; i++)
        submitted[i].term = 0;
    sim->jumped_at = 0;
}

/* A process that leads without having been told the time by another since it began starts a time of
 * its own, by its wall clock (DESIGN 3): what had a deadline before may be gone at once. */
static void maybe_jumps(struct sim_member *m, uint64_t first)
{
    if (m->heard_time || sim->weather.honest_clocks)
        return;
    m->heard_time = true;
    sim_say(1, "m%u begins the cluster's time anew at entry %lu", m->n, first);
    sim->jumped_at = sim->now;
}

void time_submitted(struct sim_member *m, uint64_t first, unsigned n)
{
    maybe_jumps(m, first);
    for (uint64_t i = first; i < first + n && i < INDEX_MAX; i++) {
        submitted[i].term = consensus_term(m->engine->consensus);
        submitted[i].at = sim->now;
    }
}

static uint64_t stamped_at(uint64_t index)
{
    return submitted[index].term == sim->truth[index].term ? submitted[index].at : sim->now;
}

void time_applied(uint64_t index, const struct command *c, bool changed)
{
    sim->truth[index].submitted = stamped_at(index);
    if (c->kind != COMMAND_STORE || !changed)
        return;
    unsigned k = truth_key(c->op.path);
    if (k >= KEYS)
        return;
    key[k].ttl = c->op.flags & OP_HAS_TTL ? c->op.ttl_s * SECOND : 0;
    key[k].set_at = stamped_at(index);
}

/* The entry that expires it is the one behind the last that was committed. */
void time_expired(unsigned k)
{
    uint64_t at = submitted[sim->committed + 1].at;
    if (key[k].ttl == 0)
        sim_fail("EXPIRED key %u has no deadline", k);
    double most = LEAN_MAX * (1 + 2 * sim->weather.rate_ppm / 1e6);
    uint64_t least = (uint64_t)((double)key[k].ttl / most);
    least -= sim->weather.honest_clocks ? 80 * MS : SLACK;
    sim->total.expired++;
    if (key[k].set_at > sim->jumped_at && at - key[k].set_at < least)
        sim_fail("EXPIRED-EARLY key %u lived %lu ms of %lu", k, (at - key[k].set_at) / MS,
                 key[k].ttl / MS);
    key[k].ttl = 0;
}

/* A leader that has led undisturbed for a while has nothing that is long due. */
void time_late(void)
{
    struct sim_member *m = member_leader();
    if (m == NULL || !sim->healed || sim->now < m->lead_since + 4 * SECOND ||
        sim->now < sim->chaos_end + 6 * SECOND || sim->now < m->frozen_until + SECOND)
        return;
    int64_t due = store_next_expiry(m->engine->store);
    int64_t at = engine_now_ns(m->engine);
    if (due != STORE_NEVER && due + LATE_NS < at)
        sim_fail("EXPIRES-LATE m%u: %lld ms", m->n, (long long)(at - due) / (long long)MS);
}
