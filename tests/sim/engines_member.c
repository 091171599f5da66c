/* A member as its machine sees it: clock, disk, and the moments at which each of its threads would
 * get a turn. */
#include "engines.h"

#include "base/mem.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#define FULL_REFUSALS 40 /* then there is room again: a start may wait for it in a loop */

/* ---- clock ---- */

static uint64_t mono_ns(void *ctx)
{
    const struct sim_member *m = ctx;
    return m->time.mono_at + (uint64_t)((double)sim->now * m->time.rate);
}

static int64_t wall_ns(void *ctx)
{
    const struct sim_member *m = ctx;
    return WALL_NS + (int64_t)sim->now + m->time.wall_off;
}

uint64_t member_world_time(const struct sim_member *m, uint64_t mono)
{
    if (mono == NEVER)
        return NEVER;
    return mono <= m->time.mono_at
               ? 0
               : (uint64_t)ceil((double)(mono - m->time.mono_at) / m->time.rate);
}

/* The machine, or only the process, begins anew. */
static void new_clock(struct sim_member *m)
{
    double part = ((double)sim_below(2001) - 1000) / 1000;
    m->time.rate = 1 + part * sim->weather.rate_ppm / 1e6;
    m->time.mono_at = sim_below(1000 * SECOND);
    if (sim->weather.honest_clocks)
        m->time.wall_off = (int64_t)sim_below(40 * MS) - (int64_t)(20 * MS);
}

/* ---- disk ---- */

static int (*allocate_below)(void *ctx, int fd, uint64_t bytes);

static int counting_allocate(void *ctx, int fd, uint64_t bytes)
{
    struct sim_member *m = sim->inside;
    int rv = allocate_below(ctx, fd, bytes);
    if (rv == -ENOSPC && ++m->refusals > FULL_REFUSALS) {
        faultio_space(m->files, UINT64_MAX);
        m->full_until = 0;
        rv = allocate_below(ctx, fd, bytes);
    }
    return rv;
}

static uint64_t sync_time(struct sim_member *m)
{
    uint64_t t = (1 + sim_below(sim->weather.fsync_us)) * 1000;
    if (sim_chance(sim->weather.stall_pm))
        t += sim_below(300 * MS);
    if (m->slow)
        t += sim_below(250 * MS);
    t += m->stall;
    m->stall = 0;
    return t;
}

/* ---- life ---- */

struct span member_url(unsigned n)
{
    static struct span urls[MEMBERS + 1];
    static char text[MEMBERS + 1][24];
    if (urls[n].len == 0) {
        snprintf(text[n], sizeof(text[n]), "http://m%u:2380", n);
        urls[n] = span_of(text[n]);
    }
    return urls[n];
}

static void on_removed(void *ctx)
{
    ((struct sim_member *)ctx)->told = true;
}

void member_create(unsigned n)
{
    static char top[] = "d", wal[] = "d/wal", snap[] = "d/snap";
    struct sim_member *m = &sim->member[n];
    m->n = n;
    m->exists = true;
    m->founder = n <= sim->founders;
    m->life = m->stored_last = m->base = 0;
    m->up = m->slow = m->leaving = m->removed = m->told = false;
    m->full_until = m->frozen_until = m->stall = 0;
    m->id = 0x1000 + n;
    m->clock = (struct clock){mono_ns, wall_ns, m};
    m->files = faultio_new(sim_random());
    m->io = faultio_io(m->files);
    allocate_below = m->io.allocate;
    m->io.allocate = counting_allocate;
    m->dir = (struct datadir){.path = top, .wal = wal, .snap = snap, .lock_fd = -1};
    m->wire = wire_of(m);
    if (!sim->weather.honest_clocks)
        m->time.wall_off = (int64_t)sim_below(7200 * SECOND) - (int64_t)(3600 * SECOND);
    new_clock(m);
    m->step_at = m->log_at = m->job_at = NEVER;
}

static struct engine_conf conf_of(struct sim_member *m)
{
    static struct span urls[MEMBERS + 1];
    unsigned n = 0;
    unsigned last = m->founder ? sim->founders : sim->used;
    for (unsigned i = 1; i <= last; i++) {
        urls[i] = member_url(i);
        if (!sim->member[i].leaving || m->founder)
            m->founders[n++] =
                (struct founder){.id = sim->member[i].id, .n_peer_urls = 1, .peer_urls = &urls[i]};
    }
    return (struct engine_conf){.dir = &m->dir,
                                .cluster_id = sim->cluster_id,
                                .member_id = m->id,
                                .joins = !m->founder,
                                .n_founders = n,
                                .founders = m->founders,
                                .wire = &m->wire,
                                .name = span_of("member"),
                                .peer_urls = &urls[m->n],
                                .n_peer_urls = 1,
                                .client_urls = &urls[m->n],
                                .n_client_urls = 1,
                                .heartbeat_ms = 100,
                                .election_ms = 1000,
                                .snapshot_count = sim->weather.snapshot_every,
                                .snapshot_trailing = sim->weather.trailing,
                                .forget_entries = sim->weather.forget,
                                .segment_bytes = sim->weather.segment,
                                .history_events = sim->weather.history,
                                .clock = &m->clock,
                                .io = &m->io,
                                .removed = on_removed,
                                .ctx = m,
                                .stepped = true};
}

static void wake_at(struct sim_member *m, uint64_t at)
{
    if (at == NEVER)
        return;
    if (at < m->frozen_until)
        at = m->frozen_until;
    if (at < sim->now + 10000)
        at = sim->now + 10000;
    if (at >= m->step_at)
        return;
    m->step_at = at;
    sim_push((struct item){.at = at, .what = HAPPEN_STEP, .who = m->n, .life = m->life});
}

void member_post(struct sim_member *m)
{
    wake_at(m, sim->now + 1000 * (10 + sim_below(sim->weather.step_us)));
}

static void plan_log(struct sim_member *m)
{
    if (m->log_at != NEVER || m->appended <= wal_durable(m->engine->wal))
        return;
    m->log_at = sim->now + sync_time(m);
    sim_push((struct item){.at = m->log_at, .what = HAPPEN_LOG, .who = m->n, .life = m->life});
}

void member_disk_heals(struct sim_member *m)
{
    uint64_t soon = sim->now + 300 * MS;
    m->slow = false;
    m->stall = m->full_until = 0;
    faultio_space(m->files, UINT64_MAX);
    if (m->log_at == NEVER || m->log_at <= soon)
        return;
    m->log_at = soon;
    sim_push((struct item){.at = soon, .what = HAPPEN_LOG, .who = m->n, .life = m->life});
}

static void plan_job(struct sim_member *m)
{
    if (m->job_at != NEVER || m->engine->jobs == NULL)
        return;
    m->job_at = sim->now + (1 + sim_below(sim->weather.job_ms)) * MS;
    sim_push((struct item){.at = m->job_at, .what = HAPPEN_JOB, .who = m->n, .life = m->life});
}

/* What a turn of anything of M's leaves to be done. */
static void plan(struct sim_member *m)
{
    plan_log(m);
    plan_job(m);
    wake_at(m, member_world_time(m, engine_deadline_ns(m->engine)));
}

static void plan_spare(struct sim_member *m)
{
    sim_push((struct item){.at = sim->now + (5 + sim_below(150)) * MS,
                           .what = HAPPEN_SPARE,
                           .who = m->n,
                           .life = m->life});
}

static void plan_restart(const struct sim_member *m)
{
    sim_push((struct item){
        .at = sim->now + (20 + sim_below(1500)) * MS, .what = HAPPEN_RESTART, .who = m->n});
}

static int start_engine(struct sim_member *m, struct err *err)
{
    struct engine_conf conf = conf_of(m);
    struct engine *e;
    sim->inside = m;
    int rv = engine_start(&e, &conf, err);
    sim->inside = NULL;
    return rv;
}

void member_start(unsigned n)
{
    struct sim_member *m = &sim->member[n];
    struct err err = {.text = ""};
    m->life++;
    m->muted = m->leads = false;
    m->contact = 0;
    m->appended = m->applied = m->chain = m->read_index = 0;
    m->step_at = m->log_at = m->job_at = NEVER;
    m->refusals = 0;
    m->frozen_until = m->stop_at = 0;
    m->engine = NULL;
    new_clock(m);
    int rv = start_engine(m, &err);
    if (rv != 0) {
        m->engine = NULL;
        if (m->full_until == 0)
            sim_fail("START-REFUSED m%u: %s", n, err.text);
        sim_say(1, "m%u does not start: %s", n, err.text);
        plan_restart(m);
        return;
    }
    m->up = true;
    sim_say(1, "m%u starts, log %lu..%lu applied %lu", n, m->base + 1, m->stored_last, m->applied);
    plan(m);
    plan_spare(m);
    member_post(m);
}

/* The engine is gone; so is all that waited for it. */
static void gone(struct sim_member *m)
{
    m->engine = NULL;
    m->up = m->leads = false;
    wire_member_gone(m->n);
    watch_member_gone(m->n);
}

static void last_act(struct sim_member *m)
{
    static bool (*const acts[])(struct wal * w) = {wal_step, wal_spare_step};
    unsigned act = (unsigned)sim_below(4);
    faultio_power_off_at(m->files, act == 3 ? 0 : 1 + (unsigned)sim_below(6));
    if (act < 2)
        (void)acts[act](m->engine->wal);
    else if (act == 2)
        (void)job_step(m->engine);
    faultio_power_off_at(m->files, 0);
}

void member_crash(unsigned n, bool power)
{
    struct sim_member *m = &sim->member[n];
    if (!m->up)
        return;
    sim_say(1, "m%u crashes%s, durable %lu of %lu", n, power ? " without power" : "",
            wal_durable(m->engine->wal), m->appended);
    sim->total.crashes++;
    sim->inside = m;
    m->muted = true;
    last_act(m);
    engine_stop(m->engine);
    sim->inside = NULL;
    faultio_power_on(m->files, !power);
    gone(m);
}

void member_stop(unsigned n)
{
    struct sim_member *m = &sim->member[n];
    if (!m->up)
        return;
    sim_say(1, "m%u stops", n);
    sim->inside = m;
    engine_stop(m->engine);
    sim->inside = NULL;
    gone(m);
}

void member_terminate(unsigned n, bool healthy)
{
    struct sim_member *m = &sim->member[n];
    if (!m->up || m->stop_at != 0)
        return;
    sim_say(1, "m%u is told to end%s", n, m->leads ? ", and leads" : "");
    m->stop_at = sim->now + lead_step_down_ms(m->engine) * MS;
    m->healthy = healthy;
    lead_step_down(m->engine);
    sim_push((struct item){.at = m->stop_at, .what = HAPPEN_END, .who = n, .life = m->life});
    member_post(m);
}

/* A process ends when it has handed over, or has tried long enough. */
void member_end(struct sim_member *m)
{
    if (m->stop_at == 0 || (!m->engine->leading.down && sim->now < m->stop_at))
        return;
    if (m->healthy && !m->engine->leading.down)
        sim_fail("HAND-OVER m%u still leads at its end", m->n);
    sim->total.ends++;
    member_stop(m->n);
    plan_restart(m);
}

void member_forget(unsigned n)
{
    struct sim_member *m = &sim->member[n];
    if (!m->exists)
        return;
    if (m->up) {
        sim->inside = m;
        m->muted = true;
        faultio_power_off_at(m->files, 0);
        engine_stop(m->engine);
        sim->inside = NULL;
    }
    faultio_free(m->files);
}

/* ---- turns ---- */

static void step(struct sim_member *m)
{
    m->step_at = NEVER;
    engine_step(m->engine);
    truth_after_step(m);
}

static void log_turn(struct sim_member *m)
{
    if (sim->now < m->log_at)
        return; /* what stood still was done when the disk was healed */
    m->log_at = NEVER;
    if (wal_step(m->engine->wal)) {
        wake_at(m, sim->now + 1000 * (10 + sim_below(sim->weather.step_us)));
    } else {
        m->log_at = sim->now + 200 * MS; /* no room: the next try */
        sim_push((struct item){.at = m->log_at, .what = HAPPEN_LOG, .who = m->n, .life = m->life});
    }
}

static void spare_turn(struct sim_member *m)
{
    (void)wal_spare_step(m->engine->wal);
    plan_spare(m);
}

static void job_turn(struct sim_member *m)
{
    m->job_at = NEVER;
    if (job_step(m->engine))
        member_post(m);
}

static void leave(struct sim_member *m)
{
    if (!m->leaving)
        sim_fail("REMOVED m%u believes that it was", m->n);
    member_stop(m->n);
    m->removed = true;
}

/* Lets it run; a process that ends itself for its disk's sake is down like after a crash. */
static void run(struct sim_member *m, void (*turn)(struct sim_member *m))
{
    sim->inside = m;
    if (setjmp(sim->ended) == 0) {
        sim->may_end = true;
        turn(m);
        sim->may_end = false;
        sim->inside = NULL;
        if (m->told)
            leave(m);
        else
            plan(m);
        if (m->up)
            member_end(m);
        return;
    }
    sim->may_end = false;
    sim->inside = NULL;
    sim_say(1, "m%u ends itself", m->n);
    member_crash(m->n, false);
    plan_restart(m);
}

void member_step(struct sim_member *m)
{
    run(m, step);
}

void member_log(struct sim_member *m)
{
    run(m, log_turn);
}

void member_spare(struct sim_member *m)
{
    run(m, spare_turn);
}

void member_job(struct sim_member *m)
{
    run(m, job_turn);
}

CP_NORETURN void __wrap__exit(int code);
CP_NORETURN void __real__exit(int code);

void __wrap__exit(int code)
{
    if (sim->may_end)
        longjmp(sim->ended, 1);
    __real__exit(code);
}

/* Elections, salts and numbers are the world's choice too. */
uint64_t __wrap_rand_u64(void);

uint64_t __wrap_rand_u64(void)
{
    return sim_random();
}

/* ---- finding one ---- */

struct sim_member *member_by_id(uint64_t id)
{
    uint64_t n = id - 0x1000;
    return n >= 1 && n <= MEMBERS && sim->member[n].exists ? &sim->member[n] : NULL;
}

struct sim_member *member_of(const struct engine *e)
{
    struct sim_member *m = member_by_id(e->member_id);
    CP_ASSERT(m != NULL);
    return m;
}

struct sim_member *member_leader(void)
{
    struct sim_member *best = NULL;
    for (unsigned i = 1; i <= MEMBERS; i++) {
        struct sim_member *m = &sim->member[i];
        if (m->up && m->leads && (best == NULL || m->lead_term > best->lead_term))
            best = m;
    }
    return best;
}

struct sim_member *member_any(void)
{
    unsigned found[MEMBERS], n = 0;
    for (unsigned i = 1; i <= MEMBERS; i++)
        if (sim->member[i].up)
            found[n++] = i;
    return n > 0 ? &sim->member[found[sim_below(n)]] : NULL;
}
