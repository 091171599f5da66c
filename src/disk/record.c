#include "disk/record.h"

#include "base/crc32c.h"

#include <endian.h>
#include <string.h>

static const char magic[8] = "copsewal";

static void put32(uint8_t *p, uint32_t v)
{
    v = htole32(v);
    memcpy(p, &v, 4);
}

static void put64(uint8_t *p, uint64_t v)
{
    v = htole64(v);
    memcpy(p, &v, 8);
}

static uint32_t get32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return le32toh(v);
}

static uint64_t get64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return le64toh(v);
}

enum {
    AT_CHECK = 0,
    AT_SIZE = 4,
    AT_PREV = 8,
    AT_BATCH = 12,
    AT_AT = 16,
    AT_TYPE = 20,
    AT_KIND = 21
};

size_t record_encode(struct buf *out, const struct wal_record *r)
{
    struct span payload = {NULL, 0};
    uint64_t a = 0, b = 0;
    uint8_t kind = 0;
    switch (r->type) {
    case WAL_STATE:
        a = r->state.term;
        b = r->state.vote;
        break;
    case WAL_ENTRY:
        a = r->entry.index;
        b = r->entry.term;
        kind = r->entry.kind;
        payload = r->entry.payload;
        break;
    case WAL_MARK:
        a = r->mark.index;
        b = r->mark.term;
        break;
    case WAL_IDENTITY:
    default:
        check_failed(__FILE__, __LINE__, "a record of this type can be appended");
    }
    CP_ASSERT(payload.len <= LIMIT_ENTRY_BYTES);
    size_t size = 16 + payload.len, bytes = record_bytes(size);
    buf_reserve(out, bytes);
    uint8_t *rec = (uint8_t *)out->ptr + out->len;
    memset(rec, 0, RECORD_HEAD_BYTES);
    put32(rec + AT_SIZE, (uint32_t)size);
    rec[AT_TYPE] = (uint8_t)r->type;
    rec[AT_KIND] = kind;
    put64(rec + RECORD_HEAD_BYTES, a);
    put64(rec + RECORD_HEAD_BYTES + 8, b);
    if (payload.len > 0)
        memcpy(rec + RECORD_HEAD_BYTES + 16, payload.ptr, payload.len);
    memset(rec + RECORD_HEAD_BYTES + size, 0, bytes - RECORD_HEAD_BYTES - size);
    out->len += bytes;
    return bytes;
}

size_t record_encoded_bytes(const uint8_t *rec)
{
    return record_bytes(get32(rec + AT_SIZE));
}

uint32_t record_seal(uint8_t *rec, uint32_t salt, uint32_t prev, uint32_t batch, uint32_t at)
{
    CP_ASSERT(batch <= at);
    put32(rec + AT_PREV, prev);
    put32(rec + AT_BATCH, batch);
    put32(rec + AT_AT, at);
    uint32_t check = crc32c(salt, rec + 4, record_encoded_bytes(rec) - 4);
    put32(rec + AT_CHECK, check);
    return check;
}

bool record_verify(const uint8_t *rec, size_t len, uint64_t at, uint32_t salt,
                   struct record_head *head)
{
    if (len < RECORD_HEAD_BYTES)
        return false;
    head->check = get32(rec + AT_CHECK);
    head->size = get32(rec + AT_SIZE);
    head->prev = get32(rec + AT_PREV);
    head->batch = get32(rec + AT_BATCH);
    head->at = get32(rec + AT_AT);
    head->type = rec[AT_TYPE];
    head->kind = rec[AT_KIND];
    /* The cheap ones first: the search behind a bad record asks at every eighth byte. */
    if (head->at != at || head->batch > at || head->batch < SEGMENT_HEAD_BYTES)
        return false;
    if (head->type < WAL_STATE || head->type > WAL_MARK)
        return false;
    if (head->size < 16 || head->size > RECORD_PAYLOAD_MAX || record_bytes(head->size) > len)
        return false;
    if (head->type != WAL_ENTRY && head->size != 16)
        return false;
    return crc32c(salt, rec + 4, record_bytes(head->size) - 4) == head->check;
}

void record_decode(const uint8_t *rec, struct wal_record *out)
{
    const uint8_t *p = rec + RECORD_HEAD_BYTES;
    uint64_t a = get64(p), b = get64(p + 8);
    *out = (struct wal_record){.type = rec[AT_TYPE]};
    switch (out->type) {
    case WAL_STATE:
        out->state.term = a;
        out->state.vote = b;
        break;
    case WAL_ENTRY:
        out->entry.index = a;
        out->entry.term = b;
        out->entry.kind = rec[AT_KIND];
        out->entry.payload = span_make(p + 16, get32(rec + AT_SIZE) - 16u);
        break;
    case WAL_MARK:
        out->mark.index = a;
        out->mark.term = b;
        break;
    case WAL_IDENTITY:
    default:
        check_failed(__FILE__, __LINE__, "the record was verified");
    }
}

void wal_tail_move(struct wal_tail *tail, const struct wal_record *r)
{
    if (r->type == WAL_STATE) {
        tail->term = r->state.term;
        tail->vote = r->state.vote;
    } else if (r->type == WAL_ENTRY) {
        tail->last_index = r->entry.index;
        tail->last_term = r->entry.term;
    } else if (r->type == WAL_MARK) {
        tail->last_index = r->mark.index;
        tail->last_term = r->mark.term;
    }
}

enum {
    HEAD_VERSION = 8,
    HEAD_CHECK = 12,
    HEAD_PREV = 16,
    HEAD_SALT = 20,
    HEAD_CLUSTER = 24,
    HEAD_MEMBER = 32,
    HEAD_SEQUENCE = 40,
    HEAD_LAST_INDEX = 48,
    HEAD_LAST_TERM = 56,
    HEAD_TERM = 64,
    HEAD_VOTE = 72,
    HEAD_BYTES = 80,
};

static uint32_t segment_head_check(const uint8_t *bytes)
{
    static const uint8_t zero[4] = {0};
    uint32_t c = crc32c(0, bytes, HEAD_CHECK);
    c = crc32c(c, zero, sizeof(zero));
    return crc32c(c, bytes + HEAD_PREV, SEGMENT_HEAD_BYTES - HEAD_PREV);
}

void segment_head_encode(uint8_t *out, struct segment_head *head)
{
    memset(out, 0, SEGMENT_HEAD_BYTES);
    memcpy(out, magic, sizeof(magic));
    head->version = SEGMENT_VERSION;
    put32(out + HEAD_VERSION, head->version);
    put32(out + HEAD_PREV, head->prev);
    put32(out + HEAD_SALT, head->salt);
    put64(out + HEAD_CLUSTER, head->cluster_id);
    put64(out + HEAD_MEMBER, head->member_id);
    put64(out + HEAD_SEQUENCE, head->sequence);
    put64(out + HEAD_LAST_INDEX, head->tail.last_index);
    put64(out + HEAD_LAST_TERM, head->tail.last_term);
    put64(out + HEAD_TERM, head->tail.term);
    put64(out + HEAD_VOTE, head->tail.vote);
    put64(out + HEAD_BYTES, head->bytes);
    head->check = segment_head_check(out);
    put32(out + HEAD_CHECK, head->check);
}

enum segment_head_state segment_head_decode(const uint8_t *bytes, size_t len,
                                            struct segment_head *head)
{
    if (len < SEGMENT_HEAD_BYTES)
        return SEGMENT_SHORT;
    if (memcmp(bytes, magic, sizeof(magic)) != 0)
        return SEGMENT_ALIEN;
    head->check = get32(bytes + HEAD_CHECK);
    if (head->check != segment_head_check(bytes))
        return SEGMENT_BAD;
    head->version = get32(bytes + HEAD_VERSION);
    if (head->version != SEGMENT_VERSION)
        return SEGMENT_NEWER;
    head->prev = get32(bytes + HEAD_PREV);
    head->salt = get32(bytes + HEAD_SALT);
    head->cluster_id = get64(bytes + HEAD_CLUSTER);
    head->member_id = get64(bytes + HEAD_MEMBER);
    head->sequence = get64(bytes + HEAD_SEQUENCE);
    head->tail = (struct wal_tail){.last_index = get64(bytes + HEAD_LAST_INDEX),
                                   .last_term = get64(bytes + HEAD_LAST_TERM),
                                   .term = get64(bytes + HEAD_TERM),
                                   .vote = get64(bytes + HEAD_VOTE)};
    head->bytes = get64(bytes + HEAD_BYTES);
    return SEGMENT_GOOD;
}
