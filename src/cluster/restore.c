/* restore: from a snapshot file into the engine. */
#include "cluster/engine_priv.h"

#include "base/log.h"
#include "base/mem.h"
#include "cluster/snapload.h"

#include <stdlib.h>

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
void adopt_members(struct engine *e, const struct dump_head *head)
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

void snapshot_adopt(struct engine *e, struct load_result *r, uint64_t bytes)
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
    struct load_result r;
    uint64_t bytes;
    char *path = snapfile_path(e->conf.dir->snap, id);
    struct snapload what = {.io = e->conf.io, .path = path, .id = &id};
    int rv = snapshot_load(&what, &r, &bytes, err);
    mem_free(path);
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
        snapshot_adopt(e, &r, bytes);
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
