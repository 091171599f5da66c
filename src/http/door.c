/* door: the life of the clients' side as a whole. */
#include "base/log.h"
#include "base/mem.h"
#include "http/conn.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define RESERVED_FDS 64 /* for the log, the peers and the shared libraries */

static unsigned count_workers(unsigned asked)
{
    long n = asked > 0 ? (long)asked : sysconf(_SC_NPROCESSORS_ONLN);

    if (asked == 0 && n < 2)
        n = 2;
    return n > WORKERS_MAX ? WORKERS_MAX : (unsigned)n;
}

static unsigned count_connections(unsigned asked)
{
    unsigned n = asked > 0 ? asked : LIMIT_CONNECTIONS;
    struct rlimit fds;

    if (getrlimit(RLIMIT_NOFILE, &fds) == 0 && fds.rlim_cur > 2 * RESERVED_FDS &&
        n > fds.rlim_cur - RESERVED_FDS)
        n = (unsigned)fds.rlim_cur - RESERVED_FDS;
    return n;
}

int door_new(struct door **out, const struct door_conf *conf, struct err *e)
{
    unsigned n = count_workers(conf->workers);
    struct door *d = mem_zalloc(sizeof(*d) + n * sizeof(d->workers[0]));
    pthread_condattr_t attr;

    d->conf = *conf;
    d->api = conf->api;
    d->conf.connections_max = count_connections(conf->connections_max);
    if (d->conf.head_bytes == 0)
        d->conf.head_bytes = LIMIT_HEAD_BYTES;
    if (d->conf.watchers_max == 0)
        d->conf.watchers_max = d->conf.connections_max;
    if (d->conf.idle_timeout_s == 0)
        d->conf.idle_timeout_s = LIMIT_IDLE_S;
    d->listeners = mem_alloc(conf->n_listen * sizeof(d->listeners[0]));
    for (unsigned i = 0; i < conf->n_listen; i++)
        d->listeners[i] =
            (struct listener){conf->listen_fds[i], conf->listen_tls != NULL && conf->listen_tls[i]};
    pthread_mutex_init(&d->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&d->settle, &attr);
    pthread_condattr_destroy(&attr);
    for (; d->n_workers < n; d->n_workers++) {
        int rc = worker_init(&d->workers[d->n_workers], d, d->n_workers, e);

        if (rc < 0) {
            door_stop(d);
            return rc;
        }
    }
    *out = d;
    return 0;
}

static void raise_phase(struct door *d, enum door_phase to)
{
    atomic_store_explicit(&d->phase, to, memory_order_release);
    for (unsigned i = 0; i < d->n_workers; i++)
        mailbox_wake(&d->workers[i].mailbox);
}

static int start_thread(struct worker *w, struct err *e)
{
    char name[16];
    int rc = pthread_create(&w->thread, NULL, worker_main, w);

    if (rc != 0)
        return err_sys(e, rc, "http: thread");
    snprintf(name, sizeof(name), "http %u", w->number);
    pthread_setname_np(w->thread, name);
    return 0;
}

int door_start(struct door *d, struct api *api, struct err *e)
{
    sigset_t all, before;
    unsigned running = 0;
    int rc = 0;

    CP_ASSERT(!d->started);
    d->api = api;
    snprintf(d->cluster_id, sizeof(d->cluster_id), "%" PRIx64, engine_cluster_id(api->engine));
    for (unsigned i = 0; i < d->n_workers && rc == 0; i++)
        rc = worker_prepare(&d->workers[i], e);
    if (rc == 0)
        rc = accept_begin(&d->workers[0], e);

    /* Signals are for the main thread. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (; rc == 0 && running < d->n_workers; running++)
        rc = start_thread(&d->workers[running], e);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0) {
        d->started = true;
        return 0;
    }
    raise_phase(d, DOOR_STOP);
    for (unsigned i = 0; i < d->n_workers; i++) {
        if (i < running)
            pthread_join(d->workers[i].thread, NULL);
        else
            worker_stop_libraries(&d->workers[i]);
    }
    return rc;
}

/* Waits until each worker is at least as far as STEP, at most until UNTIL (NULL: it cannot take
 * long). */
static bool wait_settled(struct door *d, enum settled step, const struct timespec *until)
{
    int rc = 0;

    pthread_mutex_lock(&d->lock);
    while (d->n_settled[step] < d->n_workers && rc == 0)
        rc = until != NULL ? pthread_cond_timedwait(&d->settle, &d->lock, until)
                           : pthread_cond_wait(&d->settle, &d->lock);
    pthread_mutex_unlock(&d->lock);
    return rc == 0;
}

void door_drain(struct door *d, unsigned grace_ms)
{
    struct timespec until;

    if (!d->started || door_phase(d) != DOOR_OPEN)
        return;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += grace_ms / 1000;
    until.tv_nsec += (long)(grace_ms % 1000) * NS_PER_MS;
    if (until.tv_nsec >= NS_PER_S) {
        until.tv_sec++;
        until.tv_nsec -= NS_PER_S;
    }
    raise_phase(d, DOOR_DRAIN);
    if (wait_settled(d, SETTLED_ALL, &until))
        return;
    log_warn("http.drain", LOG_S("text", "the grace is over, some requests are still under way"));
    raise_phase(d, DOOR_CUT);
    (void)wait_settled(d, SETTLED_CUT, NULL);
}

void door_stop(struct door *d)
{
    bool leak = false;

    if (d->started) {
        raise_phase(d, DOOR_STOP);
        for (unsigned i = 0; i < d->n_workers; i++) {
            void *stuck;

            pthread_join(d->workers[i].thread, &stuck);
            leak = leak || stuck != NULL;
        }
    }
    if (leak)
        return;
    for (unsigned i = 0; i < d->n_workers; i++)
        worker_fini(&d->workers[i]);
    pthread_cond_destroy(&d->settle);
    pthread_mutex_destroy(&d->lock);
    mem_free(d->listeners);
    mem_free(d);
}

void door_stats(struct door *d, struct door_stats *out)
{
    out->connections = atomic_load_explicit(&d->connections, memory_order_relaxed);
    out->watches = atomic_load_explicit(&d->watches, memory_order_relaxed);
    out->taps = atomic_load_explicit(&d->taps, memory_order_relaxed);
    out->overflows = atomic_load_explicit(&d->overflows, memory_order_relaxed);
    out->refused = atomic_load_explicit(&d->refused, memory_order_relaxed);
    out->handshakes = atomic_load_explicit(&d->handshakes, memory_order_relaxed);
    out->handshakes_failed = atomic_load_explicit(&d->handshakes_failed, memory_order_relaxed);
}

const char *door_library_version(void)
{
    return MHD_get_version();
}
