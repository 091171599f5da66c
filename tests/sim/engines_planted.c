/* Mistakes that a program like this one may have, put where the linker or the wire lets them in:
 * the shipped code has no door for them. Each must be found. */
#include "engines.h"

#include "base/mem.h"

const char *const planted_names[PLANTS] = {
    [PLANT_NOTHING] = "nothing",
    [PLANT_VOTE_NOT_PERSISTED] = "vote-not-persisted",
    [PLANT_ANSWER_BEFORE_SYNC] = "answer-before-sync",
    [PLANT_COMMIT_OLD_TERM] = "commit-old-term",
    [PLANT_READ_UNCONFIRMED] = "read-unconfirmed",
    [PLANT_LOCAL_CLOCK] = "local-clock",
    [PLANT_DUPLICATE_APPLY] = "duplicate-apply",
    [PLANT_FORWARD_RETRIED] = "forward-retried",
    [PLANT_INSTALL_WITHOUT_MARK] = "install-without-mark",
    [PLANT_HISTORY_GAP] = "history-gap",
};

void planted_reset(void)
{
}

bool planted_wire(struct sim_member *m, struct sim_member *to, struct frame *f)
{
    (void)m;
    (void)to;
    (void)f;
    return false;
}

void planted_lost(struct frame *f)
{
    (void)f;
}

/* Everything that was appended counts as durable. */
void __wrap_consensus_durable(struct consensus *c, uint64_t lsn, uint64_t now_ms);
void __real_consensus_durable(struct consensus *c, uint64_t lsn, uint64_t now_ms);

void __wrap_consensus_durable(struct consensus *c, uint64_t lsn, uint64_t now_ms)
{
    if (planted(PLANT_ANSWER_BEFORE_SYNC))
        lsn = sim->inside->appended;
    __real_consensus_durable(c, lsn, now_ms);
}

/* The member's own wall clock in the place of the cluster's time. */
int64_t __wrap_timekeeper_now(struct timekeeper *t);
int64_t __real_timekeeper_now(struct timekeeper *t);

int64_t __wrap_timekeeper_now(struct timekeeper *t)
{
    if (planted(PLANT_LOCAL_CLOCK))
        return clock_wall_ns(t->clock);
    return __real_timekeeper_now(t);
}
