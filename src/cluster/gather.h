/* gather: the entries of a log, as they stand at its end: what a later record replaced is gone.
 * Private to cluster. */
#pragma once

#include "cluster/entry.h"
#include "cluster/reach.h"

#include <stddef.h>

#define GATHER_WHAT_TO_DO                                                                          \
    "restore this member from a backup, or remove it from the cluster and add it again with an "   \
    "empty data directory"

/* What the log holds, gathered while it is read. */
struct gather {
    struct log_reach reach;
    struct log_entry *entries; /* those of reach */
    size_t n, cap;
    int64_t last_stamp_ns;
};

/* Refuses what this program does not know, before anything is applied. */
int gather_record(struct gather *r, const struct wal_record *rec, struct err *err) CP_MUST_CHECK;
/* Drops all but the first KEEP entries. */
void gather_cut(struct gather *r, size_t keep);
/* Frees the entries. */
void gather_fini(struct gather *r);
