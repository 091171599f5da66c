/* boot: from the files to a member that has applied all it knows to be committed. */
#include "cluster/engine_priv.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/alone.h"
#include "cluster/gather.h"
#include "cluster/progress.h"
#include "disk/advice.h"

#include <stdlib.h>

/* Log thread. */
static void on_durable(void *ctx, uint64_t lsn)
{
    struct engine *e = ctx;
    (void)lsn;
    mailbox_wake(&e->box);
}

/* Log thread. */
static void on_space(void *ctx, int trouble)
{
    struct engine *e = ctx;
    atomic_store(&e->log_trouble, trouble);
    mailbox_wake(&e->box);
}

#define RECORDS_A_LOOK 1024 /* at the clock */

/* The log that is being read. */
struct reading_log {
    struct gather log;
    struct progress progress;
    uint64_t records, bytes; /* payloads */
};

static int on_record(void *ctx, const struct wal_record *rec, struct err *err)
{
    struct engine *e = ctx;
    struct reading_log *r = CP_CONTAINER_OF(e->replay, struct reading_log, log);
    if (rec->type == WAL_ENTRY)
        r->bytes += rec->entry.payload.len;
    if (++r->records % RECORDS_A_LOOK == 0)
        (void)progress_note(&r->progress, r->bytes, 0);
    return gather_record(e->replay, rec, err);
}

static int open_log(struct engine *e, struct wal_info *info, struct err *err)
{
    struct wal_conf conf = {.dir = e->conf.dir->wal,
                            .io = e->conf.io,
                            .segment_bytes = e->conf.segment_bytes,
                            .stepped = e->conf.stepped,
                            .cluster_id = e->cluster_id,
                            .member_id = e->member_id,
                            .replay = on_record,
                            .durable = on_durable,
                            .space = on_space,
                            .ctx = e};
    return wal_open(&e->wal, &conf, info, err);
}

static struct log_entry founding_members(const struct engine_conf *conf)
{
    struct consensus_members members = {.n = conf->n_founders};
    for (unsigned i = 0; i < members.n; i++) {
        members.m[i].id = conf->founders[i].id;
        members.m[i].role = MEMBER_VOTER;
    }
    return (struct log_entry){
        .term = 1, .type = ENTRY_CHANGE, .payload = consensus_bootstrap(&members)};
}

/* Its name, and where the others find it, until it says so itself. */
static struct log_entry founding_urls(const struct founder *f)
{
    struct command c = {.kind = COMMAND_MEMBER_ADD, .member = {.id = f->id, .name = f->name}};
    for (unsigned i = 0; i < f->n_peer_urls; i++)
        c.member.peer_urls[c.member.n_peer_urls++] = f->peer_urls[i];
    return (struct log_entry){.term = 1, .type = ENTRY_COMMAND, .payload = command_encode(&c)};
}

static int by_id(const void *a, const void *b)
{
    const struct founder *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/* The first entries of a new cluster: its members. Every founder writes the same bytes. */
static int found_cluster(struct engine *e, struct gather *r, struct err *err)
{
    const struct engine_conf *conf = &e->conf;
    CP_ASSERT(r->entries == NULL && conf->n_founders > 0 && conf->n_founders <= LIMIT_MEMBERS);
    struct founder *sorted = mem_dup(conf->founders, conf->n_founders * sizeof(*sorted));
    qsort(sorted, conf->n_founders, sizeof(*sorted), by_id);
    r->cap = conf->n_founders + 1;
    r->entries = mem_alloc(r->cap * sizeof(*r->entries));
    r->entries[r->n++] = founding_members(conf);
    /* nobody looks for a member alone */
    for (unsigned i = 0; conf->n_founders > 1 && i < conf->n_founders; i++)
        r->entries[r->n++] = founding_urls(&sorted[i]);
    mem_free(sorted);

    engine_consensus_ops.log_state(e, 1, 0);
    engine_consensus_ops.log_entries(e, 1, r->entries, (unsigned)r->n);
    int rv = engine_consensus_ops.log_sync(e, err);
    if (rv != 0)
        return rv;
    r->reach.term = 1;
    r->reach.entries = r->n;
    log_info("member.founded", LOG_X("member", e->member_id), LOG_X("cluster", e->cluster_id),
             LOG_U("members", conf->n_founders), LOG_S("dir", conf->dir->path));
    return 0;
}

static int start_consensus(struct engine *e, const struct gather *r, struct err *err)
{
    struct consensus_conf conf = {.self = e->member_id,
                                  .election_ms = e->conf.election_ms,
                                  .heartbeat_ms = e->conf.heartbeat_ms,
                                  .install_ms = 10 * 60 * 1000,
                                  .max_inflight = 512,
                                  .seed = rand_u64()};
    struct consensus_boot boot = {.term = r->reach.term,
                                  .vote = r->reach.vote,
                                  .base_index = r->reach.base_index,
                                  .base_term = r->reach.base_term,
                                  .entries = r->entries,
                                  .n_entries = r->n};
    if (r->reach.base_index > 0)
        boot.snapshot = &e->snapshots.newest;
    e->consensus = consensus_new(&conf, &engine_consensus_ops, e);
    return consensus_start(e->consensus, &boot, engine_mono_ms(e), err);
}

/* The log may go on from the snapshot only when it agrees with it (raft_step notes, 3.5: recovery);
 * otherwise it belongs to a history that the snapshot replaced. A snapshot that a peer sent may be
 * newer than all that the log knows of, its term too. */
static int settle_log(struct engine *e, struct gather *r, struct err *err)
{
    struct log_reach *at = &r->reach;
    if (at->base_index == 0)
        return 0;
    if (at->term < at->base_term) {
        at->term = at->base_term;
        at->vote = 0;
        engine_consensus_ops.log_state(e, at->term, 0);
    }
    if (!at->seen_base || at->seen_term != at->base_term) {
        if (r->n > 0)
            log_warn("member.log_replaced", LOG_U("entries", r->n),
                     LOG_U("snapshot", at->base_index));
        gather_cut(r, 0);
        engine_consensus_ops.log_mark(e, at->base_index, at->base_term);
    }
    return engine_consensus_ops.log_sync(e, err);
}

/* What stands behind the snapshot makes the next one due, whoever wrote it. */
static void count_log(struct engine *e, const struct gather *r)
{
    for (size_t i = 0; i < r->n; i++)
        e->snapshots.log_bytes += r->entries[i].payload->len;
}

/* Snapshot, then log. */
static int read_files(struct engine *e, struct gather *r, struct wal_info *info, struct err *err)
{
    bool found;
    int rv = snapshot_restore(e, &found, err);
    if (rv == 0 && found) {
        r->reach.base_index = e->snapshots.newest.index;
        r->reach.base_term = e->snapshots.newest.term;
        r->last_stamp_ns = e->boot_stamp_ns;
    }
    if (rv == 0)
        rv = open_log(e, info, err);
    if (rv != 0)
        disk_advise(err);
    return rv;
}

/* Of the log as it is, without what was replaced in it. */
static int64_t last_stamp(const struct engine *e, const struct gather *r)
{
    for (size_t i = r->n; i-- > 0;)
        if (r->entries[i].type == ENTRY_COMMAND)
            return command_stamp_of(r->entries[i].payload);
    return e->boot_stamp_ns;
}

/* A member alone needs none of what it has replayed, and nobody waits yet: the heap may take the
 * time to give it back. */
static void forget_replayed(struct engine *e, size_t entries)
{
    consensus_forget(e->consensus, e->conf.forget_entries, engine_mono_ms(e));
    while (consensus_reclaim(e->consensus, UINT32_MAX))
        ;
    if (entries > ENGINE_FORGET)
        mem_trim();
}

/* What was read becomes the log that goes on. */
static int take_up_log(struct engine *e, struct gather *r, bool fresh, struct err *err)
{
    if (fresh && r->reach.base_index > 0)
        return err_set(err, ERR_CORRUPT,
                       "%s has snapshots and %s no log; put it back, or " GATHER_WHAT_TO_DO,
                       e->conf.dir->snap, e->conf.dir->wal);
    int rv = settle_log(e, r, err);
    if (rv != 0)
        return rv;
    count_log(e, r);
    if (r->n == 0 && r->reach.base_index == 0 && !e->conf.joins)
        return found_cluster(e, r, err);
    return e->conf.force_new ? alone_force(e, r, err) : 0;
}

int engine_boot(struct engine *e, struct err *err)
{
    struct reading_log reading = {.records = 0};
    struct gather *r = e->replay = &reading.log;
    struct wal_info info = {0};
    progress_begin(&reading.progress, e->conf.clock, e->conf.dir->wal);
    int rv = consensus_check_library(err);
    if (rv == 0)
        rv = read_files(e, r, &info, err);
    if (rv == 0)
        rv = take_up_log(e, r, info.fresh, err);
    if (rv != 0)
        goto out;
    timekeeper_start(&e->time, e->conf.clock, r->last_stamp_ns);
    timekeeper_logged(&e->time, last_stamp(e, r));
    rv = start_consensus(e, r, err);
    if (rv == 0)
        peers_learn(e, r->entries, r->n);
    if (rv == ERR_CORRUPT) {
        err_add(err, "; " GATHER_WHAT_TO_DO);
        err_wrap(err, "%s", e->conf.dir->wal);
    }
    if (rv == 0 && e->snapshots.before > 0)
        wal_purge(e->wal, e->snapshots.before); /* what a crash has kept from being purged */
    if (rv == 0)
        log_info("member.replayed", LOG_U("snapshot", r->reach.base_index), LOG_U("entries", r->n),
                 LOG_U("bytes", info.bytes), LOG_U("index", store_index(e->store)));
out:;
    size_t entries = r->n;
    gather_fini(r);
    e->replay = NULL;
    if (rv == 0)
        forget_replayed(e, entries);
    return rv;
}
