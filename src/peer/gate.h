/* gate: the door on the peer URLs, and its thread. */
#pragma once

#include "peer/peer.h"

struct gate;
struct net;

/* CONF, API and NET stay until gate_stop. */
int gate_start(struct gate **out, const struct peer_conf *conf, struct api *api, struct net *net,
               struct err *e) CP_MUST_CHECK;
/* Nothing reaches the engine afterwards. NULL is fine. */
void gate_stop(struct gate *g);
