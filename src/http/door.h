/* door: the clients' side of HTTP: worker threads, each with an epoll loop over a threadless
 * libmicrohttpd daemon. Only this folder knows libmicrohttpd. */
#pragma once

#include "api/api.h"
#include "base/err.h"

struct door;
struct linelog;

struct door_conf {
    struct api *api;
    unsigned workers;       /* 0: one a processor, at least 2 */
    const int *listen_fds;  /* nonblocking, listening; stay the caller's */
    const bool *listen_tls; /* which of them speak TLS; NULL: none */
    unsigned n_listen;
    struct tls *tls;   /* for those; borrowed until door_stop */
    bool cert_is_user; /* the common name of a client certificate stands for a password */
    unsigned connections_max, head_bytes, idle_timeout_s; /* 0: the default of proto/limits.h */
    const char *cors;       /* origins, as cors.h; stays the caller's */
    const char *host_names; /* as host.h; stays the caller's */
    unsigned watchers_max;  /* 0: as many as connections */
    /* A line for each request, and one for each that would change something; NULL: none. Borrowed
     * until door_stop. */
    struct linelog *access_log, *audit_log;
};

/* Made before the engine (the engine's turn_end is door_turn_end), started when the engine serves.
 */
int door_new(struct door **out, const struct door_conf *conf, struct err *e) CP_MUST_CHECK;
int door_start(struct door *d, struct api *api, struct err *e) CP_MUST_CHECK;
/* Engine thread: hands each worker what the turn has gathered for it, one wake each. */
void door_turn_end(void *door);
/* Accepts no more; waits (at most GRACE_MS) until writes in flight are answered, ends watches and
 * idle connections. */
void door_drain(struct door *d, unsigned grace_ms);
/* Ends the threads, frees; waits until the engine has given everything back. The ladder is
 * door_drain, engine_stop, door_stop: engine_stop answers what the grace did not suffice for, and
 * calls door_turn_end until it returns. */
void door_stop(struct door *d);

struct door_stats {
    uint64_t connections, watches;
    uint64_t taps;                          /* watches whose socket libmicrohttpd has let go of */
    uint64_t overflows;                     /* watches cut because their client was too slow */
    uint64_t refused;                       /* connections beyond connections_max */
    uint64_t handshakes, handshakes_failed; /* of TLS */
};
/* Any thread. */
void door_stats(struct door *d, struct door_stats *out);
/* Any thread: adds what the workers have counted, as /metrics tells it. */
void door_metrics(struct door *d, struct buf *out);

/* Of libmicrohttpd, as it runs. */
const char *door_library_version(void);
