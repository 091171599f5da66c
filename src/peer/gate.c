/* gate: a loop of our own over a libmicrohttpd daemon without threads; listeners and the mailbox of
 * written pieces are in the same epoll set. A pass hands on all frames that have come; the engine's
 * mailbox takes or drops them, so nothing here waits for it. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "peer/dial.h"
#include "peer/gate_priv.h"
#include "peer/spawn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_A_PASS 32
#define ACCEPT_BATCH  16
#define ROUNDS        16 /* of libmicrohttpd in one pass */
#define LOOK_MS       1000
#define DEAF_MS       200

/* It tells of clients and their connections only: what matters is told elsewhere. */
static const char *const noise[] = {"", NULL};
static const struct log_library library = {.event = "peer.library", .noise = noise};

/* The one place where options of libmicrohttpd are set on this floor. */
static struct MHD_Daemon *daemon_new(struct gate *g, bool tls)
{
    /* clang-format off */
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_TURBO | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG |
            (tls ? (unsigned)MHD_USE_TLS : 0),
        0, NULL, NULL, visit_on_request, g,
        MHD_OPTION_EXTERNAL_LOGGER, log_of_library, (void *)(uintptr_t)&library, /* first: the other options may complain */
        MHD_OPTION_URI_LOG_CALLBACK, visit_on_target, g,
        MHD_OPTION_NOTIFY_COMPLETED, visit_on_completed, g,
        MHD_OPTION_NOTIFY_CONNECTION, visit_on_connection, g,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)LIMIT_PEER_HEAD_BYTES,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)LIMIT_PEER_CONNECTIONS + ACCEPT_BATCH, /* refusing is ours, as are time-outs */
#if MHD_VERSION >= 0x01000100
        MHD_OPTION_CLIENT_DISCIPLINE_LVL, -2,
#else
        MHD_OPTION_STRICT_FOR_CLIENT, 0,
#endif
        tls ? MHD_OPTION_HTTPS_CERT_CALLBACK : MHD_OPTION_END, tls_no_certificate,
        MHD_OPTION_END);
    /* clang-format on */
}

/* ---- connections ---- */

static int listeners_ctl(struct gate *g, int op)
{
    for (unsigned i = 0; i < g->conf->n_listen; i++) {
        struct epoll_event ev = {.events = EPOLLIN, .data.u64 = i};

        if (epoll_ctl(g->ep, op, g->conf->listen_fds[i], &ev) < 0 && op == EPOLL_CTL_ADD)
            return -errno;
    }
    return 0;
}

/* A peer whose machine has vanished is noticed soon; its place is needed when it comes back. */
static void watch_over(int fd)
{
    int on = 1, idle_s = 5, each_s = 2, times = 3;
    unsigned silence_ms = DIAL_SILENCE_MS;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* handshakes */
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &each_s, sizeof(each_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence_ms, sizeof(silence_ms));
}

static void take_guest(struct gate *g, bool tls, int fd, const struct sockaddr_storage *from,
                       socklen_t len)
{
    if (g->n_guests >= LIMIT_PEER_CONNECTIONS) {
        log_seldom(LOG_WARN, "peer.crowded", LOG_U("connections", g->n_guests));
        close(fd);
        return;
    }
    watch_over(fd);
    /* It closes what it cannot take. */
    (void)MHD_add_connection(tls ? g->tls_daemon : g->daemon, fd, (const struct sockaddr *)from,
                             len);
}

/* A handshake takes as long as many frames: of those one a pass is begun with. */
static void accept_batch(struct gate *g, int listener, bool tls)
{
    for (unsigned i = 0; i < (tls ? 1 : ACCEPT_BATCH); i++) {
        struct sockaddr_storage from;
        socklen_t len = sizeof(from);
        int fd = accept4(listener, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            take_guest(g, tls, fd, &from, len);
        } else if (errno == EAGAIN) {
            return;
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            log_warn("peer.accept", LOG_S("text", strerror(errno)));
            (void)listeners_ctl(g, EPOLL_CTL_DEL);
            g->deaf_until_ms = g->now_ms + DEAF_MS;
            return;
        }
    }
}

static void end_guest(struct gate *g, struct guest *k)
{
    shutdown(k->fd, SHUT_RDWR);
    handshake_wake(g, k);
}

/* Its end came in one packet with its last bytes: libmicrohttpd takes a short read for the end of
 * what is there, and does not look again. */
static bool has_left(const struct guest *k)
{
    char byte;

    return recv(k->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* However it trickles: what is neither a stream nor a snapshot has so long for its request, from
 * its beginning or from the answer before. */
static void cut_slow(struct gate *g)
{
    if (g->now_ms - g->looked_ms < LOOK_MS)
        return;
    g->looked_ms = g->now_ms;
    LIST_FOREACH (at, &g->guests) {
        struct guest *k = CP_CONTAINER_OF(at, struct guest, place);

        if (has_left(k))
            shutdown(k->fd, SHUT_RDWR);
        if (!k->settled && g->now_ms - k->since_ms >= LIMIT_PEER_HEAD_S * UINT64_C(1000))
            end_guest(g, k);
    }
}

/* ---- the loop ---- */

static void take_mail(struct gate *g)
{
    struct mail *m = mailbox_take(&g->mailbox);

    while (m != NULL) {
        struct mail *next = m->next;

        arrival_credit(g, CP_CONTAINER_OF(m, struct piece, mail));
        m = next;
    }
}

static int daemon_wait_ms(struct MHD_Daemon *d)
{
    MHD_UNSIGNED_LONG_LONG ms;

    if (d == NULL || MHD_get_timeout(d, &ms) != MHD_YES || ms > LOOK_MS)
        return LOOK_MS;
    return (int)ms;
}

static int library_wait_ms(struct gate *g)
{
    int plain = daemon_wait_ms(g->daemon), tls = daemon_wait_ms(g->tls_daemon);

    return plain < tls ? plain : tls;
}

static void run_library(struct gate *g)
{
    for (unsigned round = 0; round == 0 || (round < ROUNDS && library_wait_ms(g) == 0); round++) {
        /* Time-out 0: with another one it could sleep on 128 ready events. */
        (void)MHD_run_wait(g->daemon, 0);
        if (g->tls_daemon == NULL)
            continue;
        (void)MHD_run_wait(g->tls_daemon, 0);
        if (!atomic_load(&g->stop))
            handshakes_rest(g);
    }
}

static void look_at_clock(struct gate *g)
{
    g->now_ms = clock_mono_ns(g->conf->clock) / NS_PER_MS;
}

static void pass(struct gate *g)
{
    struct epoll_event ev[EVENTS_A_PASS];
    int wait = library_wait_ms(g);

    if (wait != 0 && !mailbox_sleep_begin(&g->mailbox))
        wait = 0;

    int n = epoll_wait(g->ep, ev, EVENTS_A_PASS, wait);

    mailbox_sleep_end(&g->mailbox);
    look_at_clock(g);
    for (int i = 0; i < n; i++) {
        uint64_t what = ev[i].data.u64;

        if (what >= g->conf->n_listen && what != UINT64_MAX)
            handshake_wake(g, (struct guest *)(uintptr_t)what);
        else if (what < g->conf->n_listen && g->deaf_until_ms == 0)
            accept_batch(g, g->conf->listen_fds[what], g->conf->listen_tls[what]);
    }
    if (g->deaf_until_ms != 0 && g->now_ms >= g->deaf_until_ms) {
        g->deaf_until_ms = 0;
        (void)listeners_ctl(g, EPOLL_CTL_ADD);
    }
    take_mail(g);
    run_library(g);
    cut_slow(g);
}

static void stop_daemons(struct gate *g)
{
    if (g->daemon != NULL)
        MHD_stop_daemon(g->daemon);
    if (g->tls_daemon != NULL)
        MHD_stop_daemon(g->tls_daemon);
    g->daemon = g->tls_daemon = NULL;
}

static void *gate_main(void *gate)
{
    struct gate *g = gate;

    while (!atomic_load(&g->stop))
        pass(g);
    (void)listeners_ctl(g, EPOLL_CTL_DEL);
    g->deaf_until_ms = UINT64_MAX;
    LIST_FOREACH (at, &g->guests) {
        end_guest(g, CP_CONTAINER_OF(at, struct guest, place));
    }
    run_library(g);
    /* Suspended connections must not meet the end of the daemon. */
    if (g->arrival != NULL)
        arrival_cut(g->arrival);
    while (g->n_arrivals > 0)
        pass(g);
    stop_daemons(g);
    return NULL;
}

static void gate_free(struct gate *g)
{
    download_stop(g->download);
    stop_daemons(g);
    if (g->ep >= 0)
        close(g->ep);
    mailbox_fini(&g->mailbox);
    mem_free(g);
}

static int watch_fd(struct gate *g, int fd)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.u64 = UINT64_MAX};

    return epoll_ctl(g->ep, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static int watch_daemon(struct gate *g, struct MHD_Daemon *d)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(d, MHD_DAEMON_INFO_EPOLL_FD);

    CP_ASSERT(info != NULL);
    return watch_fd(g, info->epoll_fd);
}

static int prepare(struct gate *g, struct err *e)
{
    int rc;

    g->ep = epoll_create1(EPOLL_CLOEXEC);
    if (g->ep < 0)
        return err_sys(e, errno, "peer: epoll");
    g->daemon = daemon_new(g, false);
    if (g->conf->tls != NULL)
        g->tls_daemon = daemon_new(g, true);
    if (g->daemon == NULL || (g->conf->tls != NULL && g->tls_daemon == NULL))
        return err_set(e, -ENOMEM, "peer: libmicrohttpd does not start");
    rc = watch_daemon(g, g->daemon);
    if (rc == 0 && g->tls_daemon != NULL)
        rc = watch_daemon(g, g->tls_daemon);
    if (rc == 0)
        rc = watch_fd(g, g->mailbox.wake_fd);
    if (rc == 0)
        rc = listeners_ctl(g, EPOLL_CTL_ADD);
    return rc != 0 ? err_sys(e, -rc, "peer: epoll") : 0;
}

int gate_start(struct gate **out, const struct peer_conf *conf, struct api *api, struct net *net,
               struct inbound *inbound, struct err *e)
{
    struct gate *g = mem_zalloc(sizeof(*g));
    struct download_conf download = {
        .snap_dir = conf->snap_dir, .io = conf->io, .engine = api->engine, .back = &g->mailbox};
    int rc;

    g->conf = conf;
    g->api = api;
    g->net = net;
    g->inbound = inbound;
    g->ep = -1;
    list_init(&g->guests);
    rc = mailbox_init(&g->mailbox, LIMIT_ENGINE_MAIL);
    if (rc < 0) {
        mem_free(g);
        return err_sys(e, -rc, "peer: eventfd");
    }
    rc = prepare(g, e);
    if (rc == 0)
        rc = download_start(&g->download, &download, e);
    if (rc == 0)
        rc = spawn(&g->thread, "gate", gate_main, g, e);
    if (rc != 0) {
        gate_free(g);
        return rc;
    }
    *out = g;
    return 0;
}

void gate_stop(struct gate *g)
{
    if (g == NULL)
        return;
    atomic_store(&g->stop, true);
    mailbox_wake(&g->mailbox);
    pthread_join(g->thread, NULL);
    gate_free(g);
}
