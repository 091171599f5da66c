#include "cluster/engine_priv.h"

#include "base/log.h"
#include "base/mem.h"
#include "codec/dump.h"
#include "disk/snapfile.h"

#define PIECE_BYTES   ((size_t)128 << 10) /* rendered before it is written */
#define RETRY_MS      10000
#define SNAPSHOT_NICE 10 /* requests come first */

struct snapshot_job {
    struct job job;
    uint64_t begun_ns;  /* monotonic */
    uint64_t log_bytes; /* that made it due */
    struct snapshot_mark mark;
    struct dump *dump; /* run(), until it ends */
    int pin;
    bool owed;        /* somebody waits for it */
    atomic_bool stop; /* engine sets: break off; the writer of the file looks at it */
    /* written by run(), read after it ended */
    int rv;
    struct err err;
    uint64_t bytes;
};

/* ---- beside the engine ---- */

static int write_pieces(struct snapshot_job *j, struct snapfile_writer *w)
{
    struct buf piece = {0};
    int rv = 0;
    bool more = true;
    while (rv == 0 && more) {
        buf_clear(&piece);
        more = dump_more(j->dump, &piece, PIECE_BYTES);
        rv = snapfile_write(w, piece.ptr, piece.len, &j->err);
    }
    buf_fini(&piece);
    j->bytes = snapfile_written(w);
    return rv;
}

void snapshot_purge(const struct engine *e)
{
    struct err err;
    if (snapfile_purge(e->conf.io, e->conf.dir->snap, SNAPFILE_KEPT, &err) != 0)
        log_warn("snapshot.not_purged", LOG_S("error", err.text));
}

static int write_snapshot(struct snapshot_job *j)
{
    const struct engine_conf *conf = &j->job.engine->conf;
    struct snapfile_writer *w = NULL;
    struct snapfile_id id = {.index = j->mark.index, .term = j->mark.term};
    int rv = snapfile_begin(&w, conf->io, conf->dir->snap, id, &j->err);
    if (rv == 0) {
        snapfile_stop_by(w, &j->stop);
        if (!j->owed)
            snapfile_be_gentle(w);
        rv = write_pieces(j, w);
    }
    if (rv == 0)
        rv = snapfile_commit(&w, &j->err);
    snapfile_abort(&w);
    if (rv == 0)
        snapshot_purge(j->job.engine);
    return rv;
}

static void run(struct job *job)
{
    struct snapshot_job *j = CP_CONTAINER_OF(job, struct snapshot_job, job);
    j->rv = write_snapshot(j);
    dump_free(j->dump);
    j->dump = NULL;
}

/* ---- the engine ---- */

static bool due(const struct engine *e)
{
    const struct snapshotter *s = &e->snapshots;
    return s->job == NULL && engine_mono_ms(e) >= s->retry_ms &&
           (consensus_snapshot_owed(e->consensus) ||
            (e->applied_index - s->newest.index >= e->conf.snapshot_count &&
             s->log_bytes >= s->bytes / 2));
}

/* One that takes its time, and may be of too long ago, makes way for the one that is owed. */
static void make_way(struct engine *e)
{
    struct snapshot_job *j = e->snapshots.job;
    if (j != NULL && !j->owed && consensus_snapshot_owed(e->consensus))
        atomic_store(&j->stop, true);
}

static enum dump_role role_of(const struct consensus_members *members, uint64_t id)
{
    static const enum dump_role roles[] = {
        [MEMBER_STANDBY] = DUMP_STANDBY, [MEMBER_VOTER] = DUMP_VOTER, [MEMBER_SPARE] = DUMP_SPARE};
    for (unsigned i = 0; i < members->n; i++)
        if (members->m[i].id == id)
            return roles[members->m[i].role];
    return DUMP_NONE; /* just added */
}

static void add_head_member(struct dump_head *head, struct dump_member m)
{
    unsigned at = head->n_members++;
    for (; at > 0 && head->members[at - 1].id > m.id; at--)
        head->members[at] = head->members[at - 1];
    head->members[at] = m;
}

/* The table, and those that were just removed and are in the configuration still. */
static void fill_members(const struct member_table *t, const struct consensus_members *config,
                         struct dump_head *head)
{
    for (unsigned i = 0; i < t->n; i++)
        add_head_member(head, (struct dump_member){.id = t->m[i].id,
                                                   .role = role_of(config, t->m[i].id),
                                                   .published = t->m[i].info});
    for (unsigned i = 0; i < config->n; i++) {
        uint64_t id = config->m[i].id;
        const struct member *left = member_leaving(t, id);
        if (member_find(t, id) == NULL)
            add_head_member(head,
                            (struct dump_member){.id = id,
                                                 .role = role_of(config, id),
                                                 .published = left != NULL ? left->info : NULL});
    }
    head->n_removed = t->n_removed;
    head->removed = t->removed;
}

static void fill_head(struct engine *e, const struct snapshot_mark *mark, struct dump_head *head)
{
    *head = (struct dump_head){.cluster_id = e->cluster_id,
                               .index = store_index(e->store),
                               .raft_index = mark->index,
                               .raft_term = mark->term,
                               .config_index = mark->members_index,
                               .time_ns = timekeeper_now(&e->time),
                               .level = e->members.level,
                               .n_counters = COUNT_WATCHERS};
    for (unsigned i = 0; i < COUNT_WATCHERS; i++)
        head->counters[i] = engine_count(e, i);
    fill_members(&e->members, &mark->members, head);
}

struct dump *snapshot_dump(struct engine *e, const struct snapshot_mark *mark,
                           const struct version *v)
{
    struct dump_head head;
    fill_head(e, mark, &head);
    size_t n;
    struct event **events = hub_history(e->hub, &head.history_oldest, &n);
    struct dump *dump = dump_new(&head, v, events, n);
    mem_free(events);
    return dump;
}

void snapshot_turn(struct engine *e)
{
    struct snapshot_mark mark;
    make_way(e);
    if (!due(e) || !consensus_snapshot_begin(e->consensus, &mark))
        return;
    CP_ASSERT(mark.index == e->applied_index && !e->dirty);
    const struct version *v = store_pin(e->store, ENGINE_SLOT);
    int pin = store_pin_keep(e->store, ENGINE_SLOT);
    if (pin < 0) {
        store_unpin(e->store, ENGINE_SLOT); /* all long pins are taken: the next turn tries again */
        return;
    }
    struct snapshot_job *j = mem_zalloc(sizeof(*j));
    j->job =
        (struct job){.mail.kind = MAIL_SNAPSHOT, .engine = e, .run = run, .nice = SNAPSHOT_NICE};
    j->begun_ns = clock_mono_ns(e->conf.clock);
    j->mark = mark;
    j->pin = pin;
    j->owed = consensus_snapshot_owed(e->consensus);
    j->dump = snapshot_dump(e, &mark, v);
    int rv = job_start(&j->job);
    if (rv != 0) {
        log_warn("snapshot.no_thread", LOG_S("error", err_text(rv)));
        dump_free(j->dump);
        store_pin_release(e->store, pin);
        mem_free(j);
        e->snapshots.retry_ms = engine_mono_ms(e) + RETRY_MS;
        return;
    }
    e->snapshots.job = j;
    j->log_bytes = e->snapshots.log_bytes;
    e->snapshots.log_bytes = 0;
}

/* Gives what is left of the job. */
static void job_end(struct engine *e, struct snapshot_job *j)
{
    job_join(&j->job);
    store_pin_release(e->store, j->pin);
    e->snapshots.job = NULL;
}

void snapshot_ended(struct engine *e, struct mail *mail)
{
    struct snapshot_job *j = CP_CONTAINER_OF(mail, struct snapshot_job, job.mail);
    struct snapshotter *s = &e->snapshots;
    job_end(e, j);
    if (j->rv == ERR_STOPPED) {
        log_info("snapshot.superseded", LOG_U("index", j->mark.index));
        s->log_bytes += j->log_bytes;
    } else if (j->rv != 0) {
        log_warn("snapshot.failed", LOG_S("error", j->err.text),
                 LOG_S("effect", "the log is kept; the next try comes by itself"));
        s->retry_ms = engine_mono_ms(e) + RETRY_MS;
        s->log_bytes += j->log_bytes;
        figures_count(e, FIGURE_SNAPSHOT_FAILED);
    } else if (!consensus_snapshot_done(e->consensus, &j->mark, e->conf.snapshot_trailing,
                                        engine_mono_ms(e))) {
        log_info("snapshot.overtaken", LOG_U("index", j->mark.index));
    } else {
        /* The log stays until the snapshot before this one, in case this one turns out bad. */
        s->before = s->newest.index;
        s->newest = j->mark;
        s->bytes = j->bytes;
        histogram_note(&e->figures.snapshot, clock_mono_ns(e->conf.clock) - j->begun_ns);
        wal_purge(e->wal, s->before);
        log_info("snapshot.taken", LOG_U("index", s->newest.index), LOG_U("bytes", s->bytes));
    }
    mem_free(j);
}

void snapshot_stop(struct engine *e)
{
    struct snapshot_job *j = e->snapshots.job;
    if (j == NULL)
        return;
    atomic_store(&j->stop, true);
    job_end(e, j);
}

void snapshot_drop(struct mail *mail)
{
    mem_free(CP_CONTAINER_OF(mail, struct snapshot_job, job.mail));
}
