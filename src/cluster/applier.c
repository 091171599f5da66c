/* applier: what consensus asks of the member: records into the log, committed entries into the
 * store, and from there events to the hub and outcomes to the requests that wait. Engine thread
 * only. */
#include "cluster/engine_priv.h"

#include "base/log.h"
#include "base/mem.h"
#include "codec/render.h"
#include "disk/advice.h"
#include "store/account.h"
#include "store/read.h"

#include <stdlib.h>
#include <unistd.h>

void engine_done(struct engine *e, struct proposal *p)
{
    blob_unref(p->command);
    p->command = NULL;
    p->mail.next = NULL;
    *e->done_last = &p->mail;
    e->done_last = &p->mail.next;
}

void engine_fail(struct engine *e, struct proposal *p, const char *cause)
{
    p->code = V2_RAFT_INTERNAL;
    buf_clear(&p->cause);
    buf_span(&p->cause, span_of(cause));
    p->etcd_index = 0;
    figures_count(e, FIGURE_FAILED);
    engine_done(e, p);
}

/* ---- records ---- */

static uint64_t log_state(void *ctx, uint64_t term, uint64_t vote)
{
    struct engine *e = ctx;
    struct wal_record r = {.type = WAL_STATE, .state = {.term = term, .vote = vote}};
    return e->leading.lsn = wal_append(e->wal, &r);
}

static uint64_t log_entries(void *ctx, uint64_t first, const struct log_entry *entries, unsigned n)
{
    struct engine *e = ctx;
    uint64_t lsn = 0;
    for (unsigned i = 0; i < n; i++) {
        e->snapshots.log_bytes += entries[i].payload->len;
        struct wal_record r = {.type = WAL_ENTRY,
                               .entry = {.index = first + i,
                                         .term = entries[i].term,
                                         .kind = (uint8_t)entries[i].type,
                                         .payload = blob_span(entries[i].payload)}};
        lsn = wal_append(e->wal, &r);
        if (entries[i].type == ENTRY_COMMAND)
            timekeeper_logged(&e->time, command_stamp_of(entries[i].payload));
    }
    return e->leading.lsn = lsn;
}

static uint64_t log_mark(void *ctx, uint64_t index, uint64_t term)
{
    struct engine *e = ctx;
    struct wal_record r = {.type = WAL_MARK, .mark = {.index = index, .term = term}};
    return e->leading.lsn = wal_append(e->wal, &r);
}

static int log_sync(void *ctx, struct err *err)
{
    struct engine *e = ctx;
    int rv = 0;
    if (err == NULL)
        wal_sync(e->wal);
    else
        rv = wal_sync_start(e->wal);
    if (rv == 0)
        return 0;
    (void)err_sys(err, -rv, "%s is full, and what every start writes finds no room",
                  e->conf.dir->wal);
    disk_advise(err);
    return rv;
}

/* ---- committed entries ---- */

bool engine_existed(void *ctx, const struct event *event, struct span path)
{
    struct engine *e = ctx;
    const struct node *node;
    size_t cause_len;
    (void)event;
    const struct version *before = store_pin(e->store, ENGINE_SLOT);
    bool stood = read_find(before, path, &node, &cause_len) == V2_OK;
    store_unpin(e->store, ENGINE_SLOT);
    return stood;
}

/* The hub is told before the version changes, so that it can ask what stood below a deleted
 * directory. What it pushes is passed on at the end of the turn: a watcher can read what it is
 * told. */
void engine_publish(struct engine *e)
{
    if (!e->dirty)
        return;
    hub_publish(e->hub, e->events, e->events_n);
    while (e->events_n > 0)
        event_unref(e->events[--e->events_n]);
    store_publish(e->store);
    e->dirty = false;
}

/* Renders what was done, and keeps the event until the turn's changes are announced. P, if someone
 * waits, gets the event as its answer. The result is used up. */
static void render(struct engine *e, const struct store_result *r, int64_t stamp_ns,
                   struct proposal *p)
{
    struct event *event = render_event(r, stamp_ns);
    if (p != NULL)
        p->event = event_ref(event);
    e->events[e->events_n++] = event;
    e->dirty = true;
    if (e->events_n == EVENTS_MAX)
        engine_publish(e);
}

static void burn(struct engine *e)
{
    engine_publish(e);
    hub_skip(e->hub, store_burn(e->store));
    e->dirty = true;
}

static void count(struct engine *e, enum engine_counter which)
{
    uint64_t n = atomic_load_explicit(&e->counters[which], memory_order_relaxed);
    atomic_store_explicit(&e->counters[which], n + 1, memory_order_relaxed);
}

static void count_op(struct engine *e, enum v2_action action, bool ok)
{
    static const enum engine_counter of_action[] = {
        [V2_SET] = COUNT_SET_OK,       [V2_CREATE] = COUNT_CREATE_OK,
        [V2_UPDATE] = COUNT_UPDATE_OK, [V2_COMPARE_AND_SWAP] = COUNT_CAS_OK,
        [V2_DELETE] = COUNT_DELETE_OK, [V2_COMPARE_AND_DELETE] = COUNT_CAD_OK,
    };
    CP_ASSERT(action > V2_GET && action < V2_EXPIRE);
    count(e, of_action[action] + (ok ? 0 : 1));
}

static void apply_op(struct engine *e, uint64_t index, const struct command *c)
{
    struct store_result r;
    struct proposal *p = c->origin == e->member_id ? waiting_take(&e->waiting, c->request) : NULL;
    enum v2_code code = store_apply(e->store, &c->op, c->stamp_ns, &r);
    count_op(e, r.action, code == V2_OK);
    if (p != NULL) {
        p->code = code;
        p->etcd_index = r.index;
        p->raft_index = index;
        p->raft_term = e->applied_term;
        if (code != V2_OK)
            buf_span(&p->cause, r.cause);
        engine_done(e, p);
    }
    if (code == V2_OK)
        render(e, &r, c->stamp_ns, p);
}

static void apply_expire(struct engine *e, const struct command *c)
{
    struct store_result r;
    for (uint32_t n = 0; n < c->expire_max && store_expire_next(e->store, c->stamp_ns, &r); n++) {
        count(e, COUNT_EXPIRE);
        render(e, &r, c->stamp_ns, NULL);
    }
    e->expiring = false;
}

/* What members and the cluster level cost in store indexes: etcd keeps them in the same tree. */
static void burn_many(struct engine *e, unsigned n)
{
    while (n-- > 0)
        burn(e);
}

static void answer_member(struct engine *e, uint64_t index, const struct command *c,
                          enum member_outcome outcome)
{
    struct proposal *p = c->origin == e->member_id ? waiting_take(&e->waiting, c->request) : NULL;
    if (p == NULL)
        return;
    const struct member *m = member_find(&e->members, c->member.id);
    p->code = V2_OK;
    p->member.outcome = (int)outcome;
    p->member.id = c->member.id;
    if (c->kind == COMMAND_MEMBER_ADD && outcome == MEMBER_DONE)
        p->member.info = blob_ref(m->info);
    p->etcd_index = store_index(e->store);
    p->raft_index = index;
    p->raft_term = e->applied_term;
    engine_done(e, p);
}

/* One that was removed before it ever came into the configuration leaves nothing behind. */
static void forget_leaving(struct engine *e, uint64_t id)
{
    struct consensus_members now = {.n = 0};
    unsigned i = 0;
    if (e->consensus != NULL)
        consensus_members(e->consensus, &now);
    while (i < now.n && now.m[i].id != id)
        i++;
    if (i == now.n)
        member_left(&e->members, id);
}

static void apply_member(struct engine *e, uint64_t index, const struct command *c)
{
    unsigned indexes;
    pthread_mutex_lock(&e->lock);
    enum member_outcome outcome = member_apply(&e->members, c, &indexes);
    if (outcome == MEMBER_DONE && c->kind == COMMAND_MEMBER_REMOVE)
        forget_leaving(e, c->member.id);
    pthread_mutex_unlock(&e->lock);
    burn_many(e, indexes);
    if (outcome == MEMBER_DONE && c->kind != COMMAND_MEMBER && e->consensus != NULL)
        log_info("member.changed", LOG_S("by", member_command_name(c->kind)),
                 LOG_X("member", c->member.id), LOG_U("members", e->members.n));
    answer_member(e, index, c, outcome);
    if (outcome == MEMBER_DONE) {
        reshape_want(e);
        e->peers_changed = true;
    }
}

static void apply_account(struct engine *e, uint64_t index, const struct command *c)
{
    struct proposal *p = c->origin == e->member_id ? waiting_take(&e->waiting, c->request) : NULL;
    struct account_result r;
    account_apply(store_accounts(e->store), &c->account, &r);
    burn_many(e, r.indexes);
    if (r.after != NULL)
        store_set_accounts(e->store, r.after);
    if (p == NULL)
        return;
    p->code = V2_OK;
    p->account.code = (int)r.code;
    p->account.after = accounts_ref(store_accounts(e->store));
    buf_span(&p->account.what, r.what);
    p->etcd_index = store_index(e->store);
    p->raft_index = index;
    p->raft_term = e->applied_term;
    engine_done(e, p);
}

static void apply_level(struct engine *e, const struct command *c)
{
    e->members.level = c->level;
    burn(e);
}

/* The first configuration tells who founds the cluster; later ones follow the table. Nobody is told
 * of what was, when it is only copied. */
static void tell_quorum(const struct engine *e, const struct consensus_members *members)
{
    unsigned voters = 0;
    if (e->consensus == NULL)
        return;
    for (unsigned i = 0; i < members->n; i++)
        voters += members->m[i].role == MEMBER_VOTER;
    log_info("members.quorum", LOG_U("voters", voters), LOG_U("standbys", members->n - voters));
}

static void apply_change(struct engine *e, const struct log_entry *entry)
{
    struct consensus_members members;
    int rv = consensus_members_decode(blob_span(entry->payload), &members);
    CP_ASSERT(rv == 0); /* consensus itself has read it */
    unsigned added = 0;
    pthread_mutex_lock(&e->lock);
    for (unsigned i = 0; i < members.n; i++)
        added += !member_was_removed(&e->members, members.m[i].id) &&
                 member_add(&e->members, members.m[i].id);
    for (unsigned i = e->members.n_leaving; i-- > 0;) {
        uint64_t id = e->members.leaving[i].id;
        unsigned k = 0;
        while (k < members.n && members.m[k].id != id)
            k++;
        if (k == members.n)
            member_left(&e->members, id);
    }
    pthread_mutex_unlock(&e->lock);
    burn_many(e, added);
    tell_quorum(e, &members);
    reshape_want(e);
    e->peers_changed = true;
}

/* An entry this program cannot read was committed by a newer one: going on would let this member's
 * state differ. */
CP_NORETURN static void stop_at_unknown(const struct engine *e, uint64_t index,
                                        const struct err *err)
{
    log_error("engine.unknown_entry", LOG_U("index", index), LOG_S("error", err->text),
              LOG_S("do", "start a version of copse that knows this entry"),
              LOG_S("dir", e->conf.dir->path));
    _exit(EXIT_FAILURE);
}

static void apply_command(struct engine *e, uint64_t index, const struct log_entry *entry)
{
    struct command c;
    struct err err;
    if (command_decode(blob_span(entry->payload), &c, &err) != 0)
        stop_at_unknown(e, index, &err);
    timekeeper_saw(&e->time, c.stamp_ns);
    switch (c.kind) {
    case COMMAND_STORE:
        apply_op(e, index, &c);
        break;
    case COMMAND_EXPIRE:
        apply_expire(e, &c);
        break;
    case COMMAND_MEMBER:
    case COMMAND_MEMBER_ADD:
    case COMMAND_MEMBER_REMOVE:
    case COMMAND_MEMBER_UPDATE:
        apply_member(e, index, &c);
        break;
    case COMMAND_LEVEL:
        apply_level(e, &c);
        break;
    case COMMAND_ACCOUNT:
        apply_account(e, index, &c);
        break;
    }
}

static void apply(void *ctx, uint64_t index, const struct log_entry *entry)
{
    struct engine *e = ctx;
    CP_ASSERT(index == e->applied_index + 1);
    if (entry->term != e->applied_term)
        forward_look_again(e);
    e->applied_index = index;
    e->applied_term = entry->term;
    switch (entry->type) {
    case ENTRY_COMMAND:
        apply_command(e, index, entry);
        break;
    case ENTRY_CHANGE:
        apply_change(e, entry);
        break;
    case ENTRY_BARRIER:
        break;
    }
}

static void role(void *ctx, enum consensus_role role, uint64_t term, uint64_t leader)
{
    struct engine *e = ctx;
    atomic_store_explicit(&e->pub_raft_term, term, memory_order_relaxed);
    atomic_store_explicit(&e->pub_has_leader, leader != 0, memory_order_relaxed);
    if (leader != 0 && leader != e->leader_id)
        figures_count(e, FIGURE_LEADER_CHANGES);
    pthread_mutex_lock(&e->lock);
    if (leader != e->leader_id)
        e->leader_since_ns = clock_wall_ns(e->conf.clock);
    e->leader_id = leader;
    pthread_mutex_unlock(&e->lock);
    timekeeper_lead(&e->time, role == CONSENSUS_LEADER);
    reshape_want(e);
    forward_look_again(e);
    if (role == CONSENSUS_LEADER)
        traffic_begin(e);
    else
        e->expiring = false; /* the next leader proposes what is due */
}

static void send_message(void *ctx, struct peer_message *m)
{
    struct engine *e = ctx;
    peers_send(e, m);
}

static void install(void *ctx, const struct snapshot_mark *mark)
{
    install_begin(ctx, mark);
}

static void snapshot(void *ctx, struct snapshot_mark *mark)
{
    const struct engine *e = ctx;
    *mark = e->snapshots.newest;
}

const struct consensus_ops engine_consensus_ops = {
    .log_state = log_state,
    .log_entries = log_entries,
    .log_mark = log_mark,
    .log_sync = log_sync,
    .send = send_message,
    .apply = apply,
    .role = role,
    .install = install,
    .snapshot = snapshot,
};
