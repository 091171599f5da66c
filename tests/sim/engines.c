/* sim_engines: runs clusters of whole members, one seed after the other.
 *
 * Usage: sim_engines [--members N] [--plant NAME] [--seconds N] [--no-snapshots]
 *                     [-v|-vv] [--quiet] FROM TO
 * Runs the seeds FROM … TO - 1. Ends with 1 when one breaks a promise, and says how to repeat it.
 */
#include "engines.h"

#include "base/log.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOMENT_EVENTS 20000
#define HANG_S        300 /* of a seed; they take less than one */

static void happen(struct item *it)
{
    struct sim_member *m = it->what <= HAPPEN_CRASH ? &sim->member[it->who] : NULL;
    if (m != NULL && (!m->up || m->life != it->life))
        return;
    switch (it->what) {
    case HAPPEN_STEP:
        if (it->at == m->step_at)
            member_step(m);
        break;
    case HAPPEN_LOG:
        member_log(m);
        break;
    case HAPPEN_SPARE:
        member_spare(m);
        break;
    case HAPPEN_JOB:
        member_job(m);
        break;
    case HAPPEN_END:
        member_end(m);
        break;
    case HAPPEN_CRASH:
        if (!sim->healed)
            chaos_crash(it->who);
        break;
    case HAPPEN_FRAME:
        wire_arrive(it->parcel);
        break;
    case HAPPEN_RESTART:
        if (!sim->member[it->who].up && !sim->member[it->who].removed)
            member_start(it->who);
        break;
    case HAPPEN_CLIENT:
        client_turn(it->who);
        break;
    case HAPPEN_WATCH:
        watch_turn(it->who, it->life);
        break;
    case HAPPEN_CHAOS:
        chaos_strike();
        break;
    case HAPPEN_PROBE:
        chaos_probe();
        break;
    }
}

/* Time has to pass: a member that always has something due at once would go on for ever. */
static void count_moment(uint64_t at)
{
    static uint64_t n;
    n = at / MS == sim->now / MS ? n + 1 : 0;
    if (n > MOMENT_EVENTS)
        sim_fail("SPINNING %lu events within a millisecond", n);
}

/* All stand at the same entry in the end: something may just have expired. */
static void run(void)
{
    struct item it = {.parcel = NULL};
    chaos_weather();
    chaos_begin();
    while (sim_pop(&it) &&
           (it.at < sim->end || (it.at < sim->end + 3 * SECOND && !truth_together()))) {
        count_moment(it.at);
        sim->now = it.at;
        sim->total.events++;
        if (sim->now >= sim->chaos_end && !sim->healed)
            chaos_heal();
        if (sim->now >= sim->roll_at)
            chaos_roll();
        if (sim->now >= sim->settle_at && !sim->settling)
            client_settle();
        happen(&it);
        it.parcel = NULL;
    }
    parcel_free(it.parcel);
    truth_converged();
    client_end();
}

static void reset(void)
{
    struct item it;
    while (sim_pop(&it))
        parcel_free(it.parcel);
    truth_reset();
    time_reset();
    client_reset();
    for (unsigned i = 0; i <= MEMBERS; i++)
        sim->member[i].exists = sim->member[i].up = sim->member[i].removed =
            sim->member[i].unproven = false;
    memset(sim->stream, 0, sizeof(sim->stream));
    memset(sim->client, 0, sizeof(sim->client));
    memset(sim->watch, 0, sizeof(sim->watch));
    memset(sim->key_modified, 0, sizeof(sim->key_modified));
    memset(sim->term_leader, 0, sizeof(sim->term_leader));
    sim->now = sim->order = sim->floor = sim->jumped_at = 0;
    sim->n_ops = 0;
    sim->healed = sim->settling = sim->reshaping = false;
    sim->inside = NULL;
    sim->why[0] = '\0';
    planted_reset();
}

static void say_how_to_repeat(void)
{
    char line[256];
    int n = snprintf(line, sizeof(line), "repeat: sim_engines --seconds %u", sim->opt.seconds);
    if (sim->opt.members > 0)
        n += snprintf(line + n, sizeof(line) - (size_t)n, " --members %u", sim->opt.members);
    if (sim->opt.planted != PLANT_NOTHING)
        n += snprintf(line + n, sizeof(line) - (size_t)n, " --plant %s",
                      planted_names[sim->opt.planted]);
    n += snprintf(line + n, sizeof(line) - (size_t)n, " -v %lu %lu\n", sim->seed, sim->seed + 1);
    (void)!write(STDOUT_FILENO, line, (size_t)n);
}

/* An assertion of the members' own is a finding like any other, and so is a loop without end. */
static void on_abort(int sig)
{
    say_how_to_repeat();
    signal(sig, SIG_DFL);
    raise(sig);
}

/* True when the seed keeps every promise. */
static bool run_seed(uint64_t seed)
{
    sim->seed = seed;
    sim->random = sim_mix(0x5eed, seed) | 1;
    alarm(HANG_S);
    bool whole = setjmp(sim->broken) == 0;
    if (whole)
        run();
    else
        printf("seed %lu at %.4f s: %s\n", seed, (double)sim->now / (double)SECOND, sim->why);
    sim->total.runs++;
    sim->total.virtual_ns += sim->now;
    if (!whole) {
        say_how_to_repeat();
        fflush(stdout);
    }
    for (unsigned i = 1; i <= MEMBERS && whole; i++)
        member_forget(i);
    reset();
    return whole;
}

static void say_totals(uint64_t failed)
{
    const struct totals *t = &sim->total;
    printf(
        "%lu seeds, %lu failed; %.0f virtual seconds; %lu events, %lu entries, %lu acknowledged "
        "(%lu "
        "refused), %lu without an outcome, %lu reads, %lu quorum reads, %lu watched, %lu expired, "
        "%lu elections, %lu crashes, %lu ends, %lu installs, %lu changes, %lu transfers, "
        "%lu times forgotten, %lu snapshots owed\n",
        t->runs, failed, (double)t->virtual_ns / (double)SECOND, t->events, t->entries, t->acked,
        t->refused, t->unknown, t->reads, t->quorum_reads, t->watched, t->expired, t->elections,
        t->crashes, t->ends, t->installs, t->changes, t->transfers, t->forgotten, t->owed);
}

static unsigned plant_of(const char *name)
{
    for (unsigned i = 0; i < PLANTS; i++)
        if (strcmp(planted_names[i], name) == 0)
            return i;
    fprintf(stderr, "no such plant: %s\n", name);
    exit(2);
}

static unsigned number(const char *s)
{
    return (unsigned)strtoul(s, NULL, 0);
}

int main(int argc, char **argv)
{
    static struct sim_member members[MEMBERS + 1];
    uint64_t range[2] = {1, 2}, failed = 0;
    unsigned n = 0;
    bool quiet = false;
    sim->member = members;
    sim->opt.seconds = 60;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--members") == 0 && i + 1 < argc)
            sim->opt.members = number(argv[++i]);
        else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc)
            sim->opt.seconds = number(argv[++i]);
        else if (strcmp(argv[i], "--no-snapshots") == 0)
            sim->opt.no_snapshots = true;
        else if (strcmp(argv[i], "--plant") == 0 && i + 1 < argc)
            sim->opt.planted = plant_of(argv[++i]);
        else if (strcmp(argv[i], "--quiet") == 0)
            quiet = true;
        else if (argv[i][0] == '-' && argv[i][1] == 'v')
            sim->opt.verbose = (int)strlen(argv[i]) - 1;
        else if (n < 2)
            range[n++] = strtoull(argv[i], NULL, 0);
    }
    log_set_level(sim->opt.verbose > 1 ? LOG_DEBUG : LOG_ERROR);
    if (quiet || sim->opt.verbose == 0)
        log_set_level(LOG_ERROR + 1);
    signal(SIGABRT, on_abort);
    signal(SIGSEGV, on_abort);
    signal(SIGALRM, on_abort);
    reset();
    for (uint64_t seed = range[0]; seed < range[1]; seed++) {
        bool whole = run_seed(seed);
        failed += !whole;
        if (!whole && sim->opt.planted != PLANT_NOTHING)
            break;
    }
    if (!quiet)
        say_totals(failed);
    return failed > 0;
}
