/* command: entries of the log as bytes. Equal commands have equal bytes: every field is stored as
 * it is, reserved bytes are zero and nothing may stand behind the body, so what decodes also
 * encodes to the same bytes. */
#include "codec/command.h"

#include "base/reader.h"
#include "codec/lines.h"
#include "proto/limits.h"

#include <endian.h>

#define STAMP_AT   4
#define ORIGIN_AT  12
#define REQUEST_AT 20

#define STORE_FIXED_BYTES                                                                          \
    36 /* verb u8, exist u8, reserved u16, flags u32, prev_index, ttl_s, three lengths u32 */
#define MEMBER_FIXED_BYTES                                                                         \
    16 /* id, number of peer URLs u8, of client URLs u8, reserved u16, length of the name u32 */

#define ACCOUNT_FIXED_BYTES                                                                        \
    60 /* verb u8, open u8, nulls u8, reserved u8, two lengths u32; of six lists: n, length u32 */

_Static_assert(REQUEST_AT + 8 == COMMAND_HEAD_BYTES, "the head ends with the request");

#define OP_FLAGS_KNOWN                                                                             \
    (OP_DIR | OP_RECURSIVE | OP_REFRESH | OP_HAS_PREV_VALUE | OP_HAS_TTL | OP_NO_VALUE)

/* Writing: AT moves on; the space was counted before. */

static void put_u8(char **at, unsigned v)
{
    CP_ASSERT(v <= UINT8_MAX);
    *(*at)++ = (char)v;
}

static void put_u16(char **at, uint16_t v)
{
    v = htole16(v);
    memcpy(*at, &v, sizeof(v));
    *at += sizeof(v);
}

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

static void put_span(char **at, struct span s)
{
    if (s.len > 0)
        memcpy(*at, s.ptr, s.len);
    *at += s.len;
}

static void put_counted(char **at, struct span s)
{
    put_u32(at, s.len);
    put_span(at, s);
}

static size_t body_bytes(const struct command *c)
{
    switch (c->kind) {
    case COMMAND_STORE:
        return STORE_FIXED_BYTES + c->op.path.len + c->op.value.len + c->op.prev_value.len;
    case COMMAND_EXPIRE:
    case COMMAND_LEVEL:
        return 4;
    case COMMAND_MEMBER:
    case COMMAND_MEMBER_ADD:
    case COMMAND_MEMBER_REMOVE:
    case COMMAND_MEMBER_UPDATE: {
        size_t n = MEMBER_FIXED_BYTES + c->member.name.len;

        for (unsigned i = 0; i < c->member.n_peer_urls; i++)
            n += 4 + c->member.peer_urls[i].len;
        for (unsigned i = 0; i < c->member.n_client_urls; i++)
            n += 4 + c->member.client_urls[i].len;
        return n;
    }
    case COMMAND_ACCOUNT: {
        size_t n = ACCOUNT_FIXED_BYTES + c->account.name.len + c->account.hash.len;

        for (unsigned i = 0; i < ACCOUNT_LISTS; i++)
            n += c->account.list[i].packed.len;
        return n;
    }
    }
    CP_NEVER("a command of no kind");
}

static void put_account(char **at, const struct account_op *op)
{
    unsigned nulls = 0;

    for (unsigned i = 0; i < ACCOUNT_LISTS; i++)
        nulls |= (unsigned)op->list[i].null << i;
    put_u8(at, op->verb);
    put_u8(at, op->guest_open);
    put_u8(at, nulls);
    put_u8(at, 0);
    put_counted(at, op->name);
    put_counted(at, op->hash);
    for (unsigned i = 0; i < ACCOUNT_LISTS; i++) {
        put_u32(at, op->list[i].n);
        put_counted(at, op->list[i].packed);
    }
}

static void put_store(char **at, const struct store_op *op)
{
    CP_ASSERT(op->path.len > 0 && op->path.ptr[0] == '/');
    CP_ASSERT(op->path.len <= LIMIT_PATH_BYTES);
    CP_ASSERT((op->flags & ~(unsigned)OP_FLAGS_KNOWN) == 0);
    put_u8(at, op->verb);
    put_u8(at, op->exist);
    put_u16(at, 0);
    put_u32(at, op->flags);
    put_u64(at, op->prev_index);
    put_u64(at, op->ttl_s);
    put_u32(at, op->path.len);
    put_u32(at, op->value.len);
    put_u32(at, op->prev_value.len);
    put_span(at, op->path);
    put_span(at, op->value);
    put_span(at, op->prev_value);
}

static void put_member(char **at, const struct command_member *m)
{
    CP_ASSERT(m->n_peer_urls <= COMMAND_MEMBER_URLS);
    CP_ASSERT(m->n_client_urls <= COMMAND_MEMBER_URLS);
    put_u64(at, m->id);
    put_u8(at, m->n_peer_urls);
    put_u8(at, m->n_client_urls);
    put_u16(at, 0);
    put_counted(at, m->name);
    for (unsigned i = 0; i < m->n_peer_urls; i++)
        put_counted(at, m->peer_urls[i]);
    for (unsigned i = 0; i < m->n_client_urls; i++)
        put_counted(at, m->client_urls[i]);
}

struct blob *command_encode(const struct command *c)
{
    struct blob *b = blob_new(COMMAND_HEAD_BYTES + body_bytes(c));
    char *at = b->data;

    put_u8(&at, c->kind);
    put_u8(&at, COMMAND_FORMAT);
    put_u16(&at, 0);
    put_u64(&at, (uint64_t)c->stamp_ns);
    put_u64(&at, c->origin);
    put_u64(&at, c->request);
    switch (c->kind) {
    case COMMAND_STORE:
        put_store(&at, &c->op);
        break;
    case COMMAND_EXPIRE:
        put_u32(&at, c->expire_max);
        break;
    case COMMAND_LEVEL:
        put_u32(&at, c->level);
        break;
    case COMMAND_MEMBER:
    case COMMAND_MEMBER_ADD:
    case COMMAND_MEMBER_REMOVE:
    case COMMAND_MEMBER_UPDATE:
        put_member(&at, &c->member);
        break;
    case COMMAND_ACCOUNT:
        put_account(&at, &c->account);
        break;
    }
    CP_ASSERT(at == b->data + b->len);
    return b;
}

int64_t command_stamp_of(const struct blob *b)
{
    CP_ASSERT(b->len >= COMMAND_HEAD_BYTES);

    uint64_t stamp = 0;

    for (unsigned i = 0; i < 8; i++)
        stamp |= (uint64_t)(unsigned char)b->data[STAMP_AT + i] << (8 * i);
    return (int64_t)stamp;
}

void command_stamp(struct blob *b, int64_t stamp_ns)
{
    CP_ASSERT(b->len >= COMMAND_HEAD_BYTES);

    char *at = b->data + STAMP_AT;

    put_u64(&at, (uint64_t)stamp_ns);
}

void command_address(struct blob *b, uint64_t origin, uint64_t request)
{
    CP_ASSERT(b->len >= COMMAND_HEAD_BYTES);

    char *at = b->data + ORIGIN_AT;

    put_u64(&at, origin);
    put_u64(&at, request);
}

/* ---- reading ---- */

static struct span get_counted(struct reader *r)
{
    return reader_span(r, reader_uint(r, 4));
}

/* Absolute, no empty component, no slash at the end. */
static bool path_is_clean(struct span path)
{
    if (path.len == 0 || path.len > LIMIT_PATH_BYTES || path.ptr[0] != '/')
        return false;
    if (path.len == 1)
        return true;
    return path.ptr[path.len - 1] != '/' && memmem(path.ptr, path.len, "//", 2) == NULL;
}

static bool get_store(struct reader *r, struct store_op *op)
{
    uint64_t verb = reader_uint(r, 1);
    uint64_t exist = reader_uint(r, 1);
    uint64_t reserved = reader_uint(r, 2);

    op->flags = (uint32_t)reader_uint(r, 4);
    op->prev_index = reader_uint(r, 8);
    op->ttl_s = reader_uint(r, 8);

    size_t path_len = reader_uint(r, 4);
    size_t value_len = reader_uint(r, 4);
    size_t prev_len = reader_uint(r, 4);

    op->path = reader_span(r, path_len);
    op->value = reader_span(r, value_len);
    op->prev_value = reader_span(r, prev_len);
    if (verb < OP_PUT || verb > OP_DELETE || exist > OP_EXIST_NO || reserved != 0)
        return false;
    op->verb = (enum op_verb)verb;
    op->exist = (enum op_exist)exist;
    return (op->flags & ~(unsigned)OP_FLAGS_KNOWN) == 0 && path_is_clean(op->path);
}

static bool get_member(struct reader *r, struct command_member *m)
{
    m->id = reader_uint(r, 8);
    m->n_peer_urls = (unsigned)reader_uint(r, 1);
    m->n_client_urls = (unsigned)reader_uint(r, 1);

    uint64_t reserved = reader_uint(r, 2);

    if (m->n_peer_urls > COMMAND_MEMBER_URLS || m->n_client_urls > COMMAND_MEMBER_URLS ||
        reserved != 0)
        return false;
    m->name = get_counted(r);
    for (unsigned i = 0; i < m->n_peer_urls; i++)
        m->peer_urls[i] = get_counted(r);
    for (unsigned i = 0; i < m->n_client_urls; i++)
        m->client_urls[i] = get_counted(r);
    return true;
}

static bool texts_are_text(struct texts t)
{
    struct span text;

    while (texts_next(&t, &text)) {
        if (!lines_is_text(text))
            return false;
    }
    return true;
}

/* Lists cost time on every member, and all of it has to be written to snapshots as text: hence the
 * limits, here too. */
static bool get_account(struct reader *r, struct account_op *op)
{
    uint64_t verb = reader_uint(r, 1);
    uint64_t open = reader_uint(r, 1);
    uint64_t nulls = reader_uint(r, 1);
    uint64_t reserved = reader_uint(r, 1);
    bool ok = true;

    op->name = get_counted(r);
    op->hash = get_counted(r);
    for (unsigned i = 0; i < ACCOUNT_LISTS; i++) {
        struct texts *t = &op->list[i];

        t->n = (uint32_t)reader_uint(r, 4);
        t->packed = get_counted(r);
        t->null = (nulls >> i & 1) != 0;
        ok = ok && t->n <= LIMIT_ACCOUNT_LIST && texts_good(t, LIMIT_PATTERN_BYTES) &&
             texts_are_text(*t);
    }
    if (verb < ACCOUNT_PUT_USER || verb > ACCOUNT_DISABLE || open > 1 ||
        nulls >> ACCOUNT_LISTS != 0 || reserved != 0)
        return false;
    op->verb = (enum account_verb)verb;
    op->guest_open = open == 1;
    /* What is to go may have any name a request can have; there is none whose name is no text. */
    bool goes = op->verb == ACCOUNT_DELETE_USER || op->verb == ACCOUNT_DELETE_ROLE;
    return ok && op->name.len <= LIMIT_ACCOUNT_NAME && op->hash.len <= LIMIT_HASH_BYTES &&
           (goes || lines_is_text(op->name)) && lines_is_text(op->hash);
}

static bool get_body(struct reader *r, struct command *out)
{
    switch (out->kind) {
    case COMMAND_STORE:
        return get_store(r, &out->op);
    case COMMAND_EXPIRE:
        out->expire_max = (uint32_t)reader_uint(r, 4);
        return true;
    case COMMAND_LEVEL:
        out->level = (uint32_t)reader_uint(r, 4);
        return true;
    case COMMAND_MEMBER:
    case COMMAND_MEMBER_ADD:
    case COMMAND_MEMBER_REMOVE:
    case COMMAND_MEMBER_UPDATE:
        return get_member(r, &out->member);
    case COMMAND_ACCOUNT:
        return get_account(r, &out->account);
    }
    return false;
}

int command_decode(struct span bytes, struct command *out, struct err *e)
{
    struct reader r = {.rest = bytes};

    if (bytes.len < 2)
        return err_set(e, ERR_MALFORMED, "command of %zu bytes", bytes.len);

    uint64_t kind = reader_uint(&r, 1);
    uint64_t format = reader_uint(&r, 1);

    /* Before anything else is believed: a later version may have changed all that follows. */
    if (kind < COMMAND_STORE || kind > COMMAND_ACCOUNT || format != COMMAND_FORMAT)
        return err_set(e, ERR_VERSION, "command of kind %u, format %u: written by a later version",
                       (unsigned)kind, (unsigned)format);
    if (bytes.len > LIMIT_ENTRY_BYTES)
        return err_set(e, ERR_MALFORMED, "command of %zu bytes, more than %d", bytes.len,
                       LIMIT_ENTRY_BYTES);

    uint64_t reserved = reader_uint(&r, 2);

    out->kind = (enum command_kind)kind;
    out->stamp_ns = (int64_t)reader_uint(&r, 8);
    out->origin = reader_uint(&r, 8);
    out->request = reader_uint(&r, 8);
    if (!get_body(&r, out) || reserved != 0)
        return err_set(e, ERR_MALFORMED, "command of kind %u: a field has an impossible value",
                       (unsigned)kind);
    if (r.short_of)
        return err_set(e, ERR_MALFORMED, "command of kind %u: cut off", (unsigned)kind);
    if (r.rest.len > 0)
        return err_set(e, ERR_MALFORMED, "command of kind %u: %zu bytes too many", (unsigned)kind,
                       r.rest.len);
    return 0;
}
