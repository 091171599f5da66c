/* gate: the door on the peer URLs, and its thread. */
#pragma once

#include "peer/peer.h"
#include "proto/limits.h"

#include <stdatomic.h>

struct gate;
struct net;

/* What came in from each member, for whoever looks; the gate thread writes. An id of 0 is free; ids
 * are set once. Members beyond the last place are not counted. */
struct inbound {
    struct {
        _Atomic uint64_t id, bytes;
    } from[LIMIT_MEMBERS];
};

/* CONF, API, NET and INBOUND stay until gate_stop. */
int gate_start(struct gate **out, const struct peer_conf *conf, struct api *api, struct net *net,
               struct inbound *inbound, struct err *e) CP_MUST_CHECK;
/* Nothing reaches the engine afterwards. NULL is fine. */
void gate_stop(struct gate *g);
