/* Weather by seed, and what strikes until the end of it; then everything is healed, and the cluster
 * has to come together. */
#include "engines.h"

#include <stdio.h>

/* Twice what makes a leader hand over; and over, once healed, before anything is promised. */
#define STALL_NS (4 * SECOND)

/* A mistake shall come to light soon: what it takes happens often. */
static void provoke(struct weather *w)
{
    w->crashes = w->partitions = w->transfers = w->slow_links = true;
    w->members = w->full = w->clock_steps = w->honest_clocks = false;
    w->strike_ms = 200;
    w->restart_ms = 300;
    if (planted(PLANT_VOTE_NOT_PERSISTED))
        w->restart_ms = 30;
    if (planted(PLANT_READ_UNCONFIRMED))
        w->crashes = false;
    if (planted(PLANT_COMMIT_OLD_TERM)) {
        sim->founders = 3;
        w->snapshot_every = UINT32_MAX;
        w->partitions = w->transfers = w->freezes = false;
        w->fragile_pm = 700;
        w->strike_ms = 1500;
        w->restart_ms = 4000;
    }
    if (planted(PLANT_SNAPSHOT_NOT_OWED)) {
        sim->founders = 1;
        w->members = true;
        w->crashes = w->transfers = false; /* a start has all of the log in memory */
        w->snapshot_every = UINT32_MAX;
    }
    if (planted(PLANT_PURGE_FORGOTTEN) || planted(PLANT_FORGET_UNAPPLIED))
        sim->founders = 1;
    if (planted(PLANT_INSTALL_WITHOUT_MARK) || planted(PLANT_HISTORY_GAP)) {
        w->snapshot_every = 20 + (unsigned)sim_below(30);
        w->trailing = 1 + (unsigned)sim_below(10);
    }
}

/* Bits 0 and 1 of the seed: one, three, five members. */
void chaos_weather(void)
{
    static const unsigned sizes[] = {3, 5, 3, 1};
    struct weather *w = &sim->weather;
    bool calm = sim_chance(100);
    sim->founders = sim->opt.members > 0 ? sim->opt.members : sizes[sim->seed & 3];
    *w = (struct weather){.delay_us = 50 + (unsigned)sim_below(2000),
                          .jitter_us = 100 + (unsigned)sim_below(sim_chance(300) ? 40000 : 3000),
                          .drop_pm = sim_chance(500) ? (unsigned)sim_below(40) : 0,
                          .dup_pm = sim_chance(400) ? (unsigned)sim_below(60) : 0,
                          .overlap_pm = sim_chance(500) ? 500 : 0,
                          .fsync_us = 200 + (unsigned)sim_below(sim_chance(300) ? 30000 : 5000),
                          .stall_pm = sim_chance(500) ? (unsigned)sim_below(12) : 0,
                          .job_ms = 5 + (unsigned)sim_below(sim_chance(300) ? 2000 : 200),
                          .step_us = 20 + (unsigned)sim_below(sim_chance(300) ? 5000 : 300),
                          .snapshot_every = 20 + (unsigned)sim_below(sim_chance(300) ? 1000 : 200),
                          .trailing = 1 + (unsigned)sim_below(sim_chance(500) ? 20 : 300),
                          .history = 60 + (unsigned)sim_below(400),
                          .segment = 4096u << sim_below(5),
                          .think_ms = 15 + (unsigned)sim_below(120),
                          .strike_ms = 500,
                          .fragile_pm = sim_chance(300) ? 200 : 0,
                          .restart_ms = 1500,
                          .rate_ppm = sim_chance(500) ? 200 : 20000,
                          .crashes = !calm && sim_chance(800),
                          .partitions = !calm && sim_chance(800),
                          .members = sim_chance(400),
                          .slow_links = !calm && sim_chance(500),
                          .transfers = sim_chance(500),
                          .full = !calm && sim_chance(250),
                          .clock_steps = sim_chance(500),
                          .freezes = !calm && sim_chance(500)};
    /* Not drawn: what is no matter of members alone goes on as without it. */
    w->forget = 1 + (unsigned)(sim_mix(sim->seed, 0xf0) % 60);
    w->honest_clocks = !w->clock_steps && sim_chance(500);
    if (sim->opt.no_snapshots)
        w->snapshot_every = UINT32_MAX;
    if (calm)
        w->drop_pm = w->dup_pm = w->stall_pm = 0;
    if (sim->opt.planted != PLANT_NOTHING)
        provoke(w);
}

static struct item strike_later(void)
{
    return (struct item){.at = sim->now + (50 + sim_below(sim->weather.strike_ms)) * MS,
                         .what = HAPPEN_CHAOS};
}

void chaos_begin(void)
{
    sim->chaos_end = sim->opt.seconds * SECOND * 3 / 4;
    sim->settle_at = (sim->opt.seconds - 2) * SECOND;
    sim->end = sim->opt.seconds * SECOND;
    sim->roll_at = NEVER;
    for (unsigned i = 1; i <= sim->founders; i++)
        member_create(i);
    sim->used = sim->founders;
    sim->cluster_id = 0xc0;
    for (unsigned i = 1; i <= sim->founders; i++)
        if (i == 1 || sim_chance(800))
            member_start(i);
        else
            sim_push((struct item){
                .at = sim->now + sim_below(5 * SECOND), .what = HAPPEN_RESTART, .who = i});
    sim->clients = 5 + (unsigned)sim_below(CLIENTS - 4);
    sim->watches = 2 + (unsigned)sim_below(WATCHES - 1);
    for (unsigned i = 0; i < sim->clients; i++)
        sim_push((struct item){.at = (1 + sim_below(500)) * MS, .what = HAPPEN_CLIENT, .who = i});
    for (unsigned i = 0; i < sim->watches; i++)
        watch_begin(i);
    sim_push(strike_later());
    sim_push((struct item){.at = SECOND, .what = HAPPEN_PROBE});
}

static void restart_later(unsigned n, uint64_t ms)
{
    sim_push((struct item){
        .at = sim->now + (20 + sim_below(ms)) * MS, .what = HAPPEN_RESTART, .who = n});
}

static unsigned any_number(void)
{
    return 1 + (unsigned)sim_below(sim->used);
}

static void down(unsigned n, uint64_t ms)
{
    if (!sim->member[n].up)
        return;
    if (sim_chance(200)) {
        member_terminate(n, false);
        return;
    }
    member_crash(n, sim_chance(600));
    restart_later(n, ms);
}

static void strike_crash(void)
{
    if (sim_chance(60)) {
        for (unsigned i = 1; i <= sim->used; i++)
            if (sim->member[i].up) {
                member_crash(i, sim_chance(800));
                restart_later(i, 800);
            }
        return;
    }
    struct sim_member *leader = member_leader();
    down(leader != NULL && sim_chance(300) ? leader->n : any_number(),
         sim_chance(200) ? 8000 : sim->weather.restart_ms);
}

static void cut(unsigned from, unsigned to, bool on)
{
    struct stream *s = &sim->stream[from][to];
    if (s->cut && !on)
        wire_break(from, to); /* what was sent meanwhile is lost, and so is the stream */
    s->cut = on;
}

static void strike_partition(void)
{
    unsigned side[MEMBERS + 1] = {0};
    bool whole = sim_chance(350), one_way = sim_chance(300);
    struct sim_member *leader = member_leader();
    unsigned alone = leader != NULL && sim_chance(500) ? leader->n : any_number();
    for (unsigned i = 1; i <= MEMBERS; i++)
        side[i] = whole ? 0 : one_way || sim_chance(300) ? i == alone : (unsigned)sim_below(2);
    for (unsigned i = 1; i <= MEMBERS; i++)
        for (unsigned k = 1; k <= MEMBERS; k++)
            cut(i, k, side[i] != side[k] && !(one_way && side[i] == 0));
    sim_say(1, whole ? "network whole" : "partition %u%u%u%u%u%s", side[1], side[2], side[3],
            side[4], side[5], one_way ? " one way" : "");
}

static void strike_stream(void)
{
    wire_break(any_number(), any_number());
}

static void strike_link(void)
{
    struct stream *s = &sim->stream[any_number()][any_number()];
    s->slow = s->slow > 0 ? 0 : sim_below(800 * MS);
}

static void strike_disk(void)
{
    struct sim_member *m = &sim->member[any_number()];
    m->slow = !m->slow;
    if (sim_chance(300))
        m->stall = sim_below(STALL_NS);
}

static void strike_full(void)
{
    struct sim_member *m = &sim->member[any_number()];
    if (m->full_until == 0 && sim_chance(500)) {
        sim_say(1, "m%u: disk full", m->n);
        m->full_until = sim->now + (100 + sim_below(4000)) * MS;
        faultio_space(m->files, sim_below(40000));
    }
}

static void strike_clock(void)
{
    struct sim_member *m = &sim->member[any_number()];
    m->time.wall_off += (int64_t)sim_below(3600 * SECOND) - (int64_t)(1800 * SECOND);
}

static void strike_freeze(void)
{
    struct sim_member *m = &sim->member[any_number()];
    if (!m->up)
        return;
    m->frozen_until = sim->now + (100 + sim_below(2500)) * MS;
    sim_say(1, "m%u freezes for %lu ms", m->n, (m->frozen_until - sim->now) / MS);
}

static void strike_transfer(void)
{
    struct sim_member *m = member_leader();
    if (m == NULL)
        return;
    if (sim_chance(300)) {
        member_terminate(m->n, false);
        return;
    }
    sim->inside = m;
    if (consensus_transfer(m->engine->consensus, 0, engine_mono_ms(m->engine)) != 0)
        sim_say(1, "m%u cannot hand over", m->n);
    sim->inside = NULL;
    member_post(m);
}

static const struct {
    void (*strike)(void);
    size_t on; /* offset of a bool in struct weather */
    unsigned permille;
} strikes[] = {
    {strike_crash, offsetof(struct weather, crashes), 130},
    {strike_partition, offsetof(struct weather, partitions), 130},
    {strike_stream, offsetof(struct weather, partitions), 150},
    {strike_link, offsetof(struct weather, slow_links), 200},
    {strike_disk, offsetof(struct weather, crashes), 80},
    {strike_full, offsetof(struct weather, full), 60},
    {strike_clock, offsetof(struct weather, clock_steps), 100},
    {strike_freeze, offsetof(struct weather, freezes), 60},
    {members_strike, offsetof(struct weather, members), 60},
    {strike_transfer, offsetof(struct weather, transfers), 120},
};

void chaos_strike(void)
{
    if (sim->healed)
        return;
    for (size_t i = 0; i < sizeof(strikes) / sizeof(*strikes); i++)
        if (*((bool *)&sim->weather + strikes[i].on) && sim_chance(strikes[i].permille))
            strikes[i].strike();
    sim_push(strike_later());
}

/* Leaders die young. */
void chaos_elected(const struct sim_member *m)
{
    if (!sim->healed && sim->weather.crashes && sim_chance(sim->weather.fragile_pm))
        sim_push((struct item){.at = sim->now +
                                     sim_below(planted(PLANT_COMMIT_OLD_TERM) ? SECOND : 15 * MS),
                               .what = HAPPEN_CRASH,
                               .who = m->n,
                               .life = m->life});
}

void chaos_crash(unsigned n)
{
    member_crash(n, sim_chance(600));
    restart_later(n, sim->weather.restart_ms);
}

void chaos_heal(void)
{
    sim_say(1, "healed");
    sim->healed = true;
    if (sim->weather.transfers && sim->settle_at > sim->now + 10 * SECOND)
        sim->roll_at = sim->now + 5 * SECOND + sim_below(sim->settle_at - sim->now - 10 * SECOND);
    sim->weather.stall_pm = 0;
    for (unsigned i = 1; i <= MEMBERS; i++) {
        struct sim_member *m = &sim->member[i];
        for (unsigned k = 1; k <= MEMBERS; k++) {
            cut(i, k, false);
            sim->stream[i][k].slow = 0;
        }
        if (!m->exists)
            continue;
        member_disk_heals(m);
        if (!m->up && !m->removed)
            member_start(i);
    }
}

void chaos_roll(void)
{
    struct sim_member *m = member_leader();
    sim->roll_at = NEVER;
    if (m != NULL)
        member_terminate(m->n, true);
}

void chaos_probe(void)
{
    for (unsigned i = 1; i <= sim->used; i++) {
        struct sim_member *m = &sim->member[i];
        if (m->full_until != 0 && sim->now >= m->full_until) {
            m->full_until = 0;
            faultio_space(m->files, UINT64_MAX);
        }
    }
    members_probe();
    client_probe();
    time_late();
    sim_push((struct item){.at = sim->now + 500 * MS, .what = HAPPEN_PROBE});
}
