/* peers: what goes to the other members and comes from them. Engine thread only, except
 * engine_receive and engine_removed. Private to cluster. */
#pragma once

#include "cluster/frame.h"

struct engine;

/* Consensus has a message for a member; takes it. */
void peers_send(struct engine *e, struct peer_message *m);
/* A frame has come; takes it. */
void peers_receive(struct engine *e, struct frame *f);
/* Tells the wire whom to talk to, when that has changed. */
void peers_turn(struct engine *e);
