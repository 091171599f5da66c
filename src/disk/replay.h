/* replay: reads a log at start, decides what is a torn end and what is damage. Private to disk. */
#pragma once

#include "disk/kept.h"
#include "disk/segment.h"

struct replay_result {
    struct wal_tail tail;
    struct segment last; /* gives: open for writing, positioned behind the last record */
};

/* Removes temporary files, reads all segments through conf->replay, cuts a torn end, makes durable
 * what was found; adds the segments to KEPT. info->fresh: there were none; nothing is given then.
 */
int replay_log(const struct wal_conf *conf, struct kept *kept, struct replay_result *out,
               struct wal_info *info, struct err *e) CP_MUST_CHECK;
