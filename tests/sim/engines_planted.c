/* Mistakes that a program like this one may have, put where the linker or the wire lets them in:
 * the shipped code has no door for them. Each must be found. */
#include "engines.h"

#include "base/mem.h"
#include "cluster/consensus_priv.h"

#include <string.h>

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
    [PLANT_TRANSFER_FORGOTTEN] = "transfer-forgotten",
    [PLANT_PURGE_FORGOTTEN] = "purge-forgotten",
    [PLANT_FORGET_UNAPPLIED] = "forget-unapplied",
    [PLANT_SNAPSHOT_NOT_OWED] = "snapshot-not-owed",
};

static struct frame *last_forward[MEMBERS + 1]; /* that arrived, of each member */

/* Commit by counting: what the members' logs hold, and how far each follower says it has it. */
static struct {
    struct log_entry entry[INDEX_MAX];
    uint64_t match[MEMBERS + 1], term;
} counted[MEMBERS + 1];

void planted_reset(void)
{
    for (unsigned i = 0; i <= MEMBERS; i++) {
        frame_free(last_forward[i]);
        last_forward[i] = NULL;
    }
    if (!planted(PLANT_COMMIT_OLD_TERM))
        return;
    for (unsigned i = 0; i <= MEMBERS; i++) {
        for (unsigned k = 0; k < INDEX_MAX; k++)
            blob_unref(counted[i].entry[k].payload);
        memset(&counted[i], 0, sizeof(counted[i]));
    }
}

/* ---- the wire ---- */

/* The leader takes it for granted that it still leads. */
static bool confirm_at_once(struct sim_member *m, struct sim_member *to, struct frame *f)
{
    struct frame *answer = frame_new(FRAME_CONFIRMED, to->id, m->id);
    answer->confirm = f->confirm;
    frame_free(f);
    wire_post(answer);
    return true;
}

/* A new leader sends entries of earlier terms alone for a while: as without the entry with which a
 * leader begins its term. True: nothing is left to be sent. */
static bool cut_off_own_term(const struct sim_member *m, struct frame *f)
{
    struct peer_message *p = f->message;
    if (p->type != PEER_APPEND || p->append.n == 0 || sim->now > m->lead_since + SECOND)
        return false;
    while (p->append.n > 0 && p->append.entries[p->append.n - 1].term == p->term)
        blob_unref(p->append.entries[--p->append.n].payload);
    return p->append.n == 0;
}

bool planted_wire(struct sim_member *m, struct sim_member *to, struct frame *f)
{
    if (planted(PLANT_READ_UNCONFIRMED) && f->type == FRAME_CONFIRM)
        return confirm_at_once(m, to, f);
    if (!planted(PLANT_COMMIT_OLD_TERM) || f->type != FRAME_MESSAGE || !cut_off_own_term(m, f))
        return false;
    frame_free(f);
    return true;
}

void planted_arrived(struct frame *f, struct frame *(*copy)(const struct frame *))
{
    if (!planted(PLANT_FORWARD_RETRIED) || f->type != FRAME_FORWARD)
        return;
    unsigned n = member_by_id(f->from)->n;
    frame_free(last_forward[n]);
    last_forward[n] = copy(f);
}

/* FROM's stream broke: it cannot know what became of the last it forwarded, and sends it again. */
struct frame *planted_broken(unsigned from)
{
    struct frame *f = last_forward[from];
    struct sim_member *leader = member_leader();
    if (f == NULL || leader == NULL || leader->n == from)
        return NULL;
    last_forward[from] = NULL;
    f->to = leader->id;
    f->forward.number += UINT64_C(1) << 32;
    f->forward.term = leader->lead_term;
    return f;
}

/* ---- consensus ---- */

uint64_t planted_state(struct sim_member *m, uint64_t term, uint64_t vote)
{
    return m->ops->log_state(m->engine, term, planted(PLANT_VOTE_NOT_PERSISTED) ? 0 : vote);
}

void planted_stored(struct sim_member *m, uint64_t index, const struct log_entry *e)
{
    if (!planted(PLANT_COMMIT_OLD_TERM))
        return;
    blob_ref(e->payload);
    blob_unref(counted[m->n].entry[index].payload);
    counted[m->n].entry[index] = *e;
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

static bool on_majority(const struct sim_member *m, uint64_t index)
{
    unsigned n = 1;
    for (unsigned i = 1; i <= sim->founders; i++)
        n += i != m->n && counted[m->n].match[i] >= index;
    return 2 * n > sim->founders;
}

static void count_result(struct sim_member *m, const struct peer_message *p)
{
    if (counted[m->n].term != m->lead_term)
        memset(counted[m->n].match, 0, sizeof(counted[m->n].match));
    counted[m->n].term = m->lead_term;
    if (m->leads && p->type == PEER_APPEND_RESULT && p->append_result.rejected == 0 &&
        p->term == m->lead_term)
        counted[m->n].match[member_by_id(p->from)->n] = p->append_result.last_index;
}

/* An entry is taken for committed once a majority has it, whatever its term. */
static void commit_counted(struct sim_member *m)
{
    uint64_t i;
    while (m->leads && (i = m->applied + 1) <= m->stored_last &&
           counted[m->n].entry[i].payload != NULL && counted[m->n].entry[i].term < m->lead_term &&
           on_majority(m, i)) {
        struct log_entry e = counted[m->n].entry[i];
        truth_before(m, i, &e);
        m->ops->apply(m->engine, i, &e);
        truth_applied(m, i, &e);
    }
}

/* Consensus comes to it later, when it was done already. */
bool planted_done(const struct sim_member *m, uint64_t index)
{
    return planted(PLANT_COMMIT_OLD_TERM) && index <= m->engine->applied_index;
}

void __wrap_consensus_receive(struct consensus *c, struct peer_message *p, uint64_t now_ms);
void __real_consensus_receive(struct consensus *c, struct peer_message *p, uint64_t now_ms);

void __wrap_consensus_receive(struct consensus *c, struct peer_message *p, uint64_t now_ms)
{
    struct sim_member *m = sim->inside;
    if (planted(PLANT_COMMIT_OLD_TERM))
        count_result(m, p);
    if (!m->muted)
        time_heard(m, member_by_id(p->from)->n, p);
    __real_consensus_receive(c, p, now_ms);
    if (planted(PLANT_COMMIT_OLD_TERM) && !m->muted)
        commit_counted(m);
}

/* A leader takes it for done, and does nothing. */
int __wrap_consensus_transfer(struct consensus *c, uint64_t target, uint64_t now_ms);
int __real_consensus_transfer(struct consensus *c, uint64_t target, uint64_t now_ms);

int __wrap_consensus_transfer(struct consensus *c, uint64_t target, uint64_t now_ms)
{
    int rv = planted(PLANT_TRANSFER_FORGOTTEN) ? 0 : __real_consensus_transfer(c, target, now_ms);
    if (rv == 0) {
        sim->total.transfers++;
        sim_say(1, "m%u hands over", sim->inside->n);
    }
    return rv;
}

/* What is forgotten in memory is taken for needless on the disk; or more is forgotten than was
 * applied. */
void planted_forgotten(struct sim_member *m, struct consensus *c)
{
    if (planted(PLANT_PURGE_FORGOTTEN))
        wal_purge(m->engine->wal, consensus_first_index(c) - 1);
    if (planted(PLANT_FORGET_UNAPPLIED))
        logcache_trim(&c->log, c->log.last + 1);
}

/* Nobody makes one for who comes later. */
bool __wrap_consensus_snapshot_owed(const struct consensus *c);
bool __real_consensus_snapshot_owed(const struct consensus *c);

bool __wrap_consensus_snapshot_owed(const struct consensus *c)
{
    bool owed = __real_consensus_snapshot_owed(c) && !planted(PLANT_SNAPSHOT_NOT_OWED);
    sim->total.owed += owed;
    return owed;
}

int __real_consensus_submit(struct consensus *c, struct log_entry *entries, unsigned n,
                            uint64_t now_ms, uint64_t *first);

/* One command of many goes into the log once more. */
void planted_submitted(struct consensus *c, const struct log_entry *e, uint64_t now_ms)
{
    if (!planted(PLANT_DUPLICATE_APPLY) || !sim_chance(20))
        return;
    uint64_t index;
    struct log_entry again = {.type = e->type, .payload = blob_copy(blob_span(e->payload))};
    (void)__real_consensus_submit(c, &again, 1, now_ms, &index);
    blob_unref(again.payload);
}

/* ---- time and watches ---- */

/* The member's own wall clock in the place of the cluster's time. */
int64_t __wrap_timekeeper_now(struct timekeeper *t);
int64_t __real_timekeeper_now(struct timekeeper *t);

int64_t __wrap_timekeeper_now(struct timekeeper *t)
{
    if (planted(PLANT_LOCAL_CLOCK))
        return clock_wall_ns(t->clock);
    return __real_timekeeper_now(t);
}

/* The newest events of a snapshot's history are forgotten. */
void __wrap_hub_restore(struct hub *h, uint64_t oldest, uint64_t last, struct event *const *events,
                        size_t n);
void __real_hub_restore(struct hub *h, uint64_t oldest, uint64_t last, struct event *const *events,
                        size_t n);

void __wrap_hub_restore(struct hub *h, uint64_t oldest, uint64_t last, struct event *const *events,
                        size_t n)
{
    __real_hub_restore(h, oldest, last, events, planted(PLANT_HISTORY_GAP) && n > 5 ? n - 5 : n);
}
