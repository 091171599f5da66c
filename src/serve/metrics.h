/* metrics: what /metrics tells beside the engine's own figures, and the addresses where nothing but
 * that and the member's health is served. */
#pragma once

#include "http/door.h"
#include "peer/peer.h"
#include "serve/logs.h"
#include "serve/options.h"
#include "serve/secure.h"
#include "serve/systemd.h"

#define METRICS_LISTEN_MAX 16

struct metrics {
    struct door *clients; /* whose figures are told */
    const struct logs *logs;
    const struct secure *secure;
    struct peer *peer;
    struct door *door; /* of --listen-metrics-urls, or NULL */
    struct api api;
    int fds[METRICS_LISTEN_MAX];
    bool fds_tls[METRICS_LISTEN_MAX];
    unsigned n_fds;
};

/* For struct api: CTX is the metrics. */
void metrics_add(void *metrics, struct buf *out);
struct metrics_conf {
    const struct options *options;
    struct engine *engine;
    const struct secure *secure; /* for https, and to be told of; borrowed until metrics_stop */
    const struct activated *activated;
    const struct logs *logs;
    struct peer *peer;
    struct guard *guard; /* to be told of */
};
/* Opens the doors of --listen-metrics-urls and of sockets that were handed over, if there are any.
 */
int metrics_start(struct metrics *m, const struct metrics_conf *conf,
                  struct err *err) CP_MUST_CHECK;
/* Before the engine ends; fine when nothing was started. */
void metrics_stop(struct metrics *m);
