/* sim_consensus: runs seeds FROM … TO - 1 and says which broke a rule of raft, and how to see it
 * again. Usage: sim_consensus FROM TO [--guards-off N,N] [--reorder] [--small] [--calm] [-v]… */
#include "sim.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHAOS_MS = 8000, HEALED_MS = 9000, SETTLE_MS = 4000 };

/* Keeps options and totals. */
static void reset(uint64_t seed, bool broken)
{
    struct event_item e;
    while (sim_pop(&e))
        sim_drop(&e);
    for (unsigned i = 1; i <= NODES; i++) {
        /* After a violation consensus stands in the middle of a call: it is left alone. */
        if (sim->nodes[i].up && !broken)
            consensus_free(sim->nodes[i].consensus);
        node_reset(&sim->nodes[i]);
    }
    check_reset();
    memset(sim->term_leader, 0, sizeof sim->term_leader);
    memset(sim->partition, 0, sizeof sim->partition);
    memset(sim->slow, 0, sizeof sim->slow);
    memset(sim->last_delivery, 0, sizeof sim->last_delivery);
    sim->committed = sim->acked = sim->acked_max = 0;
    sim->next_value = 1;
    sim->late_elections = sim->stall_seen = sim->stall_max = 0;
    sim->now = 1000;
    sim->seed = seed;
    sim->random = seed * 0x9E3779B97F4A7C15ULL + 0x1234567;
    for (int i = 0; i < 8; i++)
        sim_random();
}

static void found_cluster(void)
{
    struct consensus_members members;
    unsigned n = chaos_founders(&members);
    struct log_entry first = {
        .term = 1, .type = ENTRY_CHANGE, .payload = consensus_bootstrap(&members)};
    sim->nodes_used = n;
    for (unsigned i = 1; i <= n; i++)
        node_create(i, &first);
    blob_unref(first.payload);
    for (unsigned i = 1; i <= n; i++)
        node_start(i);
}

static void handle(struct event_item *e)
{
    struct node *n = &sim->nodes[e->node];
    bool alive = n->up && n->life == e->life;
    switch (e->type) {
    case EV_MESSAGE:
        if (n->up && net_connected((unsigned)e->message->from, e->node)) {
            struct peer_message *m = e->message;
            e->message = NULL;
            node_message(n, m);
        }
        break;
    case EV_FSYNC:
        if (alive)
            node_synced(n);
        break;
    case EV_TIMER:
        if (alive && n->timer == e->arg)
            node_timer(n);
        break;
    case EV_SNAPSHOT_DONE:
        if (alive)
            node_snapshot_done(n, e->mark);
        break;
    case EV_INSTALL_DONE:
        if (alive)
            node_install_done(n);
        break;
    case EV_RESTART:
        if (!n->up)
            node_start(e->node);
        break;
    case EV_CLIENT:
        chaos_client();
        break;
    case EV_CHAOS:
        chaos_strike();
        break;
    }
}

/* Chaos for 8 to 16 s, then 9 s healed; the last 5 of them must be quiet. */
static void run(void)
{
    struct event_item e;
    bool healed = false;
    chaos_weather();
    found_cluster();
    sim_push((struct event_item){.at = sim->now + 50, .type = EV_CLIENT});
    sim_push((struct event_item){.at = sim->now + 100, .type = EV_CHAOS});
    sim->end = sim->now + CHAOS_MS + sim_below(CHAOS_MS);
    sim->hard_end = sim->end + HEALED_MS;
    sim->quiet_from = sim->stall_from = sim->end + SETTLE_MS;
    while (sim_pop(&e)) {
        if (e.at > sim->now)
            sim->now = e.at;
        if (sim->now > sim->hard_end) {
            sim_drop(&e);
            break;
        }
        if (!healed && sim->now > sim->end) {
            healed = true;
            chaos_heal();
        }
        check_progress();
        handle(&e);
        sim_drop(&e);
    }
    check_end();
}

static void how_to_repeat(void)
{
    printf("seed %lu at %lu ms: %s\n  repeat: sim_consensus %lu %lu", sim->seed, sim->now, sim->why,
           sim->seed, sim->seed + 1);
    for (unsigned i = 0, n = 0; i < 32; i++)
        if (sim->opt.guards_off & 1u << i)
            printf("%s%u", n++ == 0 ? " --guards-off " : ",", i);
    printf("%s%s%s -v\n", sim->opt.reorder ? " --reorder" : "", sim->opt.small ? " --small" : "",
           sim->opt.calm ? " --calm" : "");
    fflush(stdout);
}

static bool run_seed(uint64_t seed, bool last_broken)
{
    reset(seed, last_broken);
    sim->quiet_from = UINT64_MAX;
    if (setjmp(sim->broken) != 0) {
        how_to_repeat();
        return true;
    }
    run();
    sim->total.committed += sim->committed;
    sim->total.acked += sim->acked;
    return false;
}

static int usage(void)
{
    fputs("usage: sim_consensus FROM TO [--guards-off N,N] [--reorder] [--small] [--calm] [-v]\n",
          stderr);
    return 2;
}

static bool parse_options(char **args)
{
    for (; *args != NULL; args++) {
        if (strcmp(*args, "--reorder") == 0)
            sim->opt.reorder = true;
        else if (strcmp(*args, "--small") == 0)
            sim->opt.small = true;
        else if (strcmp(*args, "--calm") == 0)
            sim->opt.calm = true;
        else if (strcmp(*args, "-v") == 0)
            sim->opt.verbose++;
        else if (strcmp(*args, "--guards-off") == 0 && args[1] != NULL)
            for (char *p = *++args; *p != '\0'; p += *p == ',')
                sim->opt.guards_off |= 1u << (strtoul(p, &p, 10) & 31);
        else
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    if (argc < 3 || !parse_options(argv + 3))
        return usage();
    uint64_t from = strtoull(argv[1], NULL, 0), to = strtoull(argv[2], NULL, 0);
    unsigned bad = 0;
    bool broken = false;
    log_set_level(LOG_ERROR);
    for (uint64_t seed = from; seed < to; seed++) {
        broken = run_seed(seed, broken);
        bad += broken;
    }
    reset(0, broken);
    mem_free(sim->queue);
    printf("seeds %lu..%lu: %u bad; %lu calls, %lu committed, %lu acked, %lu elections, "
           "%lu changes, %lu transfers, %lu installs, %lu crashes, %lu times forgotten\n",
           from, to, bad, sim->total.calls, sim->total.committed, sim->total.acked,
           sim->total.elections, sim->total.changes, sim->total.transfers, sim->total.installs,
           sim->total.crashes, sim->total.forgotten);
    return bad > 0 ? 1 : 0;
}
