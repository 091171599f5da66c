/* engine: the turn. Everything that waits is taken at once; writes go to consensus as one batch and
 * to the log thread at once; what is committed is applied, published, announced and answered, in
 * this order; then the engine sleeps until mail, durability or a deadline wakes it. One fdatasync
 * therefore covers all requests that came during the previous one. */
#include "cluster/engine_priv.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <poll.h>

#define EXPIRE_MAX     500 /* nodes one expire entry may remove: 2 to 3 ms of the engine */
#define RECLAIM_BUDGET 500 /* items freed a turn while requests wait */
#define NS_NEVER       UINT64_MAX

#define CAUSE_STOPPED "etcdserver: server stopped"

/* ---- what other threads call ---- */

bool engine_propose(struct engine *e, struct proposal **p)
{
    CP_ASSERT((*p)->command != NULL && (*p)->done != NULL);
    (*p)->mail.kind = MAIL_PROPOSAL;
    (*p)->deadline_ns = clock_mono_ns(e->conf.clock) + engine_write_timeout_ns(e);
    if (!mailbox_leave(&e->box, &(*p)->mail))
        return false;
    *p = NULL;
    return true;
}

bool engine_watch(struct engine *e, struct watch *w)
{
    CP_ASSERT(w->opened != NULL && w->ended != NULL && w->closed != NULL &&
              w->watcher.push != NULL);
    w->mail.kind = MAIL_WATCH;
    return mailbox_leave(&e->box, &w->mail);
}

void engine_unwatch(struct engine *e, struct watch *w)
{
    w->mail.kind = MAIL_UNWATCH;
    w->mail.next = NULL;
    mailbox_post_chain(&e->box, &w->mail);
}

bool engine_read(struct engine *e, struct quorum_read *r)
{
    CP_ASSERT(r->done != NULL);
    r->mail.kind = MAIL_READ;
    r->deadline_ns = clock_mono_ns(e->conf.clock) + engine_write_timeout_ns(e);
    return mailbox_leave(&e->box, &r->mail);
}

void engine_ring(struct engine *e)
{
    mailbox_ring(&e->box);
}

struct store *engine_store(struct engine *e)
{
    return e->store;
}

uint64_t engine_raft_index(const struct engine *e)
{
    return atomic_load_explicit(&e->pub_raft_index, memory_order_relaxed);
}

uint64_t engine_raft_term(const struct engine *e)
{
    return atomic_load_explicit(&e->pub_raft_term, memory_order_relaxed);
}

uint64_t engine_cluster_id(const struct engine *e)
{
    return e->cluster_id;
}

uint64_t engine_member_id(const struct engine *e)
{
    return e->member_id;
}

bool engine_has_leader(const struct engine *e)
{
    return atomic_load_explicit(&e->pub_has_leader, memory_order_relaxed);
}

bool engine_decides_alone(const struct engine *e)
{
    return atomic_load(&e->pub_alone);
}

int64_t engine_now_ns(const struct engine *e)
{
    return timekeeper_peek(&e->time);
}

/* ---- mail ---- */

static void take_proposal(struct engine *e, struct proposal *p)
{
    int trouble = atomic_load(&e->log_trouble);
    if (atomic_load(&e->stopping))
        engine_fail(e, p, CAUSE_STOPPED);
    else if (trouble != 0)
        engine_fail_no_room(e, p, trouble);
    else
        forward_add(e, p);
}

static void open_watch(struct engine *e, struct watch *w)
{
    w->etcd_index = store_index(e->store);
    w->raft_index = engine_raft_index(e);
    w->raft_term = engine_raft_term(e);
    figures_count(e, FIGURE_WATCH_REQUESTS);
    w->code = lead_is_alone(e) ? V2_RAFT_INTERNAL : hub_subscribe(e->hub, &w->watcher, &w->oldest);
    w->opened(w);
}

static void close_watch(struct engine *e, struct watch *w)
{
    hub_cancel(e->hub, &w->watcher);
    w->closed(w);
}

/* Watches are set aside until the turn's changes are published. Gives them, oldest first. */
static struct mail *sort_mail(struct engine *e, struct mail *mail)
{
    struct mail *watches = NULL, **last = &watches;
    while (mail != NULL) {
        struct mail *next = mail->next;
        switch (mail->kind) {
        case MAIL_PROPOSAL:
            take_proposal(e, CP_CONTAINER_OF(mail, struct proposal, mail));
            break;
        case MAIL_READ:
            reads_add(e, CP_CONTAINER_OF(mail, struct quorum_read, mail));
            break;
        case MAIL_FRAME:
            peers_receive(e, CP_CONTAINER_OF(mail, struct frame, mail));
            break;
        case MAIL_REFUSAL:
            peers_refuse(e, CP_CONTAINER_OF(mail, struct frame, mail));
            break;
        case MAIL_LOST:
            peers_lost(e, mail);
            break;
        case MAIL_SNAPSHOT:
            snapshot_ended(e, mail);
            break;
        case MAIL_INSTALL:
            install_ended(e, mail);
            break;
        default:
            mail->next = NULL;
            *last = mail;
            last = &mail->next;
        }
        mail = next;
    }
    return watches;
}

static void serve_watches(struct engine *e, struct mail *mail)
{
    while (mail != NULL) {
        struct mail *next = mail->next;
        struct watch *w = CP_CONTAINER_OF(mail, struct watch, mail);
        if (mail->kind == MAIL_WATCH)
            open_watch(e, w);
        else
            close_watch(e, w);
        mail = next;
    }
}

/* ---- due things ---- */

static bool expiry_due(struct engine *e)
{
    return !e->expiring && consensus_role(e->consensus) == CONSENSUS_LEADER &&
           engine_mono_ms(e) >= e->forwarding.retry_ms &&
           store_next_expiry(e->store) <= timekeeper_now(&e->time);
}

static void propose_expiry(struct engine *e)
{
    struct command c = {.kind = COMMAND_EXPIRE, .expire_max = EXPIRE_MAX};
    forward_add_own(e, command_encode(&c));
    e->expiring = true;
}

/* ---- the turn ---- */

static void answer(struct engine *e)
{
    struct mail *mail = e->done_first;
    e->done_first = NULL;
    e->done_last = &e->done_first;
    while (mail != NULL) {
        struct mail *next = mail->next;
        struct proposal *p = CP_CONTAINER_OF(mail, struct proposal, mail);
        p->done(p);
        mail = next;
    }
}

/* Whether this member decides alone is told in the turn of the change that ends it: nobody else can
 * be elected before that change has left the turn, and an answer that was begun before is of the
 * time before. */
static void publish_figures(struct engine *e)
{
    bool alone = consensus_sole_voter(e->consensus) && consensus_settled(e->consensus);
    if (atomic_load_explicit(&e->pub_alone, memory_order_relaxed) != alone)
        atomic_store(&e->pub_alone, alone);
    atomic_store_explicit(&e->pub_raft_index, consensus_commit_index(e->consensus),
                          memory_order_relaxed);
}

void engine_step(struct engine *e)
{
    struct mail *watches = sort_mail(e, mailbox_take(&e->box));
    if (expiry_due(e))
        propose_expiry(e);
    introduce_turn(e);
    forward_turn(e);
    consensus_durable(e->consensus, wal_durable(e->wal), engine_mono_ms(e));
    if (engine_mono_ms(e) >= consensus_deadline_ms(e->consensus))
        consensus_tick(e->consensus, engine_mono_ms(e));
    reshape_turn(e);
    lead_turn(e);
    consensus_announce(e->consensus);
    peers_turn(e);
    reads_turn(e);
    wal_flush(e->wal);
    engine_fail_overdue(e);
    publish_figures(e);
    engine_publish(e); /* before the answers: whoever gets one can read what it wrote */
    answer(e);
    reads_finish(e);
    serve_watches(e, watches);
    atomic_store_explicit(&e->counters[COUNT_WATCHERS], hub_watchers(e->hub), memory_order_relaxed);
    figures_turn(e);
    if (e->conf.turn_end != NULL)
        e->conf.turn_end(e->conf.ctx);
    reshape_leave(e);
    snapshot_turn(e);
    consensus_forget(e->consensus, e->conf.forget_entries, engine_mono_ms(e));
    bool more = store_reclaim(e->store, RECLAIM_BUDGET);
    e->reclaiming = consensus_reclaim(e->consensus, RECLAIM_BUDGET) || more;
    figures_store(e);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t ms_to_ns(uint64_t ms)
{
    return ms < NS_NEVER / (uint64_t)NS_PER_MS ? ms * (uint64_t)NS_PER_MS : NS_NEVER;
}

/* When the next node expires, as long as it is this member's to say so. */
static uint64_t expiry_ns(struct engine *e)
{
    int64_t expiry = store_next_expiry(e->store);
    if (e->expiring || expiry == STORE_NEVER || consensus_role(e->consensus) != CONSENSUS_LEADER)
        return NS_NEVER;
    int64_t now = timekeeper_now(&e->time);
    uint64_t left = expiry > now ? (uint64_t)expiry - (uint64_t)now : 0;
    uint64_t due = clock_mono_ns(e->conf.clock) + left;
    uint64_t retry = ms_to_ns(e->forwarding.retry_ms);
    return due > retry ? due : retry;
}

uint64_t engine_deadline_ns(struct engine *e)
{
    if (e->reclaiming)
        return 0;
    uint64_t ms = earlier(consensus_deadline_ms(e->consensus), forward_deadline_ms(e));
    ms = earlier(ms, reads_deadline_ms(e));
    ms = earlier(ms, introduce_deadline_ms(e));
    ms = earlier(ms, reshape_deadline_ms(e));
    ms = earlier(ms, lead_deadline_ms(e));
    return earlier(earlier(ms_to_ns(ms), engine_overdue_ns(e)), expiry_ns(e));
}

/* The log thread and engine_stop wake by the eventfd itself, so what they say is never slept over.
 */
static void engine_sleep(struct engine *e)
{
    uint64_t deadline = engine_deadline_ns(e);
    if (deadline == 0 || !mailbox_sleep_begin(&e->box))
        return;
    uint64_t mono = clock_mono_ns(e->conf.clock);
    uint64_t wait = deadline > mono ? deadline - mono : 0;
    struct pollfd pfd = {.fd = e->box.wake_fd, .events = POLLIN};
    struct timespec ts = {.tv_sec = (time_t)(wait / (uint64_t)NS_PER_S),
                          .tv_nsec = (long)(wait % (uint64_t)NS_PER_S)};
    if (wait > 0 && ppoll(&pfd, 1, deadline == NS_NEVER ? NULL : &ts, NULL) < 0 && errno != EINTR)
        check_failed(__FILE__, __LINE__, "ppoll on the mailbox");
    mailbox_sleep_end(&e->box);
}

static void fail_all(struct engine *e, const char *cause)
{
    struct proposal *p;
    while ((p = waiting_expired(&e->waiting, NS_NEVER - 1)) != NULL)
        engine_fail(e, p, cause);
    answer(e);
    reads_fail(e, cause);
}

/* What has come since the last turn: frames, and the jobs that were stopped. */
static void drop_mail(struct engine *e)
{
    struct mail *mail = mailbox_take(&e->box);
    while (mail != NULL) {
        struct mail *next = mail->next;
        if (mail->kind == MAIL_FRAME)
            peers_drop(e, CP_CONTAINER_OF(mail, struct frame, mail));
        else if (mail->kind == MAIL_REFUSAL)
            frame_free(CP_CONTAINER_OF(mail, struct frame, mail));
        else if (mail->kind == MAIL_LOST)
            mem_free(mail);
        else if (mail->kind == MAIL_SNAPSHOT)
            snapshot_drop(mail);
        else if (mail->kind == MAIL_INSTALL)
            install_drop(mail);
        mail = next;
    }
}

/* The last turn. */
static void engine_end(struct engine *e)
{
    engine_step(e);
    snapshot_stop(e);
    install_stop(e);
    drop_mail(e);
    fail_all(e, CAUSE_STOPPED);
    if (e->conf.turn_end != NULL)
        e->conf.turn_end(e->conf.ctx);
}

static void *engine_main(void *arg)
{
    struct engine *e = arg;
    while (!atomic_load(&e->stopping)) {
        engine_step(e);
        engine_sleep(e);
    }
    engine_end(e);
    return NULL;
}

/* ---- start and stop ---- */

/* A member alone can serve at once; the others take part first. */
static int first_turn(struct engine *e, struct err *err)
{
    introduce_turn(e);
    forward_turn(e);
    if (consensus_role(e->consensus) != CONSENSUS_LEADER)
        return 0;
    int rv = engine_consensus_ops.log_sync(e, err);
    if (rv != 0)
        return rv;
    consensus_durable(e->consensus, wal_durable(e->wal), engine_mono_ms(e));
    publish_figures(e);
    engine_publish(e);
    return 0;
}

void engine_free(struct engine *e)
{
    if (e->wal != NULL)
        wal_close(e->wal);
    while (e->events_n > 0) /* of a start that was given up */
        event_unref(e->events[--e->events_n]);
    if (e->consensus != NULL)
        consensus_free(e->consensus);
    hub_free(e->hub);
    store_free(e->store);
    member_table_fini(&e->members);
    forward_fini(e);
    member_table_fini(&e->hearsay.table);
    waiting_fini(&e->waiting);
    pthread_cond_destroy(&e->stepped_down);
    pthread_mutex_destroy(&e->lock);
    mailbox_fini(&e->box);
    mem_free(e);
}

struct engine *engine_new(const struct engine_conf *conf, struct err *err)
{
    struct engine *e = mem_zalloc(sizeof(*e));
    CP_ASSERT(conf->member_id != 0 && conf->cluster_id != 0);
    e->conf = *conf;
    e->member_id = conf->member_id;
    e->cluster_id = conf->cluster_id;
    if (e->conf.snapshot_trailing == 0)
        e->conf.snapshot_trailing = ENGINE_TRAILING;
    if (e->conf.forget_entries == 0)
        e->conf.forget_entries = ENGINE_FORGET;
    e->done_last = &e->done_first;
    int rv = mailbox_init(&e->box, LIMIT_ENGINE_MAIL);
    if (rv != 0) {
        mem_free(e);
        (void)err_sys(err, -rv, "create the engine's mailbox");
        return NULL;
    }
    pthread_mutex_init(&e->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&e->stepped_down, &monotonic);
    pthread_condattr_destroy(&monotonic);
    e->start_ns = clock_wall_ns(conf->clock);
    waiting_init(&e->waiting, rand_u64() >> 1);
    forward_init(e);
    reads_init(e);
    e->peers_changed = true;
    e->store = store_new();
    e->hub = hub_new(conf->history_events, conf->history_bytes, engine_existed, e);
    return e;
}

int engine_start(struct engine **out, const struct engine_conf *conf, struct err *err)
{
    struct engine *e = engine_new(conf, err);
    if (e == NULL)
        return err->code;
    int rv = engine_boot(e, err);
    if (rv == 0)
        rv = first_turn(e, err);
    if (rv != 0)
        goto fail;
    figures_turn(e);
    rv = conf->stepped ? 0 : pthread_create(&e->thread, NULL, engine_main, e);
    if (rv != 0) {
        rv = err_sys(err, rv, "start the engine thread");
        goto fail;
    }
    *out = e;
    return 0;
fail:
    engine_free(e);
    return rv;
}

void engine_halt(struct engine *e)
{
    atomic_store(&e->stopping, true);
    mailbox_wake(&e->box);
    if (e->conf.stepped)
        engine_end(e);
    else
        pthread_join(e->thread, NULL);
    wal_close(e->wal);
    e->wal = NULL;
}

void engine_stop(struct engine *e)
{
    engine_halt(e);
    engine_free(e);
}
