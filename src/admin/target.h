/* target: a new data directory, made under a name of its own and given the lasting one when all of
 * it is durable. */
#pragma once

#include "base/err.h"

#include <stdbool.h>

struct target {
    char *dir, *part, *member; /* owned; PART becomes MEMBER */
    char *wal, *snap;          /* owned; where to write */
    bool own_wal;              /* WAL is not within PART */
    bool begun;
};

/* DIR, and WAL (NULL: within DIR), must be absent or empty. target_abort or target_commit ends it,
 * also after a failure. */
int target_begin(struct target *t, const char *dir, const char *wal, struct err *e) CP_MUST_CHECK;
/* On failure as target_abort. */
int target_commit(struct target *t, struct err *e) CP_MUST_CHECK;
/* Removes what was written. */
void target_abort(struct target *t);
