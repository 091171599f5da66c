#include "cluster/install.h"

#include "base/log.h"
#include "base/mem.h"
#include "cluster/engine_priv.h"
#include "cluster/snapload.h"

#include <stdlib.h>
#include <unistd.h>

struct install_job {
    struct job job;
    struct snapshot_mark mark;
    /* written by run(), read after it ended */
    struct load_result loaded;
    uint64_t bytes;
    int rv;
    struct err err;
};

static struct snapfile_id id_of(const struct install_job *j)
{
    return (struct snapfile_id){.index = j->mark.index, .term = j->mark.term};
}

/* Beside the engine. */
static void run(struct job *job)
{
    struct install_job *j = CP_CONTAINER_OF(job, struct install_job, job);
    const struct engine *e = job->engine;
    struct snapfile_id id = id_of(j);
    char *path = snapfile_path(e->conf.dir->snap, id);
    struct snapload what = {.io = e->conf.io, .path = path, .id = &id, .stop = &e->stopping};
    j->rv = snapshot_load(&what, &j->loaded, &j->bytes, &j->err);
    if (j->rv == 0 && j->loaded.head.cluster_id != e->cluster_id)
        j->rv = err_set(&j->err, ERR_FOREIGN, "%s: of another cluster", path);
    if (j->rv == 0)
        snapshot_purge(e);
    mem_free(path);
}

/* Consensus has given up its log for it: there is no way back but a new start, which goes on from
 * the snapshot and the log of before. */
CP_NORETURN static void give_up(struct engine *e, const struct install_job *j)
{
    struct err err;
    log_error("install.failed", LOG_S("error", j->err.text),
              LOG_S("do", "start the member again: it asks for another snapshot"));
    if (j->rv == ERR_CORRUPT &&
        snapfile_set_aside(e->conf.io, e->conf.dir->snap, id_of(j), &err) != 0)
        log_error("install.not_set_aside", LOG_S("error", err.text));
    _exit(EXIT_FAILURE);
}

void install_begin(struct engine *e, const struct snapshot_mark *mark)
{
    struct install_job *j = mem_zalloc(sizeof(*j));
    CP_ASSERT(e->install == NULL);
    j->job = (struct job){.mail = {.kind = MAIL_INSTALL}, .engine = e, .run = run};
    j->mark = *mark;
    e->install = j;
    int rv = job_start(&j->job);
    if (rv != 0) { /* else j->rv is the thread's by now */
        j->rv = err_sys(&j->err, -rv, "start a thread to load a snapshot");
        give_up(e, j);
    }
}

static void end_watch(struct watcher *w)
{
    struct watch *watch = CP_CONTAINER_OF(w, struct watch, watcher);
    watch->ended(watch);
}

/* Who waits for events goes on without a gap when the new history reaches back to the old one, and
 * is ended when it does not: what happened in between is lost to it. */
static void pass_events(struct engine *e, const struct load_result *r)
{
    const struct dump_head *head = &r->head;
    uint64_t last = store_index(e->store);
    if (head->history_oldest > last + 1) {
        hub_end(e->hub, head->history_oldest, end_watch);
        last = head->history_oldest - 1;
        hub_reset(e->hub, last);
    }
    size_t from = 0;
    while (from < r->n_events && r->events[from]->index <= last)
        from++;
    hub_publish(e->hub, r->events + from, r->n_events - from);
    if (r->n_events > from)
        last = r->events[r->n_events - 1]->index;
    if (last < head->index)
        hub_skip(e->hub, head->index);
}

/* Equal indexes are equal trees. */
static void swap_tree(struct engine *e, struct load_result *r)
{
    engine_publish(e);
    if (r->head.index == store_index(e->store))
        return;
    pass_events(e, r);
    store_take_over(e->store, r->store);
    r->store = NULL;
    store_publish(e->store);
}

void install_drop(struct mail *mail)
{
    struct install_job *j = CP_CONTAINER_OF(mail, struct install_job, job.mail);
    load_result_fini(&j->loaded);
    mem_free(j);
}

void install_ended(struct engine *e, struct mail *mail)
{
    struct install_job *j = CP_CONTAINER_OF(mail, struct install_job, job.mail);
    struct snapshotter *s = &e->snapshots;
    job_join(&j->job);
    if (j->rv == ERR_STOPPED) { /* no turn follows, or one; the next start finds the file */
        e->install = NULL;
        install_drop(mail);
        return;
    }
    if (j->rv != 0)
        give_up(e, j);
    forward_unsure(e);
    swap_tree(e, &j->loaded);
    adopt_members(e, &j->loaded.head);
    timekeeper_saw(&e->time, j->loaded.head.time_ns);
    e->applied_index = j->mark.index;
    e->applied_term = j->mark.term;
    s->before = s->newest.index;
    s->newest = j->mark;
    s->bytes = j->bytes;
    s->log_bytes = 0;
    log_info("install.done", LOG_U("index", j->mark.index), LOG_U("bytes", j->bytes));
    e->install = NULL;
    install_drop(mail);
    consensus_installed(e->consensus, engine_mono_ms(e));
}

void install_stop(struct engine *e)
{
    if (e->install != NULL)
        job_join(&e->install->job);
    e->install = NULL;
}
