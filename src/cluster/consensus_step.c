/* One step of the core and what its update asks of us, in the order that keeps it safe: term and
 * vote, entries, snapshot, messages, role, commit. Follow-up events are fed from consensus_settle,
 * never from inside an update: the core keeps only one. */
#include "cluster/consensus_priv.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void consensus_fatal(const struct consensus *c, const char *what)
{
    if (c->ops.fatal != NULL)
        c->ops.fatal(c->ctx, what);
    log_error("consensus.broken", LOG_S("what", what), LOG_S("core", c->raft.errmsg),
              LOG_U("term", raft_current_term(&c->raft)), LOG_U("last", c->log.last),
              LOG_U("applied", c->applied));
    abort();
}

void consensus_at(struct consensus *c, uint64_t now_ms)
{
    if (now_ms > c->now)
        c->now = now_ms;
}

struct raft_entry consensus_raw_entry(const struct log_entry *e, void *batch)
{
    return (struct raft_entry){
        .term = e->term,
        .type = (enum raft_entry_type)e->type,
        .buf = {.base = e->payload->data, .len = e->payload->len},
        .batch = batch,
    };
}

struct raft_entry *consensus_raw_entries(struct consensus *c, const struct log_entry *entries,
                                         size_t n, void *batch)
{
    if (n > c->scratch_slots) {
        c->scratch_slots = n;
        c->scratch = mem_realloc(c->scratch, n * sizeof *c->scratch);
    }
    for (size_t i = 0; i < n; i++)
        c->scratch[i] = consensus_raw_entry(&entries[i], batch);
    return c->scratch;
}

/* Appends N entries at INDEX to log and cache. An index we have is the only notice of a truncation.
 */
static void take_entries(struct consensus *c, uint64_t index, const struct log_entry *entries,
                         unsigned n)
{
    if (index <= c->log.last) {
        CONSENSUS_CHECK(c, index > c->applied, "the core replaces what is applied");
        CONSENSUS_CHECK(c, index > c->log.base, "the core replaces what is compacted");
        logcache_truncate(&c->log, index);
    }
    CONSENSUS_CHECK(c, index == c->log.last + 1, "gap in the log");
    uint64_t lsn = c->ops.log_entries(c->ctx, index, entries, n);
    for (unsigned i = 0; i < n; i++) {
        logcache_push(&c->log, &entries[i], lsn);
        c->taken_bytes += entries[i].payload->len;
    }
}

/* Returns the index of the barrier, when that is what the entries are; else 0. */
static uint64_t handle_entries(struct consensus *c, const struct raft_event *ev,
                               const struct raft_update *u)
{
    if (u->entries.batch == &c->raft.barrier) {
        /* Its eight bytes say nothing; the memory is ours. */
        struct log_entry barrier = {
            .term = c->raft.barrier.term, .type = ENTRY_BARRIER, .payload = c->nothing};
        take_entries(c, u->entries.index, &barrier, 1);
        raft_free(c->raft.barrier.batch);
        return u->entries.index;
    }
    CONSENSUS_CHECK(c, c->fed != NULL && u->entries.batch >= c->scratch,
                    "entries that nobody sent");
    take_entries(c, u->entries.index, c->fed + (u->entries.batch - c->scratch), u->entries.n);
    if (ev->type == RAFT_RECEIVE)
        raft_free(u->entries.batch[0].batch);
    return 0;
}

static void handle_snapshot(struct consensus *c, const struct raft_update *u)
{
    CONSENSUS_CHECK(c, !c->installing, "two installs at once");
    c->installing = true;
    c->install_conf = u->snapshot.metadata.configuration;
    c->install = (struct snapshot_mark){.index = u->snapshot.metadata.index,
                                        .term = u->snapshot.metadata.term,
                                        .members_index = u->snapshot.metadata.configuration_index};
    members_from_raft(&c->install_conf, &c->install.members);
    raft_free(u->snapshot.chunk.base);
    c->ops.install(c->ctx, &c->install);
}

/* The core only says how many entries; they come from the cache. */
static struct peer_message *translate_append(struct consensus *c, const struct raft_message *m)
{
    const struct raft_append_entries *a = &m->append_entries;
    struct peer_message *p =
        peer_message_new(PEER_APPEND, c->conf.self, m->server_id, a->n_entries);
    p->term = a->term;
    p->append.prev_index = a->prev_log_index;
    p->append.prev_term = a->prev_log_term;
    p->append.commit = a->leader_commit;
    consensus_told_commit(c, m->server_id, a->leader_commit);
    for (unsigned i = 0; i < a->n_entries; i++) {
        const struct cached_entry *e = logcache_get(&c->log, a->prev_log_index + 1 + i);
        CONSENSUS_CHECK(c, e != NULL, "the core sends what the cache has not");
        p->append.entries[i] = e->entry;
        blob_ref(e->entry.payload);
    }
    return p;
}

/* NULL: what the core takes for a snapshot was only forgotten. It asks again, with the next
 * heartbeat that is rejected, until there is one. */
static struct peer_message *translate_snapshot(struct consensus *c, const struct raft_message *m)
{
    consensus_follower(c, m->server_id)->snapshot = m->install_snapshot.last_index;
    if (c->saved_index < m->install_snapshot.last_index)
        return NULL;
    struct peer_message *p = peer_message_new(PEER_SNAPSHOT, c->conf.self, m->server_id, 0);
    p->term = m->install_snapshot.term;
    c->ops.snapshot(c->ctx, p->snapshot.mark);
    CONSENSUS_CHECK(c, p->snapshot.mark->index >= m->install_snapshot.last_index,
                    "the core sends a snapshot we have not");
    return p;
}

/* Tests: what the core asserts in builds of its own. The change it waits for is one, and was not
 * applied long ago (guard 1). */
static void audit_pending(const struct consensus *c)
{
    uint64_t pending = c->raft.configuration_uncommitted_index;
    if (!c->conf.audit || c->installing || pending == 0)
        return;
    const struct cached_entry *e = logcache_get(&c->log, pending);
    CONSENSUS_CHECK(c, e == NULL || e->entry.type == ENTRY_CHANGE, "waits for no change");
    CONSENSUS_CHECK(c, pending > c->applied, "waits for what was applied");
}

/* Tests: the core sends nobody what it knows them to have (guard 5). */
static void audit_append(const struct consensus *c, const struct raft_message *m)
{
    raft_index match;
    if (c->conf.audit && raft_match_index(&c->raft, m->server_id, &match) == 0)
        CONSENSUS_CHECK(c, m->append_entries.prev_log_index >= match, "sends what is known there");
}

/* NULL: there is nothing to be sent. */
static struct peer_message *translate(struct consensus *c, const struct raft_message *m)
{
    uint64_t self = c->conf.self;
    struct peer_message *p;
    switch (m->type) {
    case RAFT_APPEND_ENTRIES:
        audit_append(c, m);
        return translate_append(c, m);
    case RAFT_INSTALL_SNAPSHOT:
        return translate_snapshot(c, m);
    case RAFT_APPEND_ENTRIES_RESULT:
        p = peer_message_new(PEER_APPEND_RESULT, self, m->server_id, 0);
        p->term = m->append_entries_result.term;
        p->append_result.rejected = m->append_entries_result.rejected;
        p->append_result.last_index = m->append_entries_result.last_log_index;
        return p;
    case RAFT_REQUEST_VOTE:
        p = peer_message_new(PEER_VOTE, self, m->server_id, 0);
        p->term = m->request_vote.term;
        p->vote.last_index = m->request_vote.last_log_index;
        p->vote.last_term = m->request_vote.last_log_term;
        p->vote.disrupt = m->request_vote.disrupt_leader;
        p->vote.pre_vote = m->request_vote.pre_vote;
        return p;
    case RAFT_REQUEST_VOTE_RESULT:
        p = peer_message_new(PEER_VOTE_RESULT, self, m->server_id, 0);
        p->term = m->request_vote_result.term;
        p->vote_result.granted = m->request_vote_result.vote_granted;
        p->vote_result.pre_vote = m->request_vote_result.pre_vote;
        return p;
    case RAFT_TIMEOUT_NOW:
        p = peer_message_new(PEER_TIMEOUT_NOW, self, m->server_id, 0);
        p->term = m->timeout_now.term;
        p->timeout_now.last_index = m->timeout_now.last_log_index;
        p->timeout_now.last_term = m->timeout_now.last_log_term;
        return p;
    }
    consensus_fatal(c, "message of an unknown type");
}

static void handle_messages(struct consensus *c, const struct raft_update *u)
{
    for (unsigned i = 0; i < u->messages.n; i++) {
        const struct raft_message *m = &u->messages.batch[i];
        if (m->server_id == 0 || m->server_id == c->conf.self)
            continue; /* the answer to our own vote of guard 2 */
        struct peer_message *p = translate(c, m);
        if (p == NULL)
            continue;
        p->gate = c->gate;
        guard_stale_result(c, p, c->fed_term);
        guard_pre_vote_term(c, p);
        guard_change_durable(c, p);
        list_add_tail(&c->outbox, &p->link);
    }
}

void consensus_flush(struct consensus *c)
{
    while (!list_empty(&c->outbox)) {
        struct peer_message *m = CP_CONTAINER_OF(c->outbox.next, struct peer_message, link);
        if (m->gate > c->durable)
            return;
        list_del(&m->link);
        c->ops.send(c->ctx, m);
    }
}

void consensus_tell_role(struct consensus *c)
{
    enum consensus_role role = consensus_role(c);
    uint64_t term = consensus_term(c);
    uint64_t leader = consensus_leader(c);
    if (role == c->told.role && term == c->told.term && leader == c->told.leader)
        return;
    c->told.role = role;
    c->told.term = term;
    c->told.leader = leader;
    c->ops.role(c->ctx, role, term, leader);
}

/* A follower that takes a later term from somebody's vote keeps the leader of the one before: what
 * it would forward to that in the new term would be neither taken nor certainly lost. */
static void note_leader(struct consensus *c, const struct raft_event *ev)
{
    if (ev->type != RAFT_RECEIVE || raft_state(&c->raft) != RAFT_FOLLOWER)
        return;
    const struct raft_message *m = ev->receive.message;
    raft_term term = m->type == RAFT_APPEND_ENTRIES     ? m->append_entries.term
                     : m->type == RAFT_INSTALL_SNAPSHOT ? m->install_snapshot.term
                                                        : 0;
    if (term == raft_current_term(&c->raft))
        c->leader_term = term;
}

static void handle_update(struct consensus *c, const struct raft_event *ev,
                          const struct raft_update *u, bool led_before)
{
    uint64_t barrier = 0;
    if (u->flags & (RAFT_UPDATE_CURRENT_TERM | RAFT_UPDATE_VOTED_FOR))
        c->gate = c->ops.log_state(c->ctx, raft_current_term(&c->raft), raft_voted_for(&c->raft));
    if (u->flags & RAFT_UPDATE_ENTRIES)
        barrier = handle_entries(c, ev, u);
    if (u->flags & RAFT_UPDATE_SNAPSHOT)
        handle_snapshot(c, u);
    if (u->flags & RAFT_UPDATE_MESSAGES)
        handle_messages(c, u);
    consensus_flush(c);
    if (barrier != 0)
        c->barrier = barrier;
    else if (raft_state(&c->raft) == RAFT_LEADER && !led_before)
        c->barrier = 0;
    if (raft_state(&c->raft) == RAFT_LEADER && !led_before)
        memset(c->followers, 0, sizeof(c->followers));
    uint64_t commit = raft_commit_index(&c->raft);
    if (!guard_on(c, RULE_COMMIT_MAX))
        CONSENSUS_CHECK(c, commit >= c->commit || c->installing, "the commit index went down");
    if (commit > c->commit)
        c->commit = commit;
    note_leader(c, ev);
    consensus_tell_role(c);
}

int consensus_feed(struct consensus *c, struct raft_event *ev, const struct log_entry *entries)
{
    struct raft_update u;
    bool led_before = ev->type != RAFT_START && raft_state(&c->raft) == RAFT_LEADER;
    ev->time = c->now;
    ev->capacity = 0;
    c->fed = entries;
    int rv = raft_step(&c->raft, ev, &u);
    if (rv != 0) {
        CONSENSUS_CHECK(
            c, ev->type == RAFT_SUBMIT || ev->type == RAFT_TRANSFER || ev->type == RAFT_START,
            raft_strerror(rv));
        return rv;
    }
    handle_update(c, ev, &u, led_before);
    return 0;
}

/* A change was applied: the core gets it back as committed. It ignores those it does not wait for.
 */
static void feed_configuration(struct consensus *c, uint64_t index,
                               const struct consensus_members *members)
{
    struct raft_event ev = {.type = RAFT_CONFIGURATION};
    ev.configuration.index = index;
    members_to_raft(members, &ev.configuration.conf);
    consensus_feed(c, &ev, NULL);
}

void consensus_feed_committed_change(struct consensus *c, uint64_t index)
{
    struct consensus_members members;
    const struct cached_entry *e = logcache_get(&c->log, index);
    CP_ASSERT(e != NULL);
    int rv = consensus_members_decode(blob_span(e->entry.payload), &members);
    CONSENSUS_CHECK(c, rv == 0, "damaged change of membership");
    feed_configuration(c, index, &members);
}

static void apply_one(struct consensus *c, uint64_t index)
{
    const struct cached_entry *e = logcache_get(&c->log, index);
    CONSENSUS_CHECK(c, e != NULL, "committed, but not in the cache");
    struct log_entry entry = e->entry;
    c->applied = index;
    c->applied_term = entry.term;
    if (entry.type != ENTRY_CHANGE) {
        c->ops.apply(c->ctx, index, &entry);
        return;
    }
    int rv = consensus_members_decode(blob_span(entry.payload), &c->members);
    CONSENSUS_CHECK(c, rv == 0, "damaged change of membership");
    c->members_index = index;
    c->ops.apply(c->ctx, index, &entry);
    feed_configuration(c, index, &c->members);
}

int consensus_submit_one(struct consensus *c, struct log_entry *e)
{
    struct raft_event ev = {.type = RAFT_SUBMIT};
    e->term = raft_current_term(&c->raft);
    /* The core only asks that the token is not NULL, and does not free it. */
    ev.submit.entries = consensus_raw_entries(c, e, 1, c);
    ev.submit.n = 1;
    return consensus_feed(c, &ev, e);
}

/* 13. Without an entry of the own term nothing tells what is committed: the known flaw of one
 * change at a time. The core adds a barrier only when its log ends above its commit index, and
 * never as sole voter. */
static bool submit_barrier(struct consensus *c)
{
    if (raft_state(&c->raft) != RAFT_LEADER || c->barrier != 0 || raft_transferee(&c->raft) != 0 ||
        !guard_on(c, GUARD_OWN_BARRIER))
        return false;
    struct log_entry barrier = {.type = ENTRY_BARRIER, .payload = c->nothing};
    uint64_t index = c->log.last + 1;
    if (consensus_submit_one(c, &barrier) != 0)
        return false;
    c->barrier = index;
    return true;
}

void consensus_settle(struct consensus *c)
{
    do {
        while (!c->installing && c->applied < c->commit)
            apply_one(c, c->applied + 1);
    } while (submit_barrier(c));
    audit_pending(c);
}

/* Computed from the cache whenever something became durable, never remembered from a request:
 * completions that a truncation has overtaken are harmless so. */
void consensus_feed_persisted(struct consensus *c)
{
    if (c->installing && guard_on(c, RULE_INSTALL_PERSIST))
        return;
    uint64_t stored = c->installing ? c->log.base : c->raft.last_stored;
    uint64_t to = stored;
    const struct cached_entry *e;
    while ((e = logcache_get(&c->log, to + 1)) != NULL && e->lsn <= c->durable)
        to++;
    if (to == stored)
        return;
    struct raft_event ev = {.type = RAFT_PERSISTED_ENTRIES};
    ev.persisted_entries.index = to;
    consensus_feed(c, &ev, NULL);
    consensus_settle(c);
}
