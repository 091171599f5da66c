/* frame: bytes as frames. What is damaged, cut off, impossible or of a later version is told apart,
 * and nothing beyond the bytes is read. Numbers of items are checked against the bytes that are
 * there before anything is allocated for them. */
#include "base/crc32c.h"
#include "base/mem.h"
#include "base/reader.h"
#include "cluster/frame_priv.h"
#include "codec/command.h"
#include "proto/limits.h"

/* ---- reading ---- */

static unsigned get_small(struct reader *r, unsigned min, unsigned max)
{
    uint64_t v = reader_uint(r, 4);

    if (v < min || v > max)
        r->wrong = true;
    return (unsigned)v;
}

/* How many follow, of which each takes at least EACH bytes: 0 when so many cannot be there. */
static unsigned get_count(struct reader *r, size_t each)
{
    uint64_t n = reader_uint(r, 4);

    if (n > r->rest.len / each) {
        r->short_of = true;
        return 0;
    }
    return (unsigned)n;
}

static struct blob *get_counted(struct reader *r, size_t min)
{
    size_t n = reader_uint(r, 4);

    if (n < min || n > LIMIT_ENTRY_BYTES)
        r->wrong = true;
    return blob_copy(reader_span(r, r->wrong ? 0 : n));
}

static bool is_bad(const struct reader *r)
{
    return r->short_of || r->wrong;
}

static struct peer_message *get_append(struct reader *r, uint64_t from, uint64_t to)
{
    uint64_t prev_index = reader_uint(r, 8);
    uint64_t prev_term = reader_uint(r, 8);
    uint64_t commit = reader_uint(r, 8);
    unsigned n = get_count(r, ENTRY_FIXED_BYTES);
    struct peer_message *m = peer_message_new(PEER_APPEND, from, to, n);

    m->append.prev_index = prev_index;
    m->append.prev_term = prev_term;
    m->append.commit = commit;
    /* What an early end leaves out has no payload: the message can be freed as it is. */
    for (unsigned i = 0; i < n && !is_bad(r); i++) {
        m->append.entries[i].term = reader_uint(r, 8);
        m->append.entries[i].type = (enum entry_type)get_small(r, ENTRY_COMMAND, ENTRY_CHANGE);
        m->append.entries[i].payload = get_counted(r, 0);
    }
    return m;
}

static void get_mark(struct reader *r, struct snapshot_mark *mark)
{
    mark->index = reader_uint(r, 8);
    mark->term = reader_uint(r, 8);
    mark->members_index = reader_uint(r, 8);
    mark->members.n = get_count(r, PLACE_BYTES);
    if (mark->members.n > LIMIT_MEMBERS) {
        r->wrong = true;
        mark->members.n = 0;
    }
    for (unsigned i = 0; i < mark->members.n; i++) {
        mark->members.m[i].id = reader_uint(r, 8);
        mark->members.m[i].role = (enum member_role)get_small(r, MEMBER_STANDBY, MEMBER_SPARE);
    }
}

/* NULL: of a type that is not known. */
static struct peer_message *get_message(struct reader *r, uint64_t from, uint64_t to)
{
    uint64_t type = reader_uint(r, 4);
    uint64_t term = reader_uint(r, 8);
    int64_t time_ns = (int64_t)reader_uint(r, 8);
    struct peer_message *m;
    unsigned flags;

    if (type < PEER_VOTE || type > PEER_TIMEOUT_NOW)
        return NULL;
    m = type == PEER_APPEND ? get_append(r, from, to)
                            : peer_message_new((enum peer_message_type)type, from, to, 0);
    m->term = term;
    m->time_ns = time_ns;
    switch (m->type) {
    case PEER_VOTE:
        m->vote.last_index = reader_uint(r, 8);
        m->vote.last_term = reader_uint(r, 8);
        flags = get_small(r, 0, FLAG_DISRUPT | FLAG_PRE_VOTE);
        m->vote.disrupt = (flags & FLAG_DISRUPT) != 0;
        m->vote.pre_vote = (flags & FLAG_PRE_VOTE) != 0;
        break;
    case PEER_VOTE_RESULT:
        flags = get_small(r, 0, FLAG_GRANTED | FLAG_PRE_VOTE);
        m->vote_result.granted = (flags & FLAG_GRANTED) != 0;
        m->vote_result.pre_vote = (flags & FLAG_PRE_VOTE) != 0;
        break;
    case PEER_APPEND:
        break;
    case PEER_APPEND_RESULT:
        m->append_result.rejected = reader_uint(r, 8);
        m->append_result.last_index = reader_uint(r, 8);
        break;
    case PEER_SNAPSHOT:
        get_mark(r, m->snapshot.mark);
        break;
    case PEER_TIMEOUT_NOW:
        m->timeout_now.last_index = reader_uint(r, 8);
        m->timeout_now.last_term = reader_uint(r, 8);
        break;
    }
    return m;
}

static void get_forward(struct reader *r, struct frame_forward *out)
{
    out->session = reader_uint(r, 8);
    out->number = reader_uint(r, 8);
    out->term = reader_uint(r, 8);

    /* Shorter ones have no room for the stamp, which the leader writes before it looks further. */
    unsigned n = get_count(r, 4 + COMMAND_HEAD_BYTES);

    out->commands = n > 0 ? mem_zalloc(n * sizeof(struct blob *)) : NULL;
    while (out->n < n && !is_bad(r))
        out->commands[out->n++] = get_counted(r, COMMAND_HEAD_BYTES);
}

static void get_refused(struct reader *r, struct frame_refused *out)
{
    out->session = reader_uint(r, 8);
    out->number = reader_uint(r, 8);
    out->n = get_count(r, 8);
    out->requests = out->n > 0 ? mem_alloc(out->n * sizeof(uint64_t)) : NULL;
    for (unsigned i = 0; i < out->n; i++)
        out->requests[i] = reader_uint(r, 8);
}

/* False: something in it is of a later version. */
static bool get_body(struct reader *r, struct frame *f)
{
    switch (f->type) {
    case FRAME_MESSAGE:
        f->message = get_message(r, f->from, f->to);
        return f->message != NULL;
    case FRAME_FORWARD:
        get_forward(r, &f->forward);
        return true;
    case FRAME_REFUSED:
        get_refused(r, &f->refused);
        return true;
    case FRAME_READ:
        f->read.session = reader_uint(r, 8);
        f->read.number = reader_uint(r, 8);
        return true;
    case FRAME_READ_INDEX:
        f->read_index.session = reader_uint(r, 8);
        f->read_index.number = reader_uint(r, 8);
        f->read_index.ok = get_small(r, 0, 1) != 0;
        f->read_index.index = reader_uint(r, 8);
        return true;
    case FRAME_CONFIRM:
    case FRAME_CONFIRMED:
        f->confirm.term = reader_uint(r, 8);
        f->confirm.number = reader_uint(r, 8);
        return true;
    }
    return false;
}

int64_t frame_length(struct span bytes)
{
    struct reader r = {.rest = bytes};
    uint64_t body = reader_uint(&r, 4);

    if (r.short_of)
        return 0;
    if (body > LIMIT_FRAME_BYTES - FRAME_HEAD_BYTES)
        return ERR_MALFORMED;
    return (int64_t)(FRAME_HEAD_BYTES + body);
}

/* Reads past the head; the body is left in R. */
static int check_head(struct reader *r, struct err *e)
{
    size_t n = r->rest.len;
    uint64_t length = reader_uint(r, 4);
    uint64_t crc = reader_uint(r, 4);

    if (r->short_of || length != r->rest.len || n > LIMIT_FRAME_BYTES || length < BODY_FIXED_BYTES)
        return err_set(e, ERR_MALFORMED, "frame of %zu bytes", n);
    if (crc != crc32c(0, r->rest.ptr, r->rest.len))
        return err_set(e, ERR_CORRUPT, "frame of %zu bytes: wrong checksum", n);
    return 0;
}

int frame_decode(struct span bytes, struct frame **out, struct err *e)
{
    struct reader r = {.rest = bytes};
    int rc = check_head(&r, e);

    if (rc < 0)
        return rc;

    uint64_t type = reader_uint(&r, 1);
    uint64_t format = reader_uint(&r, 1);

    /* Before anything else is believed: a later version may have changed all that follows. */
    if (type < FRAME_MESSAGE || type > FRAME_CONFIRMED || format != FRAME_FORMAT)
        return err_set(e, ERR_VERSION, "frame of type %u, format %u: sent by a later version",
                       (unsigned)type, (unsigned)format);
    if (reader_uint(&r, 2) != 0)
        return err_set(e, ERR_MALFORMED, "frame of type %u: reserved bytes are in use",
                       (unsigned)type);

    uint64_t from = reader_uint(&r, 8);
    uint64_t to = reader_uint(&r, 8);
    struct frame *f = frame_new((enum frame_type)type, from, to);

    bool known = get_body(&r, f);

    if (r.short_of)
        rc = err_set(e, ERR_MALFORMED, "frame of type %u: cut off", (unsigned)type);
    else if (!known)
        rc = err_set(e, ERR_VERSION, "message of no known type: sent by a later version");
    else if (r.wrong)
        rc = err_set(e, ERR_MALFORMED, "frame of type %u: a field has an impossible value",
                     (unsigned)type);
    else if (r.rest.len > 0)
        rc = err_set(e, ERR_MALFORMED, "frame of type %u: %zu bytes too many", (unsigned)type,
                     r.rest.len);
    if (rc < 0) {
        frame_free(f);
        return rc;
    }
    *out = f;
    return 0;
}
