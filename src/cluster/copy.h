/* copy: what a data directory holds, read without changing it, and put into a new one as the state
 * of a member of a new cluster: one snapshot, and a log that begins behind it. Any thread. */
#pragma once

#include "base/err.h"
#include "cluster/engine.h"
#include "disk/diskio.h"

struct copy_conf {
    const struct diskio *io;
    /* From: a log, and snapshots if there are any; or one snapshot alone. */
    const char *from_wal, *from_snap; /* directories, or NULL */
    const char *snapshot;             /* file, or NULL */
    /* To: empty directories. */
    const char *to_wal, *to_snap;
    uint64_t cluster_id, member_id; /* the new ones */
    /* All members of the new cluster; for each of them the same is to be copied. */
    unsigned n_founders;
    const struct founder *founders;
    /* A snapshot was damaged; the one before it is tried. May be NULL. */
    void (*damaged)(void *ctx, const struct err *e);
    void *ctx;
};

struct copy_info {
    uint64_t snapshot_index; /* 0: none */
    uint64_t last_index, entries;
    uint64_t index; /* of the key space */
};

/* All is durable on 0, except the names of TO's directories themselves. Every entry is taken,
 * acknowledged or not. After a failure what is in TO is of no use. */
int copy_state(const struct copy_conf *conf, struct copy_info *info, struct err *e) CP_MUST_CHECK;
