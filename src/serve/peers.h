/* peers: the peer URLs and the floor behind them, as the server's ladder takes them up and down. */
#pragma once

#include "disk/datadir.h"
#include "peer/peer.h"
#include "serve/options.h"
#include "serve/secure.h"

#define PEERS_SOCKETS 64

struct peers {
    struct peer *peer;
    struct engine *engine; /* once it runs */
    unsigned n_fds;
    int fds[PEERS_SOCKETS];
    bool fds_tls[PEERS_SOCKETS];
};

/* Opens the sockets. A default address that somebody else has is no reason not to start, as long as
 * nothing was said of peers: one line of the log. A zeroed struct is fine for all that follows. */
int peers_listen(struct peers *p, const struct options *o, struct err *e) CP_MUST_CHECK;
/* The way out, for the engine: peer_wire. */
int peers_start(struct peers *p, const struct datadir *dir, const struct secure *secure,
                uint64_t cluster_id, uint64_t member_id, struct err *e) CP_MUST_CHECK;
/* The way in. */
int peers_open(struct peers *p, struct api *api, struct err *e) CP_MUST_CHECK;
void peers_close(struct peers *p);
/* After the engine. */
void peers_stop(struct peers *p);
