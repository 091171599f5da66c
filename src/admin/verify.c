/* verify: reads everything in a data directory, says what is there and whether it is sound. */
#include "admin/command.h"
#include "base/mem.h"
#include "cluster/reach.h"
#include "cluster/snapload.h"
#include "disk/datadir.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define SNAPSHOTS_MAX 64 /* more than these, and the oldest are not looked at */

struct verifying {
    bool live;
    struct log_reach reach;
    uint64_t states, entries, marks;
    unsigned bad; /* damages found */
};

static void complain(struct verifying *v, const struct err *e)
{
    fprintf(stderr, "copse: verify: %s\n", e->text);
    v->bad++;
}

/* ---- snapshots ---- */

static void print_snapshot(const char *path, const struct load_result *r, uint64_t bytes)
{
    printf("snapshot %s: entry %" PRIu64 ", term %" PRIu64 ", index %" PRIu64 ", cluster %" PRIx64
           ", %u members, %" PRIu64 " files, %" PRIu64 " directories, %" PRIu64 " events, %" PRIu64
           " bytes: sound\n",
           path, r->head.raft_index, r->head.raft_term, r->head.index, r->head.cluster_id,
           r->head.n_members, r->sums.files, r->sums.dirs, r->sums.events, bytes);
}

/* All of them; the newest sound one is what the log is held against. */
static int verify_snapshots(struct verifying *v, const char *dir, uint64_t *cluster, struct err *e)
{
    struct snapfile_list list = {0};
    bool found = false;
    int rv = snapfile_find(&diskio_system, dir, &list, e);
    for (size_t i = 0; rv == 0 && i < list.n && i < SNAPSHOTS_MAX; i++) {
        struct load_result r;
        uint64_t bytes;
        char *path = snapfile_path(dir, list.v[i]);
        struct snapload what = {.io = &diskio_system, .path = path, .id = &list.v[i]};
        int bad = snapshot_check(&what, &r, &bytes, e);
        if (bad == 0)
            print_snapshot(path, &r, bytes);
        else if (bad != -ENOENT || !v->live) /* a live member has purged it meanwhile */
            complain(v, e);
        if (bad == 0 && !found) {
            found = true;
            v->reach.base_index = r.head.raft_index;
            v->reach.base_term = r.head.raft_term;
            *cluster = r.head.cluster_id;
        }
        load_result_fini(&r);
        mem_free(path);
    }
    snapfile_list_fini(&list);
    return rv;
}

/* ---- log ---- */

static int on_record(void *ctx, const struct wal_place *place, const struct wal_record *r,
                     struct err *e)
{
    struct verifying *v = ctx;
    if (place->bytes > 0) {
        v->states += r->type == WAL_STATE;
        v->entries += r->type == WAL_ENTRY;
        v->marks += r->type == WAL_MARK;
    }
    int rv = log_reach_record(&v->reach, r, e);
    return rv == 0 && r->type == WAL_ENTRY ? log_reach_check(r, e) : rv;
}

static void on_segment(void *ctx, const struct wal_segment *s)
{
    struct verifying *v = ctx;
    printf("segment %s: entries from %" PRIu64 " to %" PRIu64 ", %" PRIu64 " records, %" PRIu64
           " bytes",
           s->file, s->first_index, s->last_index, s->records, s->bytes);
    if (s->torn_bytes > 0 && v->live)
        printf(", %" PRIu64 " bytes behind them are being written", s->torn_bytes);
    else if (s->torn_bytes > 0)
        printf(", a torn end of %" PRIu64
               " bytes (a write that was never acknowledged; the next start clears it)",
               s->torn_bytes);
    printf(": sound\n");
}

static int verify_log(struct verifying *v, const char *dir, uint64_t cluster, bool fresh_is_bad,
                      struct err *e)
{
    struct wal_look look = {
        .dir = dir, .io = &diskio_system, .record = on_record, .segment = on_segment, .ctx = v};
    struct wal_info info;
    int rv = wal_look(&look, &info, e);
    if (rv == 0 && info.fresh) {
        printf("log %s: empty\n", dir);
        return fresh_is_bad ? err_set(e, ERR_CORRUPT,
                                      "%s: there are snapshots and no log; restore a backup", dir)
                            : 0;
    }
    if (rv != 0)
        return rv;
    printf("log %s: member %" PRIx64 " of cluster %" PRIx64 ", term %" PRIu64 ", vote %" PRIx64
           ", %" PRIu64 " segments, %" PRIu64 " records (%" PRIu64 " entries, %" PRIu64
           " states, %" PRIu64 " marks), %" PRIu64 " bytes\n",
           dir, info.member_id, info.cluster_id, v->reach.term, v->reach.vote, info.segments,
           info.records, v->entries, v->states, v->marks, info.bytes);
    if (cluster != 0 && cluster != info.cluster_id)
        return err_set(e, ERR_FOREIGN,
                       "%s: the log belongs to cluster %" PRIx64 ", the snapshots to %" PRIx64
                       "; put those back that belong together",
                       dir, info.cluster_id, cluster);
    return 0;
}

static void print_reach(const struct verifying *v)
{
    uint64_t last = log_reach_last(&v->reach);
    if (last == 0)
        printf("together: nothing yet\n");
    else if (v->reach.base_index == 0)
        printf("together: entries 1 to %" PRIu64 ", all from the log\n", last);
    else
        printf("together: entries up to %" PRIu64 " from the snapshot, to %" PRIu64
               " from the log%s\n",
               v->reach.base_index, last,
               v->reach.entries > last - v->reach.base_index
                   ? "; the log belongs to a history that the snapshot replaced"
                   : "");
}

static int run(const struct words *w, struct err *e)
{
    struct verifying v = {.live = false};
    struct datadir dir;
    long holder;
    uint64_t cluster = 0;
    if (w->argument == NULL) {
        err_set(e, ERR_USAGE, "which directory?");
        return ADMIN_USAGE;
    }
    int rv = datadir_look(&dir, w->argument, &holder, e);
    if (rv != 0) {
        fprintf(stderr, "copse: verify: %s\n", e->text);
        return ADMIN_FAILED;
    }
    v.live = holder != 0;
    if (holder > 0)
        printf("live: process %ld works on it; what it writes from now on is not looked at\n",
               holder);
    else if (holder < 0)
        printf("live: another process works on it; what it writes from now on is not looked at\n");
    rv = verify_snapshots(&v, dir.snap, &cluster, e);
    if (rv == 0)
        rv = verify_log(&v, dir.wal, cluster, v.bad > 0 || v.reach.base_index > 0, e);
    if (rv == 0)
        print_reach(&v);
    else
        complain(&v, e);
    printf("%s\n", v.bad == 0 ? "sound" : "damaged");
    datadir_close(&dir);
    return v.bad == 0 ? 0 : ADMIN_FAILED;
}

static const struct word_option options[] = {{.name = NULL}};

const struct admin_command admin_verify = {
    .name = "verify",
    .usage = "verify DIR",
    .text = "read all of a data directory and say whether it is sound",
    .more = "Changes nothing, and may be run while a member works on DIR. Exit status: 0 sound, 1\n"
            "damaged or not readable, 2 wrong words.",
    .options = options,
    .arguments = 1,
    .usage_status = ADMIN_USAGE,
    .run = run,
};
