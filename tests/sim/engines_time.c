/* Expirations against the time of the world. The cluster's time runs on the monotonic clock of
 * whoever leads, leaning at most a tenth towards a wall clock, so of any stretch of the world's
 * time the cluster counts at most 1.1 times as much (and what clocks are wrong by): a key that
 * lives shorter than that allows has expired early. */
#include "engines.h"

#include <stdlib.h>
#include <string.h>

#define LEAN_MAX 1.1
#define HONEST   (30 * MS)
#define TOUCH    (500 * MS)
#define SLACK    (2 * MS) /* of rounding to milliseconds and the like */
#define LATE_NS  INT64_C(1500000000)

enum { TERMS = 4, SAID = 1 << 14 };

/* When an entry was stamped; several terms may have had one for the same index. */
static struct {
    uint64_t term, at;
} submitted[INDEX_MAX][TERMS];
static uint64_t submitted_last;
static struct {
    uint64_t set_at, ttl; /* 0: it has none */
} key[KEYS];

void time_reset(void)
{
    for (unsigned i = 0; i < KEYS; i++)
        key[i].ttl = 0;
    memset(submitted, 0, (submitted_last + 1) * sizeof(submitted[0]));
    submitted_last = 0;
    sim->jumped_at = sim->stamped_at = 0;
}

/* How fresh the time in a message is, by that time, which is as good as a number. */
static struct {
    int64_t time_ns;
    uint64_t contact;
} said[MEMBERS + 1][SAID];

void time_said(const struct sim_member *m, const struct peer_message *p)
{
    unsigned i = (unsigned)sim_mix(1, (uint64_t)p->time_ns) % SAID;
    said[m->n][i].time_ns = p->time_ns;
    said[m->n][i].contact = m->leads ? sim->now : m->contact;
}

void time_heard(struct sim_member *m, unsigned from, const struct peer_message *p)
{
    unsigned i = (unsigned)sim_mix(1, (uint64_t)p->time_ns) % SAID;
    bool of_leader = p->type == PEER_APPEND || p->type == PEER_SNAPSHOT;
    if (p->time_ns == 0 || m->leads) /* a leader only hears its own words again */
        return;
    if (said[from][i].time_ns == p->time_ns && (m->contact == 0 || of_leader))
        m->contact = said[from][i].contact;
}

/* A process that leads without having been told the time since it began starts a time of its own,
 * by its wall clock (DESIGN 3); and one that was out of touch while the others' time leaned goes on
 * from what it had. Then what had a deadline before may be gone sooner. */
static void maybe_jumps(struct sim_member *m, uint64_t first)
{
    int64_t ahead = engine_now_ns(m->engine) - WALL_NS - (int64_t)sim->now;
    if (m->contact == 0 && sim->weather.honest_clocks && ahead < -(int64_t)HONEST)
        sim_fail("TIME-WRONG m%u begins %lld ms behind its clock", m->n,
                 (long long)ahead / (long long)MS);
    if (m->contact == 0 || m->contact + TOUCH < sim->stamped_at) {
        sim_say(1, "m%u begins the cluster's time anew at entry %lu", m->n, first);
        sim->jumped_at = sim->now;
    }
    m->contact = sim->stamped_at = sim->now;
}

void time_submitted(struct sim_member *m, uint64_t first, unsigned n)
{
    maybe_jumps(m, first);
    sim_say(3, "m%u stamps %lu, ahead of the world by %.3f s", m->n, first,
            (double)(engine_now_ns(m->engine) - WALL_NS - (int64_t)sim->now) / (double)SECOND);
    for (uint64_t i = first; i < first + n && i < INDEX_MAX; i++) {
        uint64_t term = consensus_term(m->engine->consensus);
        submitted[i][term % TERMS].term = term;
        submitted[i][term % TERMS].at = sim->now;
        if (submitted_last < i)
            submitted_last = i;
    }
}

/* 0: not known. */
static uint64_t stamped_at(uint64_t index, uint64_t term)
{
    return submitted[index][term % TERMS].term == term ? submitted[index][term % TERMS].at : 0;
}

void time_applied(uint64_t index, const struct command *c, bool changed)
{
    if (c->kind != COMMAND_STORE || !changed)
        return;
    unsigned k = truth_key(c->op.path);
    if (k >= KEYS)
        return;
    key[k].ttl = c->op.flags & OP_HAS_TTL ? c->op.ttl_s * SECOND : 0;
    key[k].set_at = stamped_at(index, sim->truth[index].term);
}

void time_expired(unsigned k, uint64_t index, uint64_t term)
{
    uint64_t at = stamped_at(index, term);
    if (at == 0)
        at = sim->now;
    if (key[k].ttl == 0)
        sim_fail("EXPIRED key %u has no deadline", k);
    double most = LEAN_MAX * (1 + 2 * sim->weather.rate_ppm / 1e6);
    uint64_t least = (uint64_t)((double)key[k].ttl / most);
    least -= SLACK;
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
