#include "cluster/copy.h"

#include "base/mem.h"
#include "cluster/consensus.h"
#include "cluster/member.h"
#include "cluster/reach.h"
#include "cluster/snapload.h"
#include "codec/command.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>

#define PIECE_BYTES ((size_t)1 << 20) /* written and waited for at a time */

struct copying {
    const struct copy_conf *conf;
    struct copy_info *info;
    struct log_reach reach;
    struct wal *wal;
    struct blob *members; /* the new configuration */
    size_t pending;       /* bytes appended since it was waited */
    pthread_mutex_t lock;
    pthread_cond_t moved;
    /* guarded by lock */
    uint64_t durable;
    int trouble; /* why the log has no room; 0: it has */
};

/* Log thread. */
static void on_durable(void *ctx, uint64_t lsn)
{
    struct copying *c = ctx;
    pthread_mutex_lock(&c->lock);
    c->durable = lsn;
    pthread_cond_signal(&c->moved);
    pthread_mutex_unlock(&c->lock);
}

/* A thread of the log. */
static void on_space(void *ctx, int trouble)
{
    struct copying *c = ctx;
    pthread_mutex_lock(&c->lock);
    c->trouble = trouble;
    pthread_cond_signal(&c->moved);
    pthread_mutex_unlock(&c->lock);
}

/* Until the log is durable up to LSN; the log itself would wait for room for ever. */
static int wait_for(struct copying *c, uint64_t lsn, struct err *e)
{
    wal_flush(c->wal);
    pthread_mutex_lock(&c->lock);
    while (c->durable < lsn && c->trouble == 0)
        pthread_cond_wait(&c->moved, &c->lock);
    int trouble = c->durable < lsn ? c->trouble : 0;
    pthread_mutex_unlock(&c->lock);
    c->pending = 0;
    return trouble != 0 ? err_sys(e, -trouble, "write %s", c->conf->to_wal) : 0;
}

static int append(struct copying *c, const struct wal_record *r, struct err *e)
{
    uint64_t lsn = wal_append(c->wal, r);
    c->pending += r->type == WAL_ENTRY ? r->entry.payload.len + 64 : 64;
    return c->pending >= PIECE_BYTES ? wait_for(c, lsn, e) : 0;
}

/* The record as the new cluster needs it: no votes, and its own member in place of others. What old
 * members published of themselves stays: it counts in the index, and concerns nobody. */
static int on_record(void *ctx, const struct wal_place *place, const struct wal_record *r,
                     struct err *e)
{
    struct copying *c = ctx;
    struct wal_record new = *r;
    (void)place;
    int rv = log_reach_record(&c->reach, r, e);
    if (rv == 0 && r->type == WAL_ENTRY)
        rv = log_reach_check(r, e);
    if (rv != 0 || r->type == WAL_IDENTITY)
        return rv;
    if (r->type == WAL_STATE)
        new.state.vote = 0;
    if (r->type == WAL_ENTRY && r->entry.kind == ENTRY_CHANGE) {
        new.entry.payload = blob_span(c->members);
        c->info->members++;
    }
    return append(c, &new, e);
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

/* The same snapshot, of the new cluster. */
static int write_snapshot(struct copying *c, struct load_result *r, struct err *e)
{
    struct dump_head head = r->head;
    head.cluster_id = c->conf->cluster_id;
    head.n_members = 1;
    head.members[0] = (struct dump_member){.id = c->conf->member_id, .role = DUMP_VOTER};
    c->reach.base_index = c->info->snapshot_index = head.raft_index;
    c->reach.base_term = head.raft_term;
    c->info->index = head.index;
    const struct version *v = store_pin(r->store, 0);
    struct dump *dump = dump_new(&head, v, r->events, r->n_events);
    int rv = write_lines(c->conf, dump,
                         (struct snapfile_id){.index = head.raft_index, .term = head.raft_term}, e);
    dump_free(dump);
    store_unpin(r->store, 0);
    return rv;
}

static int copy_snapshot(struct copying *c, const char *path, const struct snapfile_id *id,
                         struct err *e)
{
    struct load_result r;
    uint64_t bytes;
    int rv = snapshot_load(c->conf->io, path, id, &r, &bytes, e);
    if (rv == 0)
        rv = write_snapshot(c, &r, e);
    load_result_fini(&r);
    return rv;
}

/* The newest good one, if there are any. */
static int copy_newest(struct copying *c, struct err *e)
{
    const struct copy_conf *conf = c->conf;
    struct snapfile_list list = {0};
    bool found = false;
    int rv = snapfile_find(conf->io, conf->from_snap, &list, e);
    for (size_t i = 0; rv == 0 && !found && i < list.n; i++) {
        char *path = snapfile_path(conf->from_snap, list.v[i]);
        rv = copy_snapshot(c, path, &list.v[i], e);
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

static int copy_log(struct copying *c, struct err *e)
{
    struct wal_look look = {
        .dir = c->conf->from_wal, .io = c->conf->io, .record = on_record, .ctx = c};
    struct wal_info info;
    int rv = wal_look(&look, &info, e);
    if (rv == 0 && info.fresh)
        rv = err_set(e, -ENOENT, "there is no log in %s", c->conf->from_wal);
    return rv;
}

/* A snapshot alone: the log begins behind it. */
static int begin_log(struct copying *c, struct err *e)
{
    struct wal_record state = {.type = WAL_STATE};
    struct wal_record mark = {.type = WAL_MARK};
    state.state.term = mark.mark.term = c->reach.base_term;
    mark.mark.index = c->reach.base_index;
    int rv = append(c, &state, e);
    return rv == 0 ? append(c, &mark, e) : rv;
}

static int write_log(struct copying *c, struct err *e)
{
    struct wal_conf conf = {.dir = c->conf->to_wal,
                            .io = c->conf->io,
                            .cluster_id = c->conf->cluster_id,
                            .member_id = c->conf->member_id,
                            .durable = on_durable,
                            .space = on_space,
                            .ctx = c};
    struct wal_info info;
    int rv = wal_open(&c->wal, &conf, &info, e);
    if (rv != 0)
        return rv;
    if (!info.fresh)
        rv = err_set(e, ERR_USAGE, "there is a log in %s already", conf.dir);
    if (rv == 0)
        rv = c->conf->snapshot != NULL ? begin_log(c, e) : copy_log(c, e);
    if (rv == 0) {
        struct wal_record state = {.type = WAL_STATE};
        state.state.term = c->reach.term > c->reach.base_term ? c->reach.term : c->reach.base_term;
        rv = wait_for(c, wal_append(c->wal, &state), e);
    }
    wal_close(c->wal);
    return rv;
}

int copy_state(const struct copy_conf *conf, struct copy_info *info, struct err *e)
{
    struct consensus_members members = {.n = 1};
    members.m[0].id = conf->member_id;
    members.m[0].role = MEMBER_VOTER;
    struct copying c = {.conf = conf, .info = info, .members = consensus_bootstrap(&members)};
    *info = (struct copy_info){0};
    pthread_mutex_init(&c.lock, NULL);
    pthread_cond_init(&c.moved, NULL);
    int rv = 0;
    if (conf->snapshot != NULL)
        rv = copy_snapshot(&c, conf->snapshot, NULL, e);
    else if (conf->from_snap != NULL)
        rv = copy_newest(&c, e);
    if (rv == 0)
        rv = write_log(&c, e);
    info->last_index = log_reach_last(&c.reach);
    info->entries = info->last_index - c.reach.base_index;
    pthread_cond_destroy(&c.moved);
    pthread_mutex_destroy(&c.lock);
    blob_unref(c.members);
    return rv;
}
