/* backlog: the engine never waits for the disk. What the log thread has not taken is bounded, and
 * beyond the bound new entries are held back: writes wait in the batch, and of what a leader sends
 * only so much is taken as fits; it sends the rest again. Terms and votes always fit. Private to
 * cluster. */
#pragma once

#include "cluster/consensus.h"

struct engine;

/* How many of the N entries at ENTRIES the log has room for, from the front. */
unsigned backlog_fits(struct engine *e, const struct log_entry *entries, unsigned n);
/* Takes from an append what has no room: never what is in our log, so that what is left is a
 * message the leader might have sent. */
void backlog_cut(struct engine *e, struct peer_message *m);
