#include "serve/serve.h"

#include "api/api.h"
#include "base/listen.h"
#include "base/log.h"
#include "cluster/engine.h"
#include "disk/datadir.h"
#include "disk/waldir.h"
#include "http/door.h"
#include "serve/bootstrap.h"
#include "serve/early.h"
#include "serve/logs.h"
#include "serve/metrics.h"
#include "serve/options.h"
#include "serve/peers.h"
#include "serve/secure.h"
#include "serve/systemd.h"
#include "serve/version.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define EXIT_FAILED 1
#define EXIT_USAGE  2
#define LISTEN_MAX  64
#define STATUS_S    5   /* between two words to the service manager */
#define DRAIN_MS    700 /* a stop takes less than a second */

struct server {
    struct options options;
    struct datadir dir;
    struct bootstrap bootstrap;
    struct engine *engine;
    struct api api;
    struct guard *guard;
    struct door *door;
    struct peers peers;
    struct secure secure;
    struct metrics metrics;
    struct logs logs;
    struct systemd systemd;
    struct early early;
    struct activated activated;
    uint64_t turns; /* of the engine, when the watchdog was last told */
    int fds[LISTEN_MAX];
    bool fds_tls[LISTEN_MAX];
    unsigned n_fds;
};

/* glibc keeps small freed blocks apart and joins them all at once when a larger one is freed: after
 * a mass delete that stops the engine for 150 ms (1.9 ms without such lists; no cost was seen
 * elsewhere). */
static void settle_heap(void)
{
    (void)mallopt(M_MXFAST, 0);
}

/* Each connection is a descriptor: take as many as the system allows. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* fewer connections then; nothing breaks */
    }
}

/* The signals that mean something to the server wait for sigwait; threads made later inherit the
 * mask. */
static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* Sockets that the service manager has opened stand for --listen-client-urls. */
static bool take_activated(struct server *s)
{
    const struct activated *a = &s->activated;
    for (unsigned i = 0; i < a->n; i++) {
        if (a->sockets[i].use != ACTIVATED_CLIENTS)
            continue;
        s->fds_tls[s->n_fds] = s->options.listen_client.tls[0];
        s->fds[s->n_fds++] = a->sockets[i].fd;
    }
    if (s->n_fds > 0)
        log_info("server.sockets_given", LOG_U("sockets", s->n_fds),
                 LOG_S("instead_of", s->options.listen_client_urls));
    return s->n_fds > 0;
}

static int listen_all(struct server *s, struct err *e)
{
    const struct url_list *urls = &s->options.listen_client;
    if (take_activated(s))
        return 0;
    for (unsigned i = 0; i < urls->n; i++) {
        struct listen_at at = {urls->host[i], urls->port[i], "listen-client-urls"};
        int n = listen_open(&at, s->fds + s->n_fds, LISTEN_MAX - s->n_fds, e);
        if (n < 0)
            return n;
        for (int j = 0; j < n; j++)
            s->fds_tls[s->n_fds++] = urls->tls[i];
    }
    return 0;
}

static void on_turn_end(void *server)
{
    struct server *s = server;
    door_turn_end(s->door);
}

/* The end that a removed member comes to is that of any other. */
static void on_removed(void *server)
{
    (void)server;
    kill(getpid(), SIGTERM);
}

static uint64_t connected_ns(void *peer, uint64_t id)
{
    return peer_connected_ns(peer, id);
}

static int start_engine(struct server *s, struct err *e)
{
    const struct options *o = &s->options;
    const struct bootstrap *b = &s->bootstrap;
    int rv = peers_start(&s->peers, &s->dir, &s->secure, b->cluster_id, b->member_id, e);
    if (rv != 0)
        return rv;
    struct engine_conf conf = {.dir = &s->dir,
                               .cluster_id = b->cluster_id,
                               .member_id = b->member_id,
                               .joins = b->joins,
                               .n_founders = b->n_founders,
                               .founders = b->founders,
                               .force_new = o->force_new_cluster,
                               .wire = peer_wire(s->peers.peer),
                               .name = span_of(o->name),
                               .peer_urls = o->advertise_peer.text,
                               .n_peer_urls = o->advertise_peer.n,
                               .client_urls = o->advertise_client.text,
                               .n_client_urls = o->advertise_client.n,
                               .heartbeat_ms = o->heartbeat_ms,
                               .election_ms = o->election_ms,
                               .snapshot_count = o->snapshot_count,
                               .history_events = o->history_events,
                               .history_bytes = o->history_bytes,
                               .clock = &clock_system,
                               .io = &diskio_system,
                               .turn_end = on_turn_end,
                               .removed = on_removed,
                               .ctx = s};
    return engine_start(&s->engine, &conf, e);
}

/* Up the ladder: who this is, lock, certificates, sockets, door, the way to the peers, engine,
 * doors open. */
static int server_start(struct server *s, struct err *e)
{
    const struct options *o = &s->options;
    int rv = waldir_settle(o->data_dir, o->wal_dir, e);
    if (rv == 0)
        rv = bootstrap_begin(&s->bootstrap, o, e);
    if (rv == 0)
        rv = datadir_open(&s->dir, o->data_dir, e);
    if (rv != 0)
        goto forget;
    rv = secure_start(&s->secure, o, e);
    if (rv == 0)
        rv = guard_new(&s->guard, e);
    if (rv == 0)
        rv = listen_all(s, e);
    if (rv == 0)
        rv = peers_listen(&s->peers, o, e);
    if (rv != 0)
        goto close_sockets;
    struct door_conf conf = {.workers = o->workers,
                             .listen_fds = s->fds,
                             .listen_tls = s->fds_tls,
                             .n_listen = s->n_fds,
                             .tls = s->secure.clients,
                             .cert_is_user = o->client_tls.cert_auth,
                             .connections_max = o->connections_max,
                             .cors = o->cors,
                             .host_names = o->host_whitelist,
                             .watchers_max = o->watchers_max,
                             .head_bytes = o->head_bytes,
                             .idle_timeout_s = o->idle_timeout_s,
                             .access_log = s->logs.access,
                             .audit_log = s->logs.audit};
    rv = door_new(&s->door, &conf, e);
    if (rv != 0)
        goto close_sockets;
    rv = start_engine(s, e);
    if (rv != 0)
        goto stop_door;
    early_end(&s->early); /* whoever is let in from here on is not cut off */
    s->metrics.clients = s->door;
    struct metrics_conf mc = {.options = o,
                              .engine = s->engine,
                              .secure = &s->secure,
                              .activated = &s->activated,
                              .logs = &s->logs,
                              .peer = s->peers.peer,
                              .guard = s->guard};
    rv = metrics_start(&s->metrics, &mc, e);
    if (rv != 0)
        goto stop_engine;
    s->api = (struct api){.engine = s->engine,
                          .guard = s->guard,
                          .guest_open = strcmp(o->auth_guest, "open") == 0,
                          .strict_reconfig = o->strict_reconfig,
                          .connected_ns = connected_ns,
                          .peers = s->peers.peer,
                          .metrics = metrics_add,
                          .metrics_ctx = &s->metrics};
    rv = peers_open(&s->peers, &s->api, e);
    if (rv == 0)
        rv = door_start(s->door, &s->api, e);
    if (rv == 0)
        return 0;
    peers_close(&s->peers);
    metrics_stop(&s->metrics);
stop_engine:
    engine_stop(s->engine);
stop_door:
    door_stop(s->door);
close_sockets:
    peers_stop(&s->peers);
    while (s->n_fds > 0)
        close(s->fds[--s->n_fds]);
    guard_free(s->guard);
    secure_stop(&s->secure);
    datadir_close(&s->dir);
forget:
    bootstrap_end(&s->bootstrap);
    return rv;
}

/* Down again, in the opposite order; what is in flight is answered first. */
static void server_stop(struct server *s)
{
    door_drain(s->door, DRAIN_MS);
    guard_end(s->guard); /* whoever waits for it is answered that the server stops */
    metrics_stop(&s->metrics);
    engine_hand_over(s->engine);
    peers_close(&s->peers);
    engine_halt(s->engine); /* its last turns still speak to the door and to the peers */
    peers_stop(&s->peers);
    guard_join(s->guard); /* its threads speak to the door to their end */
    door_stop(s->door);   /* waits for what the guard has, too */
    guard_free(s->guard);
    while (s->n_fds > 0)
        close(s->fds[--s->n_fds]);
    secure_stop(&s->secure);
    datadir_close(&s->dir);
    bootstrap_end(&s->bootstrap);
}

/* What the service manager is told: how it stands, and that the engine still takes turns. */
static void tell_manager(struct server *s)
{
    struct engine_figures f;
    if (s->systemd.fd < 0)
        return;
    engine_figures(s->engine, &f);
    systemd_tell(&s->systemd, "STATUS=%s, index %llu",
                 f.log_full                     ? "serving reads only: no room for the log"
                 : f.now[FIGURE_IS_LEADER]      ? "serving as leader"
                 : engine_has_leader(s->engine) ? "serving as follower"
                                                : "serving without a leader",
                 (unsigned long long)f.now[FIGURE_APPLIED]);
    if (s->systemd.watchdog_ns == 0)
        return;
    if (f.now[FIGURE_TURNS] != s->turns)
        systemd_tell(&s->systemd, "WATCHDOG=1");
    s->turns = f.now[FIGURE_TURNS];
    engine_poke(s->engine); /* for the next time */
}

/* Nanoseconds until something is to be looked at; 0: never. */
static uint64_t next_look_ns(const struct server *s)
{
    uint64_t ns = secure_has_files(&s->secure) ? SECURE_LOOK_S * (uint64_t)NS_PER_S : 0;
    if (s->systemd.fd >= 0 && ns == 0)
        ns = STATUS_S * (uint64_t)NS_PER_S;
    if (s->systemd.watchdog_ns > 0 && s->systemd.watchdog_ns / 3 < ns)
        ns = s->systemd.watchdog_ns / 3;
    return ns;
}

/* Until a signal comes that ends the server; SIGHUP has the files read and opened again. */
static int next_end(struct server *s, const sigset_t *set)
{
    uint64_t ns = next_look_ns(s);
    const struct timespec look = {.tv_sec = (time_t)(ns / (uint64_t)NS_PER_S),
                                  .tv_nsec = (long)(ns % (uint64_t)NS_PER_S)};
    for (;;) {
        tell_manager(s);
        int sig = sigtimedwait(set, NULL, ns > 0 ? &look : NULL);
        if (sig == SIGTERM || sig == SIGINT)
            return sig;
        secure_refresh(&s->secure, sig == SIGHUP);
        if (sig != SIGHUP)
            continue;
        logs_reopen(&s->logs);
        log_info("server.reread", LOG_S("signal", "SIGHUP"));
    }
}

static void wait_for_end(struct server *s, const sigset_t *set)
{
    int sig = next_end(s, set);
    log_info("server.stopping", LOG_S("signal", sig == SIGTERM ? "SIGTERM" : "SIGINT"));
    systemd_tell(&s->systemd, "STOPPING=1\nSTATUS=answering what is under way");
    signal(SIGTERM, SIG_DFL); /* a second one ends it at once */
    signal(SIGINT, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, set, NULL);
}

/* From the settings to the end. */
static int run(struct server *s, struct err *e)
{
    sigset_t ends;
    settle_heap();
    raise_descriptors();
    block_signals(&ends);
    int rv = logs_start(&s->logs, &s->options, e);
    if (rv != 0)
        return rv;
    systemd_start(&s->systemd);
    systemd_tell(&s->systemd, "STATUS=reading log and snapshots");
    rv = systemd_sockets(&s->activated, e);
    if (rv == 0)
        rv = early_begin(&s->early, &s->systemd, e);
    if (rv == 0)
        rv = server_start(s, e);
    early_end(&s->early);
    if (rv == 0) {
        options_warn(&s->options);
        log_info("server.serving", LOG_S("version", COPSE_VERSION), LOG_S("name", s->options.name),
                 LOG_S("urls", s->options.listen_client_urls), LOG_S("dir", s->options.data_dir));
        systemd_tell(&s->systemd, "READY=1");
        wait_for_end(s, &ends);
        server_stop(s);
        log_info("server.stopped");
    } else {
        systemd_tell(&s->systemd, "STATUS=%.200s", e->text);
    }
    systemd_stop(&s->systemd);
    logs_stop(&s->logs);
    return rv;
}

static int fail(const struct err *e, int code)
{
    fprintf(stderr, "copse: %s\n", e->text);
    return code;
}

void serve_main(int argc, char **argv)
{
    struct server s = {.dir = {.lock_fd = -1}};
    struct err e = {.code = 0};
    int code = 0;
    if (options_read(&s.options, argc, argv, &e) != 0)
        code = fail(&e, EXIT_USAGE);
    else if (s.options.help)
        options_help(stdout, "copse");
    else if (s.options.version)
        version_print(stdout);
    else if (s.options.print_config)
        options_print(&s.options, stdout);
    else if (run(&s, &e) != 0)
        code = fail(&e, e.code == ERR_USAGE ? EXIT_USAGE : EXIT_FAILED);
    options_fini(&s.options);
    exit(code); /* not back: the engine was left, and from here it can still be reached */
}
