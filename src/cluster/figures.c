/* figures: what the engine tells of itself to /metrics. It is gathered at the end of each turn, so
 * that whoever reads it needs no lock and stops nobody. */
#include "cluster/engine_priv.h"

#define LOOK_MS 100 /* between two looks at who has pinned what */

static void set(struct engine *e, enum engine_figure which, uint64_t value)
{
    atomic_store_explicit(&e->figures.now[which], value, memory_order_relaxed);
}

void figures_count(struct engine *e, enum engine_figure which)
{
    metric_count(&e->figures.now[which], 1);
}

/* Gives for how long the oldest pin has been behind, as far as anybody has looked. */
static uint64_t look_at_pins(struct engine *e, uint64_t now_ms)
{
    struct figures *f = &e->figures;
    uint64_t pin, age_ms = 0;
    if (!store_oldest_pin(e->store, &pin))
        pin = UINT64_MAX;
    pthread_mutex_lock(&e->lock);
    if (pin != f->pin) {
        f->pin = pin;
        f->pin_since_ms = now_ms;
    }
    if (pin != UINT64_MAX && now_ms > f->pin_since_ms)
        age_ms = now_ms - f->pin_since_ms;
    pthread_mutex_unlock(&e->lock);
    return age_ms;
}

void figures_store(struct engine *e)
{
    struct store_stats s;
    store_stats(e->store, &s);
    set(e, FIGURE_FILES, s.files);
    set(e, FIGURE_DIRS, s.dirs);
    set(e, FIGURE_VALUE_BYTES, s.value_bytes);
    set(e, FIGURE_MEMORY_BYTES, s.memory_bytes);
    set(e, FIGURE_DEAD_ITEMS, s.dead_items);
}

static void figures_quorum(struct engine *e)
{
    struct consensus_members now;
    unsigned voters = 0;
    consensus_members(e->consensus, &now);
    for (unsigned i = 0; i < now.n; i++)
        voters += now.m[i].role == MEMBER_VOTER;
    set(e, FIGURE_VOTERS, voters);
    set(e, FIGURE_STANDBYS, now.n - voters);
}

void figures_turn(struct engine *e)
{
    figures_store(e);
    figures_quorum(e);
    figures_count(e, FIGURE_TURNS);
    set(e, FIGURE_COMMITTED, consensus_commit_index(e->consensus));
    set(e, FIGURE_APPLIED, e->applied_index);
    set(e, FIGURE_PENDING, e->waiting.waits);
    set(e, FIGURE_IS_LEADER, consensus_role(e->consensus) == CONSENSUS_LEADER);
    set(e, FIGURE_SNAPSHOT_INDEX, e->snapshots.newest.index);
    set(e, FIGURE_SNAPSHOT_BYTES, e->snapshots.bytes);
    set(e, FIGURE_SNAPSHOT_RUNNING, e->snapshots.job != NULL);
    uint64_t now_ms = engine_mono_ms(e);
    if (now_ms - e->figures.looked_ms < LOOK_MS)
        return;
    e->figures.looked_ms = now_ms;
    (void)look_at_pins(e, now_ms);
}

void engine_figures(struct engine *e, struct engine_figures *out)
{
    for (unsigned i = 0; i < ENGINE_FIGURES; i++)
        out->now[i] = metric_get(&e->figures.now[i]);
    out->queue = atomic_load_explicit(&e->box.count, memory_order_relaxed);
    out->oldest_pin_ms = look_at_pins(e, engine_mono_ms(e));
    out->log_full = atomic_load_explicit(&e->log_trouble, memory_order_relaxed) != 0;
    out->snapshot = &e->figures.snapshot;
    out->log = wal_figures(e->wal);
}

void engine_poke(struct engine *e)
{
    mailbox_wake(&e->box);
}
