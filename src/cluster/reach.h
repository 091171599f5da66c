/* reach: how far a log goes on from a snapshot. Any thread. */
#pragma once

#include "base/err.h"
#include "disk/wal.h"

/* The newest entries of a directory are those of a snapshot and of the log behind it. Follows the
 * rule at `replay` in disk/wal.h, record by record, and refuses as the start of a member does. */
struct log_reach {
    uint64_t base_index, base_term; /* of the snapshot; 0: there is none */
    uint64_t entries;               /* behind it */
    uint64_t term, vote;
    bool seen_base; /* the log knows the entry at base_index, with seen_term */
    uint64_t seen_term;
};

int log_reach_record(struct log_reach *r, const struct wal_record *record,
                     struct err *e) CP_MUST_CHECK;
/* The last entry. When log and snapshot disagree about the snapshot's, the log counts for nothing.
 */
uint64_t log_reach_last(const struct log_reach *r);
/* Reads what an entry holds as a member would: 0, ERR_MALFORMED, ERR_VERSION. */
int log_reach_check(const struct wal_record *entry, struct err *e) CP_MUST_CHECK;
