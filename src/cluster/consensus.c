#include "cluster/consensus_priv.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>

/* The shared object of Debian hides this one; the archive has it. */
int raft_version_number(void) __attribute__((weak));

/* Whether the library is of the line whose rules of ownership we follow: in the next one the
 * entries of an update are allocated, here they are those of the event. */
static bool ownership_as_expected(void)
{
    struct raft r;
    struct raft_update u;
    struct consensus_members self = {.n = 1, .m = {{.id = 1, .role = MEMBER_VOTER}}};
    struct blob *members = consensus_bootstrap(&self);
    struct log_entry first = {.term = 1, .type = ENTRY_CHANGE, .payload = members};
    struct raft_entry change = consensus_raw_entry(&first, &first);
    struct raft_entry barrier = {.term = 1, .type = RAFT_BARRIER, .buf = {&r, 1}, .batch = &r};
    struct raft_event start = {
        .type = RAFT_START,
        .time = 1,
        .start = {.term = 1, .voted_for = 1, .start_index = 1, .entries = &change, .n_entries = 1}};
    struct raft_event submit = {
        .type = RAFT_SUBMIT, .time = 1, .submit = {.entries = &barrier, .n = 1}};
    if (raft_init(&r, NULL, NULL, 1, "self") != 0)
        return false;
    r.tracer = NULL;
    bool same = raft_step(&r, &start, &u) == 0 && raft_step(&r, &submit, &u) == 0 &&
                u.entries.batch == &barrier && r.last_stored == 1;
    raft_close(&r, NULL);
    blob_unref(members);
    return same;
}

int consensus_check_library(struct err *e)
{
    _Static_assert(RAFT_VERSION_NUMBER == 2201, "the guards are written for libraft 0.22.1");
    if (raft_version_number != NULL && raft_version_number() != RAFT_VERSION_NUMBER)
        return err_set(e, ERR_VERSION,
                       "libraft %d.%d.%d is not 0.22.1, the only one supported; install that one",
                       raft_version_number() / 10000, raft_version_number() / 100 % 100,
                       raft_version_number() % 100);
    if (!ownership_as_expected())
        return err_set(e, ERR_VERSION,
                       "libraft does not behave as 0.22.1, the only one supported; install that "
                       "one, as Debian has it");
    return 0;
}

const char *consensus_library_version(void)
{
    return "0.22.1";
}

struct consensus *consensus_new(const struct consensus_conf *conf, const struct consensus_ops *ops,
                                void *ctx)
{
    char address[ADDRESS_BYTES];
    CP_ASSERT(conf->self != 0);
    CP_ASSERT(conf->heartbeat_ms > 0 && conf->heartbeat_ms < conf->election_ms);
    struct consensus *c = mem_zalloc(sizeof *c);
    c->conf = *conf;
    c->ops = *ops;
    c->ctx = ctx;
    c->fed_term = UINT64_MAX;
    c->nothing = blob_new(0);
    list_init(&c->outbox);
    logcache_init(&c->log, 0, 0);
    member_address(conf->self, address);
    int rv = raft_init(&c->raft, NULL, NULL, conf->self, address);
    CP_ASSERT(rv == 0);
    c->raft.tracer = NULL; /* the default one formats every line, enabled or not */
    raft_seed(&c->raft, (unsigned)(conf->seed ^ conf->seed >> 32));
    raft_set_election_timeout(&c->raft, conf->election_ms);
    raft_set_heartbeat_timeout(&c->raft, conf->heartbeat_ms);
    raft_set_install_snapshot_timeout(&c->raft, conf->install_ms);
    raft_set_max_inflight_entries(&c->raft, conf->max_inflight);
    raft_set_pre_vote(&c->raft, true);
    return c;
}

void consensus_free(struct consensus *c)
{
    if (c == NULL)
        return;
    raft_close(&c->raft, NULL);
    if (c->installing)
        raft_configuration_close(&c->install_conf);
    while (!list_empty(&c->outbox)) {
        struct peer_message *m = CP_CONTAINER_OF(c->outbox.next, struct peer_message, link);
        list_del(&m->link);
        peer_message_free(m);
    }
    logcache_fini(&c->log);
    blob_unref(c->nothing);
    mem_free(c->scratch);
    mem_free(c);
}

static int refusal(const struct consensus *c, int rv)
{
    switch (rv) {
    case 0:
        return 0;
    case RAFT_NOTLEADER: /* also while we hand over */
        return consensus_role(c) == CONSENSUS_LEADER ? ERR_BUSY : ERR_NOT_LEADER;
    case RAFT_NOSPACE:
        return ERR_FULL;
    case RAFT_CANTCHANGE:
        return ERR_BUSY;
    case RAFT_NOTFOUND:
        return ERR_NOT_FOUND;
    case RAFT_BADID:
    case RAFT_MALFORMED:
        return ERR_USAGE;
    default:
        consensus_fatal(c, raft_strerror(rv));
    }
}

int consensus_submit(struct consensus *c, struct log_entry *entries, unsigned n, uint64_t now_ms,
                     uint64_t *first)
{
    struct raft_event ev = {.type = RAFT_SUBMIT};
    consensus_at(c, now_ms);
    if (raft_state(&c->raft) != RAFT_LEADER)
        return ERR_NOT_LEADER;
    CP_ASSERT(n > 0);
    for (unsigned i = 0; i < n; i++) {
        CP_ASSERT(entries[i].type != ENTRY_CHANGE);
        entries[i].term = raft_current_term(&c->raft);
    }
    *first = c->log.last + 1;
    ev.submit.entries = consensus_raw_entries(c, entries, n, c);
    ev.submit.n = n;
    int rv = refusal(c, consensus_feed(c, &ev, entries));
    if (rv == 0)
        consensus_settle(c);
    return rv;
}

int consensus_change(struct consensus *c, const struct consensus_members *to, uint64_t now_ms,
                     uint64_t *index)
{
    struct consensus_members now, next;
    consensus_at(c, now_ms);
    if (raft_state(&c->raft) != RAFT_LEADER)
        return ERR_NOT_LEADER;
    if (raft_transferee(&c->raft) != 0 ||
        (c->raft.configuration_uncommitted_index != 0 && guard_on(c, RULE_ONE_CHANGE)) ||
        (!consensus_settled(c) && guard_on(c, GUARD_OWN_BARRIER)))
        return ERR_BUSY;
    members_from_raft(&c->raft.configuration, &now);
    int rv = members_change(c, &now, to, &next);
    if (rv != 0)
        return rv;
    /* Alone in its event: refused together with others it would leave them in the core's table. */
    struct log_entry change = {.type = ENTRY_CHANGE, .payload = members_encode(&next)};
    *index = c->log.last + 1;
    rv = refusal(c, consensus_submit_one(c, &change));
    blob_unref(change.payload);
    if (rv == 0)
        consensus_settle(c);
    return rv;
}

int consensus_transfer(struct consensus *c, uint64_t target, uint64_t now_ms)
{
    struct raft_event ev = {.type = RAFT_TRANSFER};
    ev.transfer.server_id = target;
    consensus_at(c, now_ms);
    int rv = refusal(c, consensus_feed(c, &ev, NULL));
    if (rv == 0)
        consensus_settle(c);
    return rv;
}

void consensus_durable(struct consensus *c, uint64_t lsn, uint64_t now_ms)
{
    consensus_at(c, now_ms);
    if (lsn <= c->durable)
        return;
    c->durable = lsn;
    consensus_flush(c);
    consensus_feed_persisted(c);
    consensus_take_over(c);
}

void consensus_tick(struct consensus *c, uint64_t now_ms)
{
    consensus_at(c, now_ms);
    if (c->now < consensus_deadline_ms(c))
        return;
    c->last_tick = c->now;
    if (guard_sole_tick_due(c)) {
        consensus_raise_term(c);
        consensus_settle(c);
        return;
    }
    guard_non_voter_leader(c);
    guard_candidate_retry(c);
    struct raft_event ev = {.type = RAFT_TIMEOUT};
    consensus_feed(c, &ev, NULL);
    consensus_settle(c);
}

/* 9. As leader the timer counts former members too: it would be due for ever. And each tick takes a
 * pipeline back that had no answer since the last one. */
uint64_t consensus_deadline_ms(const struct consensus *c)
{
    uint64_t due = raft_timeout(&c->raft);
    uint64_t soonest = c->last_tick + c->conf.heartbeat_ms / 2;
    if (consensus_role(c) == CONSENSUS_LEADER && due < soonest && guard_on(c, GUARD_LEADER_TICK))
        return soonest;
    return due;
}

static struct snapshot_mark mark_of_applied(const struct consensus *c)
{
    return (struct snapshot_mark){.index = c->applied,
                                  .term = c->applied_term,
                                  .members_index = c->members_index,
                                  .members = c->members};
}

bool consensus_snapshot_begin(const struct consensus *c, struct snapshot_mark *mark)
{
    if (c->installing || c->members_index == 0 || c->applied <= c->saved_index)
        return false;
    /* A leader may commit ahead of its own disk. A snapshot there breaks the core. */
    if (c->applied > c->raft.last_stored && guard_on(c, RULE_SNAPSHOT_DURABLE))
        return false;
    *mark = mark_of_applied(c);
    return true;
}

static void metadata_of(const struct snapshot_mark *mark, struct raft_snapshot_metadata *out)
{
    out->index = mark->index;
    out->term = mark->term;
    out->configuration_index = mark->members_index;
    members_to_raft(&mark->members, &out->configuration);
}

static void feed_snapshot(struct consensus *c, const struct snapshot_mark *mark, unsigned trailing)
{
    struct raft_event ev = {.type = RAFT_SNAPSHOT};
    metadata_of(mark, &ev.snapshot.metadata);
    ev.snapshot.trailing = trailing;
    consensus_feed(c, &ev, NULL);
    c->snapshot_index = mark->index;
    /* Exactly what the core keeps: it asks for any entry of that, and for none before it. */
    logcache_trim(&c->log, c->raft.trail.offset + 1);
    consensus_settle(c);
}

bool consensus_snapshot_done(struct consensus *c, const struct snapshot_mark *mark,
                             unsigned trailing, uint64_t now_ms)
{
    consensus_at(c, now_ms);
    if (c->installing || c->saved_index >= mark->index)
        return false;
    c->saved_index = mark->index;
    /* What was forgotten meanwhile may reach beyond it; the core never goes back. */
    if (c->snapshot_index < mark->index)
        feed_snapshot(c, mark, trailing);
    return true;
}

#define FORGET_BYTES (UINT64_C(4) << 20)

/* Nobody else has the log, nor is anybody about to. */
static bool is_alone(const struct consensus *c)
{
    const struct raft_configuration *conf = &c->raft.configuration;
    return c->raft.state == RAFT_LEADER && conf->n == 1 && conf->servers[0].id == c->conf.self &&
           c->raft.configuration_uncommitted_index == 0;
}

void consensus_forget(struct consensus *c, unsigned entries, uint64_t now_ms)
{
    consensus_at(c, now_ms);
    if (c->applied - c->log.base < entries && c->taken_bytes < FORGET_BYTES)
        return;
    if (!is_alone(c) || c->installing || c->members_index == 0 || c->applied <= c->snapshot_index ||
        c->applied > c->raft.last_stored)
        return;
    /* To the core it is a snapshot like any other. */
    struct snapshot_mark mark = mark_of_applied(c);
    c->taken_bytes = 0;
    feed_snapshot(c, &mark, 0);
}

bool consensus_snapshot_owed(const struct consensus *c)
{
    return c->snapshot_index > c->saved_index && c->raft.configuration.n > 1;
}

bool consensus_reclaim(struct consensus *c, unsigned n)
{
    return logcache_reclaim(&c->log, n);
}

void consensus_installed(struct consensus *c, uint64_t now_ms)
{
    struct raft_event ev = {.type = RAFT_PERSISTED_SNAPSHOT};
    consensus_at(c, now_ms);
    CP_ASSERT(c->installing);
    CONSENSUS_CHECK(c, c->applied <= c->install.index, "the snapshot is behind what is applied");
    uint64_t lsn = c->ops.log_mark(c->ctx, c->install.index, c->install.term);
    int rv = c->ops.log_sync(c->ctx, NULL);
    CP_ASSERT(rv == 0);
    c->durable = lsn;
    logcache_reset(&c->log, c->install.index, c->install.term);
    c->applied = c->snapshot_index = c->saved_index = c->install.index;
    c->applied_term = c->install.term;
    c->members = c->install.members;
    c->members_index = c->install.members_index;
    if (c->commit < c->applied)
        c->commit = c->applied;
    c->installing = false;
    consensus_flush(c);
    ev.persisted_snapshot.metadata.index = c->install.index;
    ev.persisted_snapshot.metadata.term = c->install.term;
    ev.persisted_snapshot.metadata.configuration_index = c->install.members_index;
    ev.persisted_snapshot.metadata.configuration = c->install_conf;
    ev.persisted_snapshot.last = true;
    consensus_feed(c, &ev, NULL);
    consensus_settle(c);
}

enum consensus_role consensus_role(const struct consensus *c)
{
    switch (c->raft.state) {
    case RAFT_LEADER:
        return CONSENSUS_LEADER;
    case RAFT_CANDIDATE:
        return CONSENSUS_CANDIDATE;
    default:
        return CONSENSUS_FOLLOWER;
    }
}

uint64_t consensus_term(const struct consensus *c)
{
    return raft_current_term(&c->raft);
}

uint64_t consensus_leader(const struct consensus *c)
{
    if (c->raft.state == RAFT_LEADER)
        return c->conf.self;
    return c->raft.state == RAFT_FOLLOWER && c->leader_term == c->raft.current_term
               ? c->raft.follower_state.current_leader.id
               : 0;
}

uint64_t consensus_last_index(const struct consensus *c)
{
    return c->log.last;
}

uint64_t consensus_commit_index(const struct consensus *c)
{
    return c->commit;
}

uint64_t consensus_applied_index(const struct consensus *c)
{
    return c->applied;
}

uint64_t consensus_first_index(const struct consensus *c)
{
    return c->log.base + 1;
}

bool consensus_settled(const struct consensus *c)
{
    return c->raft.state == RAFT_LEADER && c->barrier != 0 && c->commit >= c->barrier;
}

bool consensus_sole_voter(const struct consensus *c)
{
    const struct raft_configuration *conf = &c->raft.configuration;
    bool self = false;
    for (unsigned i = 0; i < conf->n; i++) {
        if (conf->servers[i].role != RAFT_VOTER)
            continue;
        if (conf->servers[i].id != c->conf.self)
            return false;
        self = true;
    }
    return self;
}

void consensus_members(const struct consensus *c, struct consensus_members *out)
{
    members_from_raft(&c->raft.configuration, out);
}
