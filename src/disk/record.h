/* record: the bytes of one record of the log, and of the head of a segment. Pure: no files, no
 * threads. All numbers are little endian; doc/disk.md draws the layout. Private to disk.
 *
 * A record can be verified alone (its checksum covers head and payload, begins with the segment's
 * random salt, and the head names its own offset), and its place in the chain (the head holds the
 * checksum of the record before). So the reader can tell what stands behind a bad record. `batch`
 * is where the write began that brought the record: all in front of it was durable by then. A good
 * record whose batch lies behind a bad one proves that the bad one was durable. */
#pragma once

#include "base/buf.h"
#include "disk/wal.h"
#include "proto/limits.h"

#define RECORD_HEAD_BYTES  24u
#define RECORD_PAYLOAD_MAX (LIMIT_ENTRY_BYTES + 16u) /* an entry: index, term, bytes */
#define SEGMENT_HEAD_BYTES 96u
#define SEGMENT_VERSION    1u

struct record_head {
    uint32_t check, size, prev, batch, at;
    uint8_t type, kind;
};

/* What the log is about at one place in it; a segment begins with it, so that those before can go.
 */
struct wal_tail {
    uint64_t last_index, last_term; /* the last entry, or mark */
    uint64_t term, vote;
};

struct segment_head {
    uint32_t version, check, prev, salt;
    uint64_t cluster_id, member_id, sequence;
    struct wal_tail tail;
    uint64_t bytes; /* that the file had when it was made; 0: not said */
};

/* Head and payload with padding. */
static inline size_t record_bytes(size_t size)
{
    return RECORD_HEAD_BYTES + ((size + 7u) & ~(size_t)7u);
}

/* Adds the record without its place (record_seal). Returns the bytes added. */
size_t record_encode(struct buf *out, const struct wal_record *r);
/* How many bytes the encoded record at REC has; of one not verified: says it has. */
size_t record_encoded_bytes(const uint8_t *rec);
/* Gives the record its place: PREV, BATCH and AT are of HEAD; returns the checksum. */
uint32_t record_seal(uint8_t *rec, uint32_t salt, uint32_t prev, uint32_t batch, uint32_t at);
/* Is there a whole record, good in itself, in the LEN bytes at REC, which stand at AT of a segment?
 * Fills HEAD. */
bool record_verify(const uint8_t *rec, size_t len, uint64_t at, uint32_t salt,
                   struct record_head *head);
/* Values of a verified record; borrows its payload. */
void record_decode(const uint8_t *rec, struct wal_record *out);
/* Carries TAIL over the record. */
void wal_tail_move(struct wal_tail *tail, const struct wal_record *r);

enum segment_head_state { SEGMENT_GOOD, SEGMENT_SHORT, SEGMENT_ALIEN, SEGMENT_BAD, SEGMENT_NEWER };

/* Writes SEGMENT_HEAD_BYTES; fills head->check and head->version. */
void segment_head_encode(uint8_t *out, struct segment_head *head);
enum segment_head_state segment_head_decode(const uint8_t *bytes, size_t len,
                                            struct segment_head *head);
