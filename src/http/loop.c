/* loop: a worker's thread. One pass: wait; note hang-ups; take the mail (which resumes what has
 * waited); let libmicrohttpd serve what is ready. Hang-ups come before everything that could end a
 * connection, so the pointer in an event is never stale: conn_on_completed takes the descriptor out
 * of the epoll set before it is closed. */
#include "base/log.h"
#include "base/mem.h"
#include "http/conn.h"
#include "http/lobby.h"
#include "http/reply.h"
#include "http/same.h"
#include "http/shake.h"
#include "http/sub.h"
#include "http/tap.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define LEAVE_MS   100
#define LOOK_MS    1000 /* how often sockets that take nothing are looked at */
#define ROUNDS     4    /* of libmicrohttpd in one pass */
#define RING_AFTER 32   /* requests for the engine that one wake-up is saved for, at most */
#define STUCK_MS   (2 * LIMIT_DEADLINE_MS)

/* Lines of libmicrohttpd that tell of nothing but clients, or of what we did on purpose. */
static const char *const noise[] = {
    "Application reported internal error",
    "Closing connection",
    "closing connection",
    "Connection was closed",
    "Failed to send",
    "Failed to set TCP_NODELAY",
    "Failed to disable TCP Nagle",
    "Setting",
    "Socket has been unexpectedly",
    "Socket disconnected",
    "Error processing request",
    "Received malformed",
    "Error reading",
    "received handshake message out of context",
    "rejecting",
    NULL,
};

static const struct log_library library = {.event = "http.library", .noise = noise};

uint64_t worker_now_ms(void)
{
    return clock_mono_ns(&clock_system) / NS_PER_MS;
}

int worker_init(struct worker *w, struct door *d, unsigned number, struct err *e)
{
    w->door = d;
    w->number = number;
    w->ep = -1;
    w->out_last = &w->out_first;
    w->plain.worker = w;
    list_init(&w->plain.coming);
    for (size_t i = 0; i < TLS_LIBRARIES; i++) {
        w->tls[i].worker = w;
        list_init(&w->tls[i].coming);
    }
    list_init(&w->lobby);
    list_init(&w->lobby_ready);
    list_init(&w->shaking);
    list_init(&w->conns);
    list_init(&w->spare_conns);
    list_init(&w->taps);
    list_init(&w->taps_noted);
    list_init(&w->taps_blocked);

    int rc = mailbox_init(&w->mailbox, LIMIT_ENGINE_MAIL);

    return rc < 0 ? err_sys(e, -rc, "http: eventfd") : 0;
}

static void ring(struct worker *w)
{
    if (w->unrung == 0)
        return;
    w->unrung = 0;
    engine_ring(w->door->api->engine);
}

void worker_gave(struct worker *w)
{
    if (++w->unrung >= RING_AFTER)
        ring(w);
}

static void drop_mail(struct worker *w)
{
    struct mail *m = mailbox_take(&w->mailbox);

    while (m != NULL) {
        struct mail *next = m->next;

        /* All else has been waited for. */
        CP_ASSERT(m->kind == MAIL_SOCKET);
        struct dealt *t = CP_CONTAINER_OF(m, struct dealt, mail);
        close(t->fd);
        atomic_fetch_sub(&w->door->connections, 1);
        mem_free(t);
        m = next;
    }
}

void worker_fini(struct worker *w)
{
    drop_mail(w);
    api_accounts_forget(&w->judged);
    same_free(w);
    conns_free(w);
    if (w->ep >= 0)
        close(w->ep);
    mailbox_fini(&w->mailbox);
}

static int listen_to(struct worker *w, int fd, void *ptr)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = ptr};

    return epoll_ctl(w->ep, EPOLL_CTL_ADD, fd, &ev);
}

static int start_library(struct library *l, bool tls, struct err *e)
{
    const struct door_conf *conf = &l->worker->door->conf;

    /* clang-format off */
    l->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_TURBO | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG |
            MHD_USE_SUPPRESS_DATE_NO_CLOCK | (tls ? (unsigned)MHD_USE_TLS : 0),
        0, NULL, NULL, conn_on_request, l,
        MHD_OPTION_EXTERNAL_LOGGER, log_of_library, (void *)(uintptr_t)&library, /* first: the other options may complain */
        MHD_OPTION_URI_LOG_CALLBACK, conn_on_target, l,
        MHD_OPTION_NOTIFY_COMPLETED, conn_on_completed, l,
        MHD_OPTION_NOTIFY_CONNECTION, conn_on_connection, l,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)conf->head_bytes + LIMIT_HEAD_ROOM,
        MHD_OPTION_CONNECTION_LIMIT, conf->connections_max + EVENTS_A_PASS, /* refusing is ours */
        MHD_OPTION_CONNECTION_TIMEOUT, conf->idle_timeout_s,
#if MHD_VERSION >= 0x01000100
        /* Nearly all checks are ours, the same for every version. At -3 it would take a blank before
         * the colon out of a header's name without telling; -2 refuses that, and a missing Host. */
        MHD_OPTION_CLIENT_DISCIPLINE_LVL, -2,
#else
        MHD_OPTION_STRICT_FOR_CLIENT, 0,
#endif
        tls ? MHD_OPTION_HTTPS_CERT_CALLBACK : MHD_OPTION_END, tls_no_certificate,
        MHD_OPTION_END);
    /* clang-format on */
    if (l->daemon == NULL)
        return err_set(e, -ENOMEM, "http: libmicrohttpd does not start%s",
                       tls && MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES
                           ? ": it was built without TLS"
                           : "");

    const union MHD_DaemonInfo *info = MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD);

    CP_ASSERT(info != NULL && info->epoll_fd >= 0);
    if (listen_to(l->worker, info->epoll_fd, l) < 0)
        return err_sys(e, errno, "http: epoll");
    return 0;
}

int worker_prepare(struct worker *w, struct err *e)
{
    w->ep = epoll_create1(EPOLL_CLOEXEC);
    if (w->ep < 0 || listen_to(w, w->mailbox.wake_fd, &w->mailbox) < 0)
        return err_sys(e, errno, "http: epoll");

    int rc = start_library(&w->plain, false, e);

    while (rc == 0 && w->door->conf.tls != NULL && w->n_tls < TLS_LIBRARIES)
        rc = start_library(&w->tls[w->n_tls++], true, e);
    return rc;
}

void worker_stop_libraries(struct worker *w)
{
    for (struct library *l = w->tls; l < w->tls + w->n_tls; l++) {
        if (l->daemon != NULL)
            MHD_stop_daemon(l->daemon);
        l->daemon = NULL;
    }
    w->n_tls = 0;
    if (w->plain.daemon != NULL)
        MHD_stop_daemon(w->plain.daemon);
    w->plain.daemon = NULL;
}

void worker_adopt(struct library *l, int fd, const struct sockaddr *from, socklen_t len,
                  uint64_t bytes_before)
{
    struct conn *k = conn_expect(l, fd, bytes_before);

    /* It closes what it cannot take; if it was that far, conn_on_connection has seen the end. */
    if (MHD_add_connection(l->daemon, fd, from, len) != MHD_YES && k->fd == fd)
        conn_forget(k);
}

static void take_socket(struct worker *w, struct dealt *t)
{
    if (w->draining) {
        close(t->fd);
        atomic_fetch_sub(&w->door->connections, 1);
    } else if (t->tls) {
        lobby_enter(w, t);
        return;
    } else {
        worker_adopt(&w->plain, t->fd, (const struct sockaddr *)&t->from, t->len, 0);
    }
    mem_free(t);
}

static void take_mail(struct worker *w)
{
    struct mail *m = mailbox_take(&w->mailbox);

    /* Behind taking it: what the accounts of its time forbid is not sent. */
    if (m != NULL && w->watches > 0)
        subs_judge(w);
    while (m != NULL) {
        struct mail *next = m->next;

        switch ((enum worker_mail)m->kind) {
        case MAIL_SOCKET:
            take_socket(w, CP_CONTAINER_OF(m, struct dealt, mail));
            break;
        case MAIL_WRITTEN: {
            struct proposal *p = CP_CONTAINER_OF(m, struct proposal, mail);

            w->pending--;
            conn_written(p->owner, p);
            break;
        }
        case MAIL_CONFIRMED: {
            struct quorum_read *r = CP_CONTAINER_OF(m, struct quorum_read, mail);

            w->pending--;
            conn_confirmed(r->owner, r);
            break;
        }
        case MAIL_PROVED: {
            struct secret *s = CP_CONTAINER_OF(m, struct secret, mail);

            w->pending--;
            conn_proved(s->owner);
            break;
        }
        case MAIL_OPENED:
            sub_opened(CP_CONTAINER_OF(CP_CONTAINER_OF(m, struct watch, mail), struct sub, watch));
            break;
        case MAIL_CLOSED:
            sub_closed(CP_CONTAINER_OF(CP_CONTAINER_OF(m, struct watch, mail), struct sub, watch));
            break;
        case MAIL_EVENTS: {
            struct delivery *d = CP_CONTAINER_OF(m, struct delivery, mail);

            for (unsigned i = 0; i < d->n; i++)
                if (d->items[i].event != NULL)
                    sub_event(d->items[i].sub, d->items[i].event, d->items[i].historic);
                else
                    sub_ended(d->items[i].sub);
            mem_free(d);
            break;
        }
        }
        m = next;
    }
}

static void follow_phase(struct worker *w)
{
    enum door_phase now = door_phase(w->door);

    if (now >= DOOR_DRAIN && !w->draining) {
        w->draining = true;
        if (w->number == 0)
            accept_end(w);
        lobby_close(w);
        LIST_FOREACH_SAFE (at, tmp, &w->conns) {
            conn_drain(CP_CONTAINER_OF(at, struct conn, place));
        }
        taps_drain(w);
    }
    if (now >= DOOR_CUT && !w->cut) {
        w->cut = true;
        LIST_FOREACH (at, &w->conns) {
            conn_cut(CP_CONTAINER_OF(at, struct conn, place));
        }
    }
}

/* Tells door_drain how far this worker has come; each step once. */
static void tell_settled(struct worker *w)
{
    struct door *d = w->door;
    enum settled now = SETTLED_NOT;

    if (w->pending == 0 && w->watches == 0 && w->replying == 0)
        now = SETTLED_ALL;
    else if (w->cut && w->watches == 0)
        now = SETTLED_CUT;
    if (now <= w->told)
        return;
    pthread_mutex_lock(&d->lock);
    while (w->told < now)
        d->n_settled[++w->told]++;
    pthread_cond_signal(&d->settle);
    pthread_mutex_unlock(&d->lock);
}

static int library_wait_ms(const struct library *l)
{
    MHD_UNSIGNED_LONG_LONG ms;

    if (l->again)
        return 0;
    if (MHD_get_timeout(l->daemon, &ms) != MHD_YES)
        return -1;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* Milliseconds to wait, and whether the mailbox was told that its taker sleeps. */
static int wait_ms(struct worker *w)
{
    int wait = library_wait_ms(&w->plain);

    if (!list_empty(&w->lobby_ready))
        return 0;
    for (struct library *l = w->tls; l < w->tls + w->n_tls; l++) {
        int tls = library_wait_ms(l);

        if (tls >= 0 && (wait < 0 || wait > tls))
            wait = tls;
    }
    if ((!list_empty(&w->lobby) || !list_empty(&w->shaking)) && (wait < 0 || wait > LOOK_MS))
        wait = LOOK_MS;
    /* A watch that may not be any more ends though nothing happens. */
    if (w->watches > 0 && (wait < 0 || wait > LOOK_MS))
        wait = LOOK_MS;
    if (w->deaf_until_ms != 0 && (wait < 0 || wait > DEAF_MS))
        wait = DEAF_MS;
    if (!list_empty(&w->taps_blocked) && (wait < 0 || wait > LOOK_MS))
        wait = LOOK_MS;
    if (w->draining && (wait < 0 || wait > LEAVE_MS))
        wait = LEAVE_MS;
    return wait;
}

static void look_at_clocks(struct worker *w)
{
    time_t now = time(NULL);
    struct timespec t;

    if (now != w->date_s) {
        w->date_s = now;
        reply_date(w->date, now);
    }
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    if ((uint64_t)t.tv_sec == w->mono_s)
        return;
    w->mono_s = (uint64_t)t.tv_sec;
    if (w->watches > 0 && !w->draining)
        subs_judge(w);
    /* A connection that trickles wakes this thread by it: it needs no timer. */
    LIST_FOREACH (at, &w->conns) {
        conn_cut_slow(CP_CONTAINER_OF(at, struct conn, place));
    }
    taps_cut_slow(w);
    lobby_cut_slow(w);
    shake_cut(w);
}

/* Lets libmicrohttpd serve what is ready. A request takes it two or three rounds (answered,
 * finished, next head looked for), which need not be a pass each. */
static void run_library(struct library *l)
{
    l->due = false;
    for (unsigned round = 0; round == 0 || (round < ROUNDS && library_wait_ms(l) == 0); round++) {
        l->again = false;
        /* Time-out 0: with another one it could sleep on 128 ready events. */
        (void)MHD_run_wait(l->daemon, 0);
        /* Once for all that this round has for the engine: what comes together is one turn of it
         * and one write of the log. */
        ring(l->worker);
        /* It has begun with all that it could. */
        while (!list_empty(&l->coming))
            conn_forget(CP_CONTAINER_OF(l->coming.next, struct conn, place));
        if (library_speaks_tls(l))
            shake_rest(l);
    }
}

static void run_libraries(struct worker *w)
{
    w->passes++;
    run_library(&w->plain);
    if (w->n_tls == 0)
        return;
    lobby_serve(w);
    for (struct library *l = w->tls; l < w->tls + w->n_tls; l++) {
        if (l->due || w->draining || !list_empty(&l->coming) || library_wait_ms(l) == 0)
            run_library(l);
    }
}

static bool is_library(const struct worker *w, const void *ptr)
{
    const char *at = ptr;

    return ptr == &w->plain ||
           (at >= (const char *)w->tls && at < (const char *)(w->tls + w->n_tls));
}

static void pass(struct worker *w)
{
    struct epoll_event ev[EVENTS_A_PASS];
    int wait = wait_ms(w);

    if (wait != 0 && !mailbox_sleep_begin(&w->mailbox))
        wait = 0;

    int n = epoll_wait(w->ep, ev, EVENTS_A_PASS, wait);
    bool woken = false;

    for (int i = 0; i < n; i++) {
        void *ptr = ev[i].data.ptr;

        if ((ev[i].data.u64 & TAP_MARK) != 0)
            tap_ready((struct sub *)(uintptr_t)(ev[i].data.u64 & ~TAP_MARK), ev[i].events);
        else if ((ev[i].data.u64 & LOBBY_MARK) != 0)
            lobby_look(w, (struct dealt *)(uintptr_t)(ev[i].data.u64 & ~LOBBY_MARK));
        else if (ptr == &w->mailbox)
            woken = true;
        else if (is_library(w, ptr))
            ((struct library *)ptr)->due = true;
        else if (!accept_is_listener(w, ptr))
            conn_hangup(ptr);
    }
    if (woken)
        mailbox_sleep_end(&w->mailbox);
    else
        atomic_store(&w->mailbox.asleep,
                     false); /* as sleep_end, without the read of an eventfd that holds nothing */

    follow_phase(w);
    for (int i = 0; i < n; i++) {
        if (!w->draining && accept_is_listener(w, ev[i].data.ptr))
            accept_batch(w, ev[i].data.ptr);
    }
    if (w->deaf_until_ms != 0 && worker_now_ms() >= w->deaf_until_ms)
        accept_retry(w);
    look_at_clocks(w);
    take_mail(w);
    tap_flush_all(w);
    run_libraries(w);
    if (w->draining)
        tell_settled(w);
}

void *worker_main(void *worker)
{
    struct worker *w = worker;
    uint64_t stuck_ms = 0; /* when waiting for the engine has to end */

    while (door_phase(w->door) != DOOR_STOP || w->pending + w->watches > 0) {
        pass(w);
        if (stuck_ms == 0 && door_phase(w->door) == DOOR_STOP)
            stuck_ms = worker_now_ms() + STUCK_MS;
        if (stuck_ms != 0 && worker_now_ms() > stuck_ms) {
            log_error("http.stuck", LOG_U("worker", w->number), LOG_U("pending", w->pending),
                      LOG_U("watches", w->watches));
            break;
        }
    }
    if (w->pending + w->watches > 0)
        return w; /* the engine may still call back: nothing of this worker can be freed */
    /* What the last mail resumed is still in libmicrohttpd's list of suspended connections, which
     * must be empty. */
    run_libraries(w);
    if (w->number == 0)
        accept_end(w);
    worker_stop_libraries(w);
    return NULL;
}
