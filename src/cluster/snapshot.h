/* snapshot: when one is due, what goes into it, what is trimmed behind it, and the way back at
 * start. The engine pins the version and hands it, with all that belongs to it, to a thread of the
 * snapshot's own; it goes on meanwhile and hears by mail how it ended. One at a time. Private to
 * cluster. */
#pragma once

#include "base/err.h"
#include "base/mailbox.h"
#include "cluster/consensus.h"

#include <stdbool.h>
#include <stdint.h>

struct dump;
struct engine;
struct load_result;
struct snapshot_job;
struct version;

/* Engine only. */
struct snapshotter {
    struct snapshot_job *job;    /* the one that is being written, or NULL */
    struct snapshot_mark newest; /* durable; index 0: there is none */
    uint64_t before;             /* the same of the one kept beside it; 0: there is none */
    uint64_t bytes;              /* its size */
    uint64_t log_bytes;          /* payloads in the log since it was begun */
    uint64_t retry_ms;           /* after a failure: not before this */
};

/* Once a turn, when all that was applied is published. */
void snapshot_turn(struct engine *e);
/* The mail of a job came: trims the log behind a snapshot that is durable. */
void snapshot_ended(struct engine *e, struct mail *mail);
/* At the end of the engine: breaks off the one that is being written; its mail is then for
 * snapshot_drop. */
void snapshot_stop(struct engine *e);
void snapshot_drop(struct mail *mail);

/* Beside the engine, when there is a new one: removes all but the newest, and one to fall back to.
 */
void snapshot_purge(const struct engine *e);

/* At start: what the newest good snapshot holds goes into the engine; false in *FOUND when there is
 * none. A damaged one is passed over with a warning: whether the log still reaches back to the one
 * before it, the replay tells. */
int snapshot_restore(struct engine *e, bool *found, struct err *err) CP_MUST_CHECK;
/* What a snapshot held becomes the engine's state; takes the store. */
void snapshot_adopt(struct engine *e, struct load_result *r, uint64_t bytes);
/* What goes into one of V (pinned until dump_free) at MARK. */
struct dump *snapshot_dump(struct engine *e, const struct snapshot_mark *mark,
                           const struct version *v);
