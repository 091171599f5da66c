/* copy: what a data directory holds, read without changing it, and put into a new one as the state
 * of a new cluster of one member. Needs no engine; any thread. */
#pragma once

#include "codec/load.h"
#include "disk/snapfile.h"
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

/* Reads a whole snapshot. ID: what its name says, checked unless NULL. ERR_CORRUPT, ERR_VERSION and
 * others name the file. *OUT is zeroed on failure. */
int snapshot_load(const struct diskio *io, const char *path, const struct snapfile_id *id,
                  struct load_result *out, uint64_t *bytes, struct err *e) CP_MUST_CHECK;

struct copy_conf {
    const struct diskio *io;
    /* From: a log, and snapshots if there are any; or one snapshot alone. */
    const char *from_wal, *from_snap; /* directories, or NULL */
    const char *snapshot;             /* file, or NULL */
    /* To: empty directories. */
    const char *to_wal, *to_snap;
    uint64_t cluster_id, member_id; /* the new ones */
    /* A snapshot was damaged; the one before it is tried. May be NULL. */
    void (*damaged)(void *ctx, const struct err *e);
    void *ctx;
};

struct copy_info {
    uint64_t snapshot_index; /* 0: none */
    uint64_t last_index, entries;
    uint64_t index;   /* of the key space, as of the snapshot; 0: none */
    unsigned members; /* entries about members that were replaced */
};

/* All is durable on 0, except the names of TO's directories themselves. Every entry is taken,
 * acknowledged or not. After a failure what is in TO is of no use. */
int copy_state(const struct copy_conf *conf, struct copy_info *info, struct err *e) CP_MUST_CHECK;
