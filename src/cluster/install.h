/* install: a snapshot of the leader replaces the state of a member that has fallen too far behind.
 * The file is durable among our own when consensus hears of it; it is loaded beside the engine, and
 * in one turn the tree, the history and the table of members are exchanged. Readers keep what they
 * have pinned. Private to cluster. */
#pragma once

#include "base/mailbox.h"
#include "cluster/consensus.h"

struct engine;
struct install_job;

/* Engine thread, from consensus: MARK is to be installed. */
void install_begin(struct engine *e, const struct snapshot_mark *mark);
/* The mail of the job came. */
void install_ended(struct engine *e, struct mail *mail);
/* At the end of the engine, which the job has seen: waits for it; its mail is then for
 * install_drop.
 */
void install_stop(struct engine *e);
void install_drop(struct mail *mail);
