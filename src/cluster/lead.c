#include "cluster/lead.h"

#include "base/log.h"
#include "cluster/engine_priv.h"

#include <errno.h>
#include <time.h>

#define RETRY_MS 20
/* between two hand-overs because of a disk that does not move, and of one without room */
#define REST_MS         30000
#define NO_ROOM_REST_MS 5000

#define CAUSE_NO_LEADER "etcdserver: no leader"

static bool leads_others(const struct engine *e)
{
    return consensus_role(e->consensus) == CONSENSUS_LEADER && !consensus_sole_voter(e->consensus);
}

/* ---- handing over ---- */

static bool hand_over(struct engine *e, const char *reason)
{
    int rv = consensus_transfer(e->consensus, 0, engine_mono_ms(e));
    if (rv == 0)
        log_info("leader.hand_over", LOG_S("reason", reason));
    return rv == 0;
}

static void step_down(struct engine *e)
{
    struct leading *l = &e->leading;
    if (!leads_others(e)) {
        pthread_mutex_lock(&e->lock);
        l->down = true;
        pthread_cond_broadcast(&e->stepped_down);
        pthread_mutex_unlock(&e->lock);
    } else if (engine_mono_ms(e) >= l->retry_ms) {
        (void)hand_over(e, "this member stops");
        l->retry_ms = engine_mono_ms(e) + RETRY_MS;
    }
}

/* Without room it refuses every write, those of the others' clients too, who may have room. */
static bool look_for_room(struct engine *e, uint64_t now)
{
    if (atomic_load(&e->log_trouble) == 0)
        return true;
    if (now >= e->leading.rest_ms && leads_others(e) &&
        hand_over(e, "the log has no room on this member's disk"))
        e->leading.rest_ms = now + NO_ROOM_REST_MS;
    return false;
}

/* A leader acknowledges only what a majority has, so a slow disk of its own costs its clients
 * nothing as long as the others are quick; but one that does not move for so long is better off as
 * a follower. */
static void look_at_disk(struct engine *e)
{
    struct leading *l = &e->leading;
    uint64_t durable = wal_durable(e->wal), now = engine_mono_ms(e);
    bool behind = durable < l->lsn;
    if (!behind || durable != l->stuck_lsn || l->stuck_ms == 0) {
        l->stuck_lsn = durable;
        l->stuck_ms = behind ? now : 0;
    }
    if (!look_for_room(e, now))
        return;
    if (l->stuck_ms == 0 || now - l->stuck_ms < 2 * (uint64_t)e->conf.election_ms ||
        now < l->rest_ms || !leads_others(e))
        return;
    if (hand_over(e, "the log makes no headway on this member's disk"))
        l->rest_ms = now + REST_MS;
}

uint64_t lead_step_down_ms(const struct engine *e)
{
    return 2 * (uint64_t)e->conf.election_ms;
}

void lead_step_down(struct engine *e)
{
    atomic_store(&e->leading.stepping_down, true);
    mailbox_wake(&e->box);
}

void engine_hand_over(struct engine *e)
{
    uint64_t most_ns = lead_step_down_ms(e) * (uint64_t)NS_PER_MS;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + most_ns;
    until.tv_sec += (time_t)(ns / (uint64_t)NS_PER_S);
    until.tv_nsec = (long)(ns % (uint64_t)NS_PER_S);
    pthread_mutex_lock(&e->lock);
    lead_step_down(e);
    while (!e->leading.down &&
           pthread_cond_timedwait(&e->stepped_down, &e->lock, &until) != ETIMEDOUT)
        continue;
    pthread_mutex_unlock(&e->lock);
}

/* ---- without a leader ---- */

static uint64_t patience_ms(const struct engine *e)
{
    return 5000 + 2 * (uint64_t)e->conf.election_ms;
}

static void end_watch(struct watcher *w)
{
    struct watch *watch = CP_CONTAINER_OF(w, struct watch, watcher);
    watch->ended(watch);
}

static void miss_leader(struct engine *e)
{
    struct leading *l = &e->leading;
    uint64_t now = engine_mono_ms(e);
    if (consensus_leader(e->consensus) != 0) {
        l->lost_ms = 0;
        l->alone = false;
        return;
    }
    if (l->lost_ms == 0)
        l->lost_ms = now;
    if (now - l->lost_ms < patience_ms(e))
        return;
    if (!l->alone)
        log_warn("leader.missed", LOG_U("watches", hub_watchers(e->hub)),
                 LOG_S("effect", "watches are ended, reads may be old until there is one"));
    l->alone = true;
    hub_end(e->hub, UINT64_MAX, end_watch);
    reads_fail(e, CAUSE_NO_LEADER);
}

bool lead_is_alone(const struct engine *e)
{
    return e->leading.alone;
}

void lead_turn(struct engine *e)
{
    if (atomic_load_explicit(&e->leading.stepping_down, memory_order_relaxed))
        step_down(e);
    else
        look_at_disk(e);
    miss_leader(e);
}

uint64_t lead_deadline_ms(const struct engine *e)
{
    const struct leading *l = &e->leading;
    uint64_t due = UINT64_MAX;
    if (l->lost_ms != 0 && !l->alone)
        due = l->lost_ms + patience_ms(e);
    if (atomic_load(&l->stepping_down) && leads_others(e) && l->retry_ms < due)
        due = l->retry_ms;
    return due;
}
