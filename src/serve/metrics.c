/* metrics: the second door has one thread of its own, so that a scrape is answered whatever clients
 * do. Its api never pins, writes or watches, so it needs no reader slot and no turns. */
#include "serve/metrics.h"

#include "base/listen.h"
#include "base/metric.h"
#include "serve/process.h"
#include "serve/version.h"

#include <unistd.h>

#define CONNECTIONS_MAX 64
#define DRAIN_MS        100

static void add_expiry(const struct secure *s, struct buf *out)
{
    static const char name[] = "copse_tls_certificate_expiry_timestamp_seconds";
    if (s->clients == NULL && s->peers == NULL)
        return;
    metric_head(out, name, "gauge",
                "When the first certificate in the file of a side expires, since 1970.");
    if (s->clients != NULL)
        metric_u64(out, name, "side=\"client\"", (uint64_t)tls_not_after(s->clients));
    if (s->peers != NULL)
        metric_u64(out, name, "side=\"peer\"", (uint64_t)tls_not_after(s->peers));
}

void metrics_add(void *metrics, struct buf *out)
{
    struct metrics *m = metrics;
    metric_head(out, "copse_build_info", "gauge", "The version of copse that runs.");
    metric_u64(out, "copse_build_info", "version=\"" COPSE_VERSION "\"", 1);
    door_metrics(m->clients, out);
    peer_metrics(m->peer, out);
    process_metrics(out);
    add_expiry(m->secure, out);
    if (m->logs->access == NULL && m->logs->audit == NULL)
        return;
    metric_head(out, "copse_log_dropped_total", "counter",
                "Lines of a log that its disk did not keep up with.");
    if (m->logs->access != NULL)
        metric_u64(out, "copse_log_dropped_total", "log=\"access\"",
                   linelog_dropped(m->logs->access));
    if (m->logs->audit != NULL)
        metric_u64(out, "copse_log_dropped_total", "log=\"audit\"",
                   linelog_dropped(m->logs->audit));
}

static void close_all(struct metrics *m)
{
    while (m->n_fds > 0)
        close(m->fds[--m->n_fds]);
}

int metrics_start(struct metrics *m, const struct metrics_conf *conf, struct err *err)
{
    const struct options *o = conf->options;
    const struct url_list *urls = &o->listen_metrics;
    int rv = 0;
    m->logs = conf->logs;
    m->peer = conf->peer;
    m->secure = conf->secure;
    for (unsigned i = 0; i < conf->activated->n && m->n_fds < METRICS_LISTEN_MAX; i++)
        if (conf->activated->sockets[i].use == ACTIVATED_METRICS)
            m->fds[m->n_fds++] = conf->activated->sockets[i].fd;
    if (urls->n + m->n_fds == 0)
        return 0;
    for (unsigned i = 0; rv >= 0 && i < urls->n; i++) {
        struct listen_at at = {urls->host[i], urls->port[i], "listen-metrics-urls"};
        rv = listen_open(&at, m->fds + m->n_fds, METRICS_LISTEN_MAX - m->n_fds, err);
        for (int j = 0; j < rv; j++)
            m->fds_tls[m->n_fds++] = urls->tls[i];
    }
    if (rv < 0)
        goto close_sockets;
    struct door_conf dc = {.workers = 1,
                           .listen_fds = m->fds,
                           .listen_tls = m->fds_tls,
                           .tls = conf->secure->clients,
                           .n_listen = m->n_fds,
                           .connections_max = CONNECTIONS_MAX,
                           .head_bytes = o->head_bytes,
                           .idle_timeout_s = o->idle_timeout_s};
    rv = door_new(&m->door, &dc, err);
    if (rv != 0)
        goto close_sockets;
    m->api = (struct api){.engine = conf->engine,
                          .guard = conf->guard,
                          .health_only = true,
                          .metrics = metrics_add,
                          .metrics_ctx = m};
    rv = door_start(m->door, &m->api, err);
    if (rv == 0)
        return 0;
    door_stop(m->door);
    m->door = NULL;
close_sockets:
    close_all(m);
    return rv;
}

void metrics_stop(struct metrics *m)
{
    if (m->door == NULL)
        return;
    door_drain(m->door, DRAIN_MS);
    door_stop(m->door);
    m->door = NULL;
    close_all(m);
}
