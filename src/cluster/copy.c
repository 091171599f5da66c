#include "cluster/copy.h"

#include "base/mem.h"
#include "cluster/engine_priv.h"
#include "cluster/gather.h"
#include "cluster/snapload.h"
#include "codec/dump.h"

#include <errno.h>

#define PIECE_BYTES ((size_t)1 << 20) /* rendered before it is written */

struct copying {
    const struct copy_conf *conf;
    struct copy_info *info;
    struct engine *e; /* without log and consensus: it applies */
    struct gather log;
    struct snapshot_mark mark; /* of what is written */
};

static int adopt(struct copying *c, const char *path, const struct snapfile_id *id, struct err *e)
{
    struct load_result r;
    uint64_t bytes;
    struct snapload what = {.io = c->conf->io, .path = path, .id = id};
    int rv = snapshot_load(&what, &r, &bytes, e);
    if (rv == 0) {
        c->log.reach.base_index = c->info->snapshot_index = r.head.raft_index;
        c->log.reach.base_term = r.head.raft_term;
        c->log.last_stamp_ns = r.head.time_ns;
        snapshot_adopt(c->e, &r, bytes);
    }
    load_result_fini(&r);
    return rv;
}

/* The newest good one, if there are any. */
static int adopt_newest(struct copying *c, struct err *e)
{
    const struct copy_conf *conf = c->conf;
    struct snapfile_list list = {0};
    bool found = false;
    int rv = snapfile_find(conf->io, conf->from_snap, &list, e);
    for (size_t i = 0; rv == 0 && !found && i < list.n; i++) {
        char *path = snapfile_path(conf->from_snap, list.v[i]);
        rv = adopt(c, path, &list.v[i], e);
        mem_free(path);
        found = rv == 0;
        /* Gone: purged since the names were read. The log tells whether one before it will do. */
        if (rv != ERR_CORRUPT && rv != -ENOENT)
            continue;
        if (conf->damaged != NULL)
            conf->damaged(conf->ctx, e);
        rv = 0;
    }
    snapfile_list_fini(&list);
    return rv;
}

static int on_record(void *ctx, const struct wal_place *place, const struct wal_record *r,
                     struct err *e)
{
    struct copying *c = ctx;
    (void)place;
    return gather_record(&c->log, r, e);
}

static int gather_log(struct copying *c, struct err *e)
{
    struct wal_look look = {
        .dir = c->conf->from_wal, .io = c->conf->io, .record = on_record, .ctx = c};
    struct wal_info info;
    int rv = wal_look(&look, &info, e);
    if (rv == 0 && info.fresh)
        rv = err_set(e, -ENOENT, "there is no log in %s", c->conf->from_wal);
    return rv;
}

/* Every entry, acknowledged or not. */
static void apply_log(struct copying *c)
{
    gather_cut(&c->log, (size_t)(log_reach_last(&c->log.reach) - c->log.reach.base_index));
    timekeeper_start(&c->e->time, c->e->conf.clock, c->log.last_stamp_ns);
    for (size_t i = 0; i < c->log.n; i++)
        engine_consensus_ops.apply(c->e, c->log.reach.base_index + 1 + i, &c->log.entries[i]);
    engine_publish(c->e);
    c->info->entries = c->log.n;
}

/* The members of the new cluster in place of those of the old one. Its configuration is as old as
 * the last entry. */
static void replace_members(struct copying *c)
{
    struct member_table *t = &c->e->members;
    uint32_t level = t->level;
    member_table_fini(t);
    t->level = level;
    c->mark = (struct snapshot_mark){.index = c->e->applied_index,
                                     .term = c->e->applied_term,
                                     .members_index = c->e->applied_index};
    for (unsigned i = 0; i < c->conf->n_founders; i++) {
        const struct founder *f = &c->conf->founders[i];
        struct command add = {.kind = COMMAND_MEMBER_ADD,
                              .stamp_ns = c->log.last_stamp_ns,
                              .member = {.id = f->id, .name = f->name}};
        unsigned indexes;
        for (unsigned k = 0; k < f->n_peer_urls; k++)
            add.member.peer_urls[add.member.n_peer_urls++] = f->peer_urls[k];
        enum member_outcome outcome = member_apply(t, &add, &indexes);
        CP_ASSERT(outcome == MEMBER_DONE);
        c->mark.members.m[i].id = f->id;
        c->mark.members.m[i].role = MEMBER_VOTER;
    }
    c->mark.members.n = c->conf->n_founders;
}

static int write_lines(const struct copy_conf *conf, struct dump *dump, struct snapfile_id id,
                       struct err *e)
{
    struct snapfile_writer *w = NULL;
    struct buf piece = {0};
    bool more = true;
    int rv = snapfile_begin(&w, conf->io, conf->to_snap, id, e);
    while (rv == 0 && more) {
        buf_clear(&piece);
        more = dump_more(dump, &piece, PIECE_BYTES);
        rv = snapfile_write(w, piece.ptr, piece.len, e);
    }
    if (rv == 0)
        rv = snapfile_commit(&w, e);
    snapfile_abort(&w);
    buf_fini(&piece);
    return rv;
}

static int write_snapshot(struct copying *c, struct err *e)
{
    const struct version *v = store_pin(c->e->store, ENGINE_SLOT);
    struct dump *dump = snapshot_dump(c->e, &c->mark, v);
    c->info->index = version_index(v);
    int rv = write_lines(c->conf, dump,
                         (struct snapfile_id){.index = c->mark.index, .term = c->mark.term}, e);
    dump_free(dump);
    store_unpin(c->e->store, ENGINE_SLOT);
    return rv;
}

static void on_durable(void *ctx, uint64_t lsn)
{
    (void)ctx;
    (void)lsn;
}

static void on_space(void *ctx, int trouble)
{
    (void)ctx;
    (void)trouble;
}

/* It begins behind the snapshot. */
static int write_log(struct copying *c, struct err *e)
{
    struct wal_conf conf = {.dir = c->conf->to_wal,
                            .io = c->conf->io,
                            .cluster_id = c->conf->cluster_id,
                            .member_id = c->conf->member_id,
                            .durable = on_durable,
                            .space = on_space,
                            .ctx = c};
    struct wal_record state = {.type = WAL_STATE};
    struct wal_record mark = {.type = WAL_MARK};
    struct wal_info info;
    struct wal *wal;
    int rv = wal_open(&wal, &conf, &info, e);
    if (rv != 0)
        return rv;
    if (!info.fresh)
        rv = err_set(e, ERR_USAGE, "there is a log in %s already", conf.dir);
    state.state.term = c->log.reach.term > c->mark.term ? c->log.reach.term : c->mark.term;
    mark.mark.index = c->mark.index;
    mark.mark.term = c->mark.term;
    if (rv == 0) {
        (void)wal_append(wal, &state);
        (void)wal_append(wal, &mark);
        wal_sync(wal);
    }
    wal_close(wal);
    return rv;
}

static int copy(struct copying *c, struct err *e)
{
    int rv = 0;
    if (c->conf->snapshot != NULL)
        rv = adopt(c, c->conf->snapshot, NULL, e);
    else if (c->conf->from_snap != NULL)
        rv = adopt_newest(c, e);
    if (rv == 0 && c->conf->snapshot == NULL)
        rv = gather_log(c, e);
    if (rv != 0)
        return rv;
    apply_log(c);
    if (c->e->applied_index == 0)
        return err_set(e, -ENOENT, "there is nothing in %s yet", c->conf->from_wal);
    replace_members(c);
    rv = write_snapshot(c, e);
    return rv == 0 ? write_log(c, e) : rv;
}

int copy_state(const struct copy_conf *conf, struct copy_info *info, struct err *e)
{
    struct engine_conf engine = {.cluster_id = conf->cluster_id,
                                 .member_id = conf->member_id,
                                 .history_events = LIMIT_HISTORY_EVENTS,
                                 .history_bytes = LIMIT_HISTORY_BYTES,
                                 .io = conf->io,
                                 .clock = &clock_system};
    struct copying c = {.conf = conf, .info = info, .e = engine_new(&engine, e)};
    *info = (struct copy_info){0};
    if (c.e == NULL)
        return e->code;
    int rv = copy(&c, e);
    info->last_index = c.e->applied_index;
    gather_fini(&c.log);
    engine_free(c.e);
    return rv;
}
