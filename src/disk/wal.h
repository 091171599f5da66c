/* wal: the log on disk: preallocated segments of records with chained CRC32C, and the thread that
 * makes them durable in groups: it takes all that was appended meanwhile, one pwrite and one
 * fdatasync, and reports. Knows nothing of raft or the tree. wal_append is for one thread (the
 * engine); a failed write or fdatasync ends the process (DESIGN 7). Formats: doc/disk.md. */
#pragma once

#include "base/blob.h"
#include "base/err.h"
#include "base/metric.h"
#include "disk/diskio.h"

#include <stdbool.h>
#include <stdint.h>

enum wal_type {
    WAL_IDENTITY = 1, /* cluster id, member id: from the heads of segments, never appended */
    WAL_STATE = 2,    /* term, vote */
    WAL_ENTRY = 3,    /* index, term, kind, payload; replaces that index and all behind it */
    WAL_MARK = 4,     /* index, term: all entries are dropped, the next one is index + 1 */
};

struct wal_record {
    enum wal_type type;
    union {
        struct {
            uint64_t cluster_id, member_id;
        } identity;
        struct {
            uint64_t term, vote;
        } state;
        struct {
            uint64_t index, term;
            uint8_t kind;
            struct span payload;
        } entry;
        struct {
            uint64_t index, term;
        } mark;
    };
};

struct wal;

#define WAL_SEGMENT_BYTES (UINT64_C(64) << 20)
/* Appended and not yet with the log thread; wal_append waits beyond it. */
#define WAL_PENDING_BYTES ((size_t)64 << 20)
/* Of a record, at most, beside its payload. */
#define WAL_RECORD_BYTES 48u
/* Of the process, when a write or sync failed: EX_IOERR. */
#define WAL_EXIT_CODE 74

struct wal_conf {
    const char *dir; /* exists */
    const struct diskio *io;
    uint64_t segment_bytes; /* 0: WAL_SEGMENT_BYTES; 4 KiB to 1 GiB */
    /* No threads: their work is done in wal_step and wal_spare_step, which the owner calls (what
     * would wait for them calls them itself). For simulation. */
    bool stepped;
    /* Written into a new log; checked against an old one when not 0. */
    uint64_t cluster_id, member_id;
    /* Replay, on the caller's thread, in order; borrows. First of all WAL_IDENTITY, and for what
     * segments purged since held, one WAL_STATE and one WAL_MARK. A negative code ends wal_open
     * with it. Not called for a fresh log.
     *
     * Over a snapshot with the last index S (0: none), begin with no entries behind S, and take
     *   WAL_MARK  up to S: drop all entries gathered; beyond S: the log does not reach back to this
     *             snapshot, refuse;
     *   WAL_ENTRY up to S: drop all entries gathered (it replaced them), itself too; beyond S: it
     *             replaces its index and all behind it, and follows S or an entry gathered.
     * No other order among those up to S means anything: a log that was purged may begin with the
     * mark of an entry that a later one replaced. */
    int (*replay)(void *ctx, const struct wal_record *r, struct err *e);
    /* Log thread, in order, also during wal_close: all up to LSN is durable. */
    void (*durable)(void *ctx, uint64_t lsn);
    /* A thread of the log: there is no room for the segment after the present one, and TROUBLE says
     * why (-ENOSPC, -EDQUOT, -EROFS, …), or there is again (0). What fits into the present one
     * still is taken; the owner refuses new writes meanwhile. May come before wal_open returns. */
    void (*space)(void *ctx, int trouble);
    void *ctx;
};

/* What was found at start. */
struct wal_info {
    bool fresh; /* nothing was there */
    uint64_t cluster_id, member_id;
    uint64_t segments, records, bytes, torn_bytes;
    /* Of the first segment kept: the entry, or mark, before it; 0: none, the log is whole. */
    uint64_t base_index, base_term;
};

/* Reads the whole log (replay), cuts a torn tail with one log line, makes all that was read
 * durable, and starts the threads. ERR_CORRUPT names file and offset and says what to do;
 * ERR_FOREIGN, ERR_VERSION likewise. */
int wal_open(struct wal **out, const struct wal_conf *conf, struct wal_info *info,
             struct err *e) CP_MUST_CHECK;
/* Makes all durable (unless the disk is full: what found no room is dropped, with a log line),
 * stops the threads, frees. */
void wal_close(struct wal *w);

/* Copies the record behind those appended before; returns its log sequence number: 1, 2, … since
 * wal_open. Nothing is written before wal_flush, unless WAL_PENDING_BYTES wait: then it flushes,
 * and waits for room. */
uint64_t wal_append(struct wal *w, const struct wal_record *r);
/* What was appended and is not yet with the log thread: who must not wait looks here first. */
size_t wal_pending(struct wal *w);
/* Hands what was appended to the thread. */
void wal_flush(struct wal *w);
/* Flushes and waits until all is durable; at start, before an install, and in tests. The durable
 * callback is not called for it, nor for what was under way before: look at wal_durable. */
void wal_sync(struct wal *w);
/* wal_sync for a start: waits for no room. 0, or why there is none for all of it (-ENOSPC, as for
 * space); then only wal_close is left. */
int wal_sync_start(struct wal *w) CP_MUST_CHECK;
uint64_t wal_durable(const struct wal *w);
/* Any thread: what the log thread has done since the start; valid until wal_close. */
struct wal_figures {
    _Atomic uint64_t written_bytes;
    struct histogram sync; /* how long fdatasync took */
};
const struct wal_figures *wal_figures(const struct wal *w);
/* Stepped: one group commit: all that was flushed. False: nothing to do, or no room for the rest of
 * it, which stays for the next time. */
bool wal_step(struct wal *w);
/* Stepped: makes the segment that is wanted, or removes what is purged. False: nothing to do, or no
 * room. */
bool wal_spare_step(struct wal *w);
/* Nothing up to INDEX is needed any more: removes whole segments of the log from its front, as far
 * as nothing behind INDEX is in them. At once for the caller; a thread of the log does it, at the
 * latest in wal_close. Give the index of the oldest snapshot that is to be of use, or a lower one
 * for slow followers; that snapshot must be durable. Any thread. */
void wal_purge(struct wal *w, uint64_t index);

/* ---- looking into a log without being its owner ---- */

/* Where a record stands. The three that stand for removed segments (see replay) have no bytes. */
struct wal_place {
    const char *file; /* path */
    uint64_t at, bytes;
};

struct wal_segment {
    const char *file; /* path */
    uint64_t sequence, first_index;
    uint64_t last_index; /* behind its last record; 0: nothing yet */
    uint64_t records, bytes;
    uint64_t torn_bytes; /* behind the last record: the next start will cut them, or they are being
                            written at this moment */
};

struct wal_look {
    const char *dir;
    const struct diskio *io;
    /* As replay in wal_conf. May be NULL. */
    int (*record)(void *ctx, const struct wal_place *place, const struct wal_record *r,
                  struct err *e);
    /* After the last record of a segment. May be NULL. */
    void (*segment)(void *ctx, const struct wal_segment *s);
    void *ctx;
};

/* Reads the whole log with the refusals of wal_open (but of no id) and changes nothing, also while
 * its owner writes: then it ends with a record
 * that was written when it began, or later. -ENOENT: segments were purged while it read, so that
 * those left do not follow what was read; try again. Otherwise as wal_open. */
int wal_look(const struct wal_look *look, struct wal_info *info, struct err *e) CP_MUST_CHECK;
