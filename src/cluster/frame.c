/* frame: frames as bytes. Equal frames have equal bytes: reserved bytes are zero, flags hold only
 * the bits that are known and nothing stands behind the body, so what decodes also encodes to the
 * same bytes. */
#include "cluster/frame_priv.h"

#include "base/crc32c.h"
#include "base/mem.h"
#include "proto/limits.h"

#include <endian.h>

struct frame *frame_new(enum frame_type type, uint64_t from, uint64_t to)
{
    struct frame *f = mem_zalloc(sizeof(*f));

    f->type = type;
    f->from = from;
    f->to = to;
    return f;
}

void frame_free(struct frame *f)
{
    if (f == NULL)
        return;
    if (f->type == FRAME_MESSAGE)
        peer_message_free(f->message);
    if (f->type == FRAME_FORWARD) {
        for (unsigned i = 0; i < f->forward.n; i++)
            blob_unref(f->forward.commands[i]);
        mem_free(f->forward.commands);
    }
    if (f->type == FRAME_REFUSED)
        mem_free(f->refused.requests);
    mem_free(f);
}

/* Counting. */

static size_t message_bytes(const struct peer_message *m)
{
    size_t n = 20; /* type, reserved, term, time */

    switch (m->type) {
    case PEER_VOTE:
        return n + 20;
    case PEER_VOTE_RESULT:
        return n + 4;
    case PEER_APPEND:
        n += 28;
        for (unsigned i = 0; i < m->append.n; i++) {
            const struct blob *payload = m->append.entries[i].payload;

            n += ENTRY_FIXED_BYTES + (payload != NULL ? payload->len : 0);
        }
        return n;
    case PEER_APPEND_RESULT:
    case PEER_TIMEOUT_NOW:
        return n + 16;
    case PEER_SNAPSHOT:
        return n + 28 + m->snapshot.mark->members.n * (size_t)PLACE_BYTES;
    }
    CP_NEVER("a message of no type");
}

size_t frame_bytes(const struct frame *f)
{
    size_t n = FRAME_HEAD_BYTES + BODY_FIXED_BYTES;

    switch (f->type) {
    case FRAME_MESSAGE:
        return n + message_bytes(f->message);
    case FRAME_FORWARD:
        n += 28;
        for (unsigned i = 0; i < f->forward.n; i++)
            n += 4 + f->forward.commands[i]->len;
        return n;
    case FRAME_REFUSED:
        return n + 20 + 8 * (size_t)f->refused.n;
    case FRAME_READ:
    case FRAME_CONFIRM:
    case FRAME_CONFIRMED:
        return n + 16;
    case FRAME_READ_INDEX:
        return n + 28;
    }
    CP_NEVER("a frame of no type");
}

/* Writing: AT moves on; the space was counted before. */

static void put_u32(char **at, size_t v)
{
    CP_ASSERT(v <= UINT32_MAX);

    uint32_t le = htole32((uint32_t)v);

    memcpy(*at, &le, sizeof(le));
    *at += sizeof(le);
}

static void put_u64(char **at, uint64_t v)
{
    v = htole64(v);
    memcpy(*at, &v, sizeof(v));
    *at += sizeof(v);
}

/* A byte and three reserved ones. */
static void put_small(char **at, unsigned v)
{
    CP_ASSERT(v <= UINT8_MAX);
    put_u32(at, v);
}

static void put_counted(char **at, const struct blob *b)
{
    size_t n = b != NULL ? b->len : 0;

    put_u32(at, n);
    if (n > 0)
        memcpy(*at, b->data, n);
    *at += n;
}

static void put_append(char **at, const struct peer_append *a)
{
    put_u64(at, a->prev_index);
    put_u64(at, a->prev_term);
    put_u64(at, a->commit);
    put_u32(at, a->n);
    for (unsigned i = 0; i < a->n; i++) {
        put_u64(at, a->entries[i].term);
        put_small(at, a->entries[i].type);
        put_counted(at, a->entries[i].payload);
    }
}

static void put_mark(char **at, const struct snapshot_mark *mark)
{
    put_u64(at, mark->index);
    put_u64(at, mark->term);
    put_u64(at, mark->members_index);
    put_u32(at, mark->members.n);
    for (unsigned i = 0; i < mark->members.n; i++) {
        put_u64(at, mark->members.m[i].id);
        put_small(at, mark->members.m[i].role);
    }
}

static void put_message(char **at, const struct peer_message *m)
{
    put_small(at, m->type);
    put_u64(at, m->term);
    put_u64(at, (uint64_t)m->time_ns);
    switch (m->type) {
    case PEER_VOTE:
        put_u64(at, m->vote.last_index);
        put_u64(at, m->vote.last_term);
        put_small(at,
                  (m->vote.disrupt ? FLAG_DISRUPT : 0) | (m->vote.pre_vote ? FLAG_PRE_VOTE : 0));
        break;
    case PEER_VOTE_RESULT:
        put_small(at, (m->vote_result.granted ? FLAG_GRANTED : 0) |
                          (m->vote_result.pre_vote ? FLAG_PRE_VOTE : 0));
        break;
    case PEER_APPEND:
        put_append(at, &m->append);
        break;
    case PEER_APPEND_RESULT:
        put_u64(at, m->append_result.rejected);
        put_u64(at, m->append_result.last_index);
        break;
    case PEER_SNAPSHOT:
        put_mark(at, m->snapshot.mark);
        break;
    case PEER_TIMEOUT_NOW:
        put_u64(at, m->timeout_now.last_index);
        put_u64(at, m->timeout_now.last_term);
        break;
    }
}

static void put_body(char **at, const struct frame *f)
{
    put_u32(at, (size_t)f->type | FRAME_FORMAT << 8);
    put_u64(at, f->from);
    put_u64(at, f->to);
    switch (f->type) {
    case FRAME_MESSAGE:
        CP_ASSERT(f->message->from == f->from);
        CP_ASSERT(f->message->to == f->to);
        put_message(at, f->message);
        break;
    case FRAME_FORWARD:
        put_u64(at, f->forward.session);
        put_u64(at, f->forward.number);
        put_u64(at, f->forward.term);
        put_u32(at, f->forward.n);
        for (unsigned i = 0; i < f->forward.n; i++)
            put_counted(at, f->forward.commands[i]);
        break;
    case FRAME_REFUSED:
        put_u64(at, f->refused.session);
        put_u64(at, f->refused.number);
        put_u32(at, f->refused.n);
        for (unsigned i = 0; i < f->refused.n; i++)
            put_u64(at, f->refused.requests[i]);
        break;
    case FRAME_READ:
        put_u64(at, f->read.session);
        put_u64(at, f->read.number);
        break;
    case FRAME_READ_INDEX:
        put_u64(at, f->read_index.session);
        put_u64(at, f->read_index.number);
        put_small(at, f->read_index.ok);
        put_u64(at, f->read_index.index);
        break;
    case FRAME_CONFIRM:
    case FRAME_CONFIRMED:
        put_u64(at, f->confirm.term);
        put_u64(at, f->confirm.number);
        break;
    }
}

void frame_encode(const struct frame *f, struct buf *out)
{
    size_t n = frame_bytes(f);

    CP_ASSERT(n <= LIMIT_FRAME_BYTES);
    buf_reserve(out, n);

    char *head = out->ptr + out->len;
    char *body = head + FRAME_HEAD_BYTES;
    char *at = body;

    put_body(&at, f);
    CP_ASSERT(at == head + n);
    put_u32(&head, n - FRAME_HEAD_BYTES);
    put_u32(&head, crc32c(0, body, n - FRAME_HEAD_BYTES));
    out->len += n;
}
