/* restore: from a snapshot file into the engine. */
#include "cluster/engine_priv.h"

#include "base/crc32c.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/load.h"
#include "disk/snapfile.h"

#include <stdlib.h>

#define PIECE_BYTES    ((size_t)4 << 20)
#define END_BYTES_MAX  256 /* of the last line, newlines on both sides included */
#define END_BEGINS     "{\"end\":"
#define SEAL_BEGINS    ",\"crc32c\":\""
#define SEAL_ENDS      "\"}\n"
#define SEAL_HEX_BYTES 8u

static int feed(struct load *load, const struct snapfile_reader *file, struct err *err)
{
    uint64_t size = snapfile_bytes(file);
    char *piece = mem_alloc(PIECE_BYTES);
    int rv = 0;
    for (uint64_t at = 0; rv == 0 && at < size;) {
        size_t n = size - at < PIECE_BYTES ? (size_t)(size - at) : PIECE_BYTES;
        rv = snapfile_read(file, at, piece, n, err);
        if (rv == 0)
            rv = load_feed(load, span_make(piece, n), err);
        at += n;
    }
    mem_free(piece);
    return rv;
}

/* The checksum over the first N bytes. */
static int sum_up(const struct snapfile_reader *file, uint64_t n, uint32_t *sum, struct err *err)
{
    char *piece = mem_alloc(PIECE_BYTES);
    int rv = 0;
    *sum = 0;
    for (uint64_t at = 0; rv == 0 && at < n;) {
        size_t k = n - at < PIECE_BYTES ? (size_t)(n - at) : PIECE_BYTES;
        rv = snapfile_read(file, at, piece, k, err);
        if (rv == 0)
            *sum = crc32c(*sum, piece, k);
        at += k;
    }
    mem_free(piece);
    return rv;
}

/* A line or a format that is not known is one of a later version, unless the file has been changed:
 * its last line is of one form and holds the checksum of all before it, in any format. */
static bool is_changed(const struct snapfile_reader *file)
{
    char end[END_BYTES_MAX + 1];
    uint64_t size = snapfile_bytes(file);
    size_t n = size < END_BYTES_MAX ? (size_t)size : END_BYTES_MAX;
    size_t seal = sizeof(SEAL_BEGINS) - 1 + SEAL_HEX_BYTES + sizeof(SEAL_ENDS) - 1;
    struct err err;
    if (n <= seal)
        return true;
    if (snapfile_read(file, size - n, end, n, &err) != 0)
        return false;
    end[n] = '\0';
    const char *at = end + n - seal;
    size_t line = n - 1;
    while (line > 0 && end[line - 1] != '\n')
        line--;
    if (!span_starts(span_of(at), SPAN(SEAL_BEGINS)) || end[n - 1] != '\n' || line == 0 ||
        !span_starts(span_of(end + line), SPAN(END_BEGINS)))
        return true;
    uint32_t sum;
    unsigned long said = strtoul(at + sizeof(SEAL_BEGINS) - 1, NULL, 16);
    return sum_up(file, size - n + line, &sum, &err) == 0 && sum != said;
}

static int load_file(const struct engine *e, struct snapfile_id id, struct load_result *out,
                     uint64_t *bytes, struct err *err)
{
    struct snapfile_reader *file;
    int rv = snapfile_open(&file, e->conf.io, e->conf.dir->snap, id, err);
    if (rv != 0)
        return rv;
    struct load *load = load_new();
    rv = feed(load, file, err);
    if (rv == 0)
        rv = load_finish(load, out, err);
    if (rv == 0 && (out->head.raft_index != id.index || out->head.raft_term != id.term)) {
        load_result_fini(out);
        rv = err_set(err, ERR_CORRUPT, "it holds entry %llu, not what its name says",
                     (unsigned long long)out->head.raft_index);
    }
    load_free(load);
    if (rv == ERR_VERSION && is_changed(file))
        rv = err_set(err, ERR_CORRUPT, "its checksum is wrong");
    *bytes = snapfile_bytes(file);
    if (rv != 0)
        err_wrap(err, "snapshot %s", snapfile_name(file));
    snapfile_close(file);
    return rv;
}

static void fill_mark(const struct dump_head *head, struct snapshot_mark *mark)
{
    static const enum member_role roles[] = {
        [DUMP_STANDBY] = MEMBER_STANDBY, [DUMP_VOTER] = MEMBER_VOTER, [DUMP_SPARE] = MEMBER_SPARE};
    *mark = (struct snapshot_mark){
        .index = head->raft_index, .term = head->raft_term, .members_index = head->config_index};
    for (unsigned i = 0; i < head->n_members; i++) {
        if (head->members[i].role == DUMP_NONE)
            continue;
        mark->members.m[mark->members.n].id = head->members[i].id;
        mark->members.m[mark->members.n++].role = roles[head->members[i].role];
    }
}

/* Whoever is in the configuration still but was removed is not in the table. */
static void adopt_members(struct engine *e, const struct dump_head *head)
{
    struct member_table *t = &e->members;
    pthread_mutex_lock(&e->lock);
    member_table_fini(t);
    for (unsigned i = 0; i < head->n_removed; i++)
        (void)member_forbid(t, head->removed[i]);
    for (unsigned i = 0; i < head->n_members; i++) {
        const struct dump_member *m = &head->members[i];
        bool known = member_was_removed(t, m->id) || member_add(t, m->id);
        if (known && m->published != NULL)
            member_restore(t, m->id, m->published);
    }
    t->level = head->level;
    pthread_mutex_unlock(&e->lock);
    reshape_want(e);
    e->peers_changed = true;
}

/* What the file held becomes the engine's state. */
static void adopt(struct engine *e, struct load_result *r, uint64_t bytes)
{
    const struct dump_head *head = &r->head;
    store_free(e->store);
    e->store = r->store;
    r->store = NULL;
    hub_restore(e->hub, head->history_oldest, head->index, r->events, r->n_events);
    adopt_members(e, head);
    for (unsigned i = 0; i < head->n_counters && i < COUNT_WATCHERS; i++)
        atomic_store_explicit(&e->counters[i], head->counters[i], memory_order_relaxed);
    fill_mark(head, &e->snapshots.newest);
    e->applied_index = head->raft_index;
    e->applied_term = head->raft_term;
    e->boot_stamp_ns = head->time_ns;
    e->snapshots.bytes = bytes;
}

static int restore_one(struct engine *e, struct snapfile_id id, struct err *err)
{
    struct load_result r = {0};
    uint64_t bytes;
    int rv = load_file(e, id, &r, &bytes, err);
    if (rv != 0)
        return rv;
    if (r.head.cluster_id != e->cluster_id)
        rv = err_set(
            err, ERR_FOREIGN,
            "the snapshots in %s belong to cluster %llx, not to %llx: give another --data-dir, or "
            "the peer URLs and token this directory was made with",
            e->conf.dir->snap, (unsigned long long)r.head.cluster_id,
            (unsigned long long)e->cluster_id);
    else
        adopt(e, &r, bytes);
    load_result_fini(&r);
    return rv;
}

int snapshot_restore(struct engine *e, bool *found, struct err *err)
{
    struct snapfile_list list = {0};
    *found = false;
    int rv = snapfile_clean(e->conf.io, e->conf.dir->snap, err);
    if (rv == 0)
        rv = snapfile_find(e->conf.io, e->conf.dir->snap, &list, err);
    for (size_t i = 0; rv == 0 && !*found && i < list.n; i++) {
        rv = restore_one(e, list.v[i], err);
        *found = rv == 0;
        if (*found && i + 1 < list.n)
            e->snapshots.before = list.v[i + 1].index;
        if (rv != ERR_CORRUPT)
            continue;
        log_warn("snapshot.damaged", LOG_S("error", err->text),
                 LOG_S("effect", "set aside; the one before it and the log are tried"));
        rv = snapfile_set_aside(e->conf.io, e->conf.dir->snap, list.v[i], err);
    }
    snapfile_list_fini(&list);
    return rv;
}
