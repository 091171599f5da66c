/* peer: the other members, over HTTP. To each goes one long POST that carries frames, and one of
 * its own for a snapshot; what they send comes in through a door on the peer URLs, which also
 * answers /members and /version as etcd does there. Gives the engine its wire.
 *
 * Threads: "net" feeds the streams, "upload" sends snapshots, "gate" is the door, "download" writes
 * snapshots that come in. */
#pragma once

#include "api/api.h"
#include "base/clock.h"
#include "base/err.h"
#include "cluster/wire.h"
#include "disk/diskio.h"
#include "peer/trust.h"
#include "tls/tls.h"

#include <stdbool.h>
#include <stdint.h>

struct peer;

struct peer_conf {
    uint64_t cluster_id, member_id;
    const int *listen_fds;  /* copied; stay the caller's to close */
    const bool *listen_tls; /* which of them speak TLS, copied; NULL: none */
    unsigned n_listen;
    struct tls *tls;         /* for those; borrowed until peer_free */
    struct peer_trust trust; /* for calls to https URLs; the strings stay the caller's */
    const char *snap_dir;    /* where snapshots lie and come to lie; stays the caller's */
    const struct diskio *io;
    const struct clock *clock; /* by which the door loses its patience with strangers */
    /* Gate thread: was ID a member that is removed for good? It is told 410. NULL: nobody was. */
    bool (*is_removed)(void *ctx, uint64_t id);
    void *ctx;
};

/* The way out works from here on: made before the engine, which gets peer_wire. */
int peer_new(struct peer **out, const struct peer_conf *conf, struct err *e) CP_MUST_CHECK;
/* Valid until peer_free. */
const struct wire *peer_wire(struct peer *p);
/* For how long frames to member ID have found a way; 0: they do not. Any thread. */
uint64_t peer_connected_ns(struct peer *p, uint64_t id);
/* What /metrics tells of the way to the others and back; nothing when there are none. Any thread.
 */
void peer_metrics(struct peer *p, struct buf *out);
/* The way in: from now on frames go to api's engine. */
int peer_open(struct peer *p, struct api *api, struct err *e) CP_MUST_CHECK;
/* Nothing comes in any more, and the engine is not used again; before engine_stop. What the engine
 * still sends goes out. */
void peer_close(struct peer *p);
/* After engine_stop. NULL is fine. */
void peer_free(struct peer *p);
