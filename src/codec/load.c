#include "codec/load.h"

#include "base/crc32c.h"
#include "base/mem.h"
#include "codec/dump_accounts.h"
#include "codec/dump_head.h"
#include "store/outline.h"

#include <inttypes.h>
#include <string.h>

/* Kinds of lines, in the order in which they come. */
enum part {
    PART_HEAD,
    PART_MEMBERS,
    PART_REMOVED,
    PART_AUTH,
    PART_USERS,
    PART_ROLES,
    PART_NODES,
    PART_EVENTS,
    PART_END
};

struct load {
    enum part part;
    struct buf carry; /* the beginning of a line whose end has not been fed */
    uint64_t offset;  /* bytes in the lines read */
    struct lines_sums sums;
    bool check; /* nothing is kept */
    uint64_t last_event;
    struct bulk *bulk;
    struct outline outline; /* check: in place of bulk */
    struct accounts *accounts;
    struct load_result got; /* all but the store */
    size_t cap_events;
    unsigned configured;    /* members with a role */
    struct buf path, bytes; /* strings of the current line that are not in it as they are */
    int failed;
    struct err err;
};

struct load *load_new(void)
{
    return mem_zalloc(sizeof(struct load));
}

struct load *load_new_check(void)
{
    struct load *l = load_new();

    l->check = true;
    return l;
}

void load_result_fini(struct load_result *r)
{
    for (unsigned i = 0; i < r->head.n_members; i++)
        blob_unref(r->head.members[i].published);
    mem_free(r->head.removed);
    for (size_t i = 0; i < r->n_events; i++)
        event_unref(r->events[i]);
    mem_free(r->events);
    store_free(r->store);
    *r = (struct load_result){0};
}

void load_free(struct load *l)
{
    if (l == NULL)
        return;
    bulk_free(l->bulk);
    outline_fini(&l->outline);
    accounts_unref(l->accounts);
    load_result_fini(&l->got);
    buf_fini(&l->carry);
    buf_fini(&l->path);
    buf_fini(&l->bytes);
    mem_free(l);
}

const struct dump_head *load_head(const struct load *l)
{
    return l->part > PART_HEAD ? &l->got.head : NULL;
}

static void count(const struct load *l, struct lines_sums *out)
{
    *out = l->sums;
    if (l->bulk == NULL)
        return;

    struct bulk_sums sums = bulk_sums(l->bulk);

    out->files = sums.files;
    out->dirs = sums.dirs;
    out->bytes = sums.bytes;
}

void load_seal(const struct load *l, struct buf *out)
{
    struct lines_sums sums;

    count(l, &sums);
    lines_end(out, &sums);
}

static int corrupt(struct err *e, const char *what)
{
    return err_set(e, ERR_CORRUPT, "%s", what);
}

/* What the cursor has found. */
static int misread(const struct load *l, const struct line *line, const char *start, struct err *e)
{
    return err_set(e, ERR_CORRUPT, "byte %" PRIu64 ": here should stand %s",
                   l->offset + (uint64_t)(line->at - start), line->want);
}

static int read_head(struct load *l, struct line *line, struct err *e)
{
    const char *start = line->at;
    uint64_t format;

    if (!line_text(line, "{\"copse\":\"snapshot\",\"format\":") || !line_u64(line, &format))
        return err_set(e, ERR_CORRUPT, "not a snapshot of copse");
    if (format == 0 || format > DUMP_FORMAT)
        return err_set(e, ERR_VERSION,
                       "format %" PRIu64 ", and this version of copse reads formats up to %d; use "
                       "the program that wrote it, or a newer one",
                       format, DUMP_FORMAT);
    if (!dump_read_head(line, &l->got.head))
        return misread(l, line, start, e);
    l->outline.index = l->got.head.index;
    if (!l->check)
        l->bulk = bulk_new(l->got.head.index);
    return 0;
}

static int read_member(struct load *l, struct line *line, struct err *e)
{
    struct dump_head *head = &l->got.head;
    const char *start = line->at;
    struct dump_member m;

    if (head->n_members == DUMP_MEMBERS)
        return corrupt(e, "too many members");
    if (!line_text(line, "{\"member") || !dump_read_member(line, &m))
        return misread(l, line, start, e);
    if (m.role != DUMP_NONE && l->configured++ == LIMIT_MEMBERS) {
        blob_unref(m.published);
        return corrupt(e, "too many members in the configuration");
    }
    if (head->n_members > 0 && head->members[head->n_members - 1].id >= m.id) {
        blob_unref(m.published);
        return corrupt(e, "members are not in the order of their ids");
    }
    head->members[head->n_members++] = m;
    return 0;
}

static int read_removed(struct load *l, struct line *line, struct err *e)
{
    struct dump_head *head = &l->got.head;
    const char *start = line->at;
    uint64_t id;

    if (head->n_removed == LIMIT_REMOVED)
        return corrupt(e, "too many removed members");
    if (!line_text(line, "{\"removed\":") || !line_hex(line, 16, &id) || !line_text(line, "}"))
        return misread(l, line, start, e);
    if (head->n_removed > 0 && head->removed[head->n_removed - 1] >= id)
        return corrupt(e, "removed members are not in the order of their ids");
    head->removed = mem_realloc(head->removed, (head->n_removed + 1) * sizeof(*head->removed));
    head->removed[head->n_removed++] = id;
    return 0;
}

static int read_auth(struct load *l, struct line *line, struct err *e)
{
    const char *start = line->at;

    return dump_read_auth(line, &l->accounts) ? 0 : misread(l, line, start, e);
}

static int read_account(struct load *l, struct line *line,
                        bool (*read)(struct line *line, struct accounts *a), struct err *e)
{
    const char *start = line->at;

    if (l->accounts == NULL)
        return corrupt(e, "users and roles stand behind a line of their own");
    if (read(line, l->accounts))
        return 0;
    return line->want != NULL ? misread(l, line, start, e)
                              : corrupt(e, "users or roles out of order, or too many");
}

static int read_user(struct load *l, struct line *line, struct err *e)
{
    return read_account(l, line, dump_read_user, e);
}

static int read_role(struct load *l, struct line *line, struct err *e)
{
    return read_account(l, line, dump_read_role, e);
}

/* A node's numbers, behind its path. */
static bool read_numbers(struct line *line, struct bulk_node *n)
{
    uint64_t version = 1;

    if (!line_text(line, ",\"c\":") || !line_u64(line, &n->created) ||
        !line_text(line, ",\"m\":") || !line_u64(line, &n->modified))
        return false;
    if (line_opt(line, ",\"n\":") &&
        (!line_u64(line, &version) || version == 1 || version > UINT32_MAX))
        return line_fault(line, "a number of changes from 2 on, of 32 bits");
    if (line_opt(line, ",\"x\":") && (!line_i64(line, &n->expires_ns) || n->expires_ns == 0))
        return line_fault(line, "a time");
    n->version = (uint32_t)version;
    return true;
}

static int check_node(struct load *l, const struct bulk_node *n, struct err *e)
{
    struct outline_place place;
    int rv = outline_add(&l->outline, n, &place, e);
    if (rv != 0 || place.name.len == 0)
        return rv;
    l->sums.bytes += place.name.len + n->value.len;
    l->sums.dirs += n->dir;
    l->sums.files += !n->dir;
    return 0;
}

static int read_node(struct load *l, struct line *line, struct err *e)
{
    const char *start = line->at;
    struct bulk_node n = {.dir = line_opt(line, "{\"dir")};
    bool ok = (n.dir || line_text(line, "{\"file")) && line_bytes(line, &l->path, &n.path) &&
              read_numbers(line, &n);

    if (n.dir)
        ok = ok && line_text(line, ",\"t\":") && line_u64(line, &n.tree);
    else
        ok = ok && line_text(line, ",\"v") && line_bytes(line, &l->bytes, &n.value);
    ok = ok && line_text(line, "}");
    if (!ok)
        return misread(l, line, start, e);
    return l->check ? check_node(l, &n, e) : bulk_add(l->bulk, &n, e);
}

/* The rendered JSON, newline included. */
static bool read_json(struct load *l, struct line *line, struct span *out)
{
    if (line_opt(line, "64\":"))
        return line_base64(line, &l->bytes, out) &&
               (!lines_is_object(*out) || line_fault(line, "JSON, which is not written as base64"));
    if (!line_text(line, "\":"))
        return false;

    size_t len = (size_t)(line->end - line->at); /* up to the end, but for the line's own brace */

    buf_clear(&l->bytes);
    if (len > 0)
        buf_add(&l->bytes, line->at, len - 1);
    buf_char(&l->bytes, '\n');
    *out = buf_as_span(&l->bytes);
    if (!lines_is_object(*out))
        return line_fault(line, "an object");
    line->at = line->end - 1;
    return true;
}

static void keep_event(struct load *l, struct event *event)
{
    struct load_result *got = &l->got;

    if (got->n_events == l->cap_events) {
        l->cap_events = l->cap_events > 0 ? 2 * l->cap_events : 64;
        got->events = mem_realloc(got->events, l->cap_events * sizeof(struct event *));
    }
    got->events[got->n_events++] = event;
}

static int read_event(struct load *l, struct line *line, struct err *e)
{
    const struct load_result *got = &l->got;
    const char *start = line->at;
    struct event head;
    struct span path, json;
    bool ok = line_text(line, "{\"event\":") && line_u64(line, &head.index) &&
              line_text(line, ",\"action\":\"") && line_action(line, &head.action);

    head.dir = ok && line_opt(line, ",\"dir\":true");
    head.refresh = ok && line_opt(line, ",\"refresh\":true");
    head.replaced = ok && line_opt(line, ",\"replaced\":true");
    ok = ok && line_text(line, ",\"path") && line_bytes(line, &l->path, &path) &&
         line_text(line, ",\"json") && read_json(l, line, &json) && line_text(line, "}");
    if (!ok)
        return misread(l, line, start, e);

    if (head.index < got->head.history_oldest || head.index > got->head.index ||
        (l->sums.events > 0 && head.index <= l->last_event))
        return corrupt(e, "an event out of order");
    l->last_event = head.index;
    l->sums.events++;
    if (l->check)
        return 0;

    struct event *event = event_new(head.action, head.index, path, json);

    event->dir = head.dir;
    event->refresh = head.refresh;
    event->replaced = head.replaced;
    keep_event(l, event);
    return 0;
}

/* The next count of the last line against our own. */
static int check_count(const struct load *l, struct line *line, const char *start, const char *key,
                       uint64_t ours, struct err *e)
{
    uint64_t written;

    if (!line_text(line, key) || !line_u64(line, &written))
        return misread(l, line, start, e);
    if (written != ours)
        return err_set(e, ERR_CORRUPT, "%.*s: %" PRIu64 " were written, %" PRIu64 " are here",
                       (int)strcspn(key + 2, "\""), key + 2, written, ours);
    return 0;
}

static int read_end(struct load *l, struct line *line, struct err *e)
{
    const char *start = line->at;
    struct lines_sums s;

    count(l, &s);

    const struct {
        const char *key;
        uint64_t ours;
    } counts[] = {
        {"{\"end\":", s.lines},   {",\"files\":", s.files},   {",\"dirs\":", s.dirs},
        {",\"bytes\":", s.bytes}, {",\"events\":", s.events},
    };

    for (size_t i = 0; i < CP_COUNT(counts); i++) {
        int rv = check_count(l, line, start, counts[i].key, counts[i].ours, e);

        if (rv != 0)
            return rv;
    }

    uint64_t crc;

    if (!line_text(line, ",\"crc32c\":") || !line_hex(line, 8, &crc) || !line_text(line, "}"))
        return misread(l, line, start, e);
    if (crc != s.crc)
        return err_set(e, ERR_CORRUPT,
                       "the checksum of all before it is %08" PRIx64 ", that of the bytes is "
                       "%08" PRIx32,
                       crc, s.crc);
    l->got.sums = s;
    return 0;
}

static const struct {
    struct span begins;
    enum part part;
    bool many; /* may come again */
    int (*read)(struct load *l, struct line *line, struct err *e);
} kinds[] = {
    {{"{\"file", 6}, PART_NODES, true, read_node},
    {{"{\"dir", 5}, PART_NODES, true, read_node},
    {{"{\"event\":", 9}, PART_EVENTS, true, read_event},
    {{"{\"member\":", 10}, PART_MEMBERS, true, read_member},
    {{"{\"removed\":", 11}, PART_REMOVED, true, read_removed},
    {{"{\"auth\":", 8}, PART_AUTH, false, read_auth},
    {{"{\"user\":", 8}, PART_USERS, true, read_user},
    {{"{\"role\":", 8}, PART_ROLES, true, read_role},
    {{"{\"end\":", 7}, PART_END, false, read_end},
};

static int read_line(struct load *l, struct line *line, struct err *e)
{
    if (l->part == PART_HEAD) {
        int rv = read_head(l, line, e);

        l->part = PART_MEMBERS;
        return rv == 0 && line->at < line->end ? corrupt(e, "more than one object") : rv;
    }
    for (size_t i = 0; i < CP_COUNT(kinds); i++) {
        if (!span_starts(span_make(line->at, (size_t)(line->end - line->at)), kinds[i].begins))
            continue;
        if (kinds[i].part < l->part || (kinds[i].part == l->part && !kinds[i].many))
            return corrupt(e, "this kind of line does not stand here");
        l->part = kinds[i].part;

        int rv = kinds[i].read(l, line, e);

        return rv == 0 && line->at < line->end ? corrupt(e, "more than one object") : rv;
    }
    return err_set(e, ERR_VERSION,
                   "a kind of line that this version of copse does not know; use the program "
                   "that wrote it, or a newer one");
}

/* LEN bytes, newline included. */
static int take_line(struct load *l, const char *bytes, size_t len)
{
    struct line line = {.at = bytes, .end = bytes + len - 1};
    int rv = 0;

    if (l->part == PART_END)
        rv = corrupt(&l->err, "bytes behind the end");
    if (rv == 0)
        rv = read_line(l, &line, &l->err);
    if (rv != 0) {
        err_wrap(&l->err, "line %" PRIu64 " at byte %" PRIu64, l->sums.lines + 1, l->offset);
        l->failed = rv;
        return rv;
    }
    l->sums.crc = crc32c(l->sums.crc, bytes, len);
    l->sums.lines++;
    l->offset += len;
    return 0;
}

/* Adds to a line whose end is not there yet. */
static int carry_on(struct load *l, struct span part)
{
    if (part.len > LOAD_LINE_MAX - l->carry.len) {
        l->failed = err_set(&l->err, ERR_CORRUPT, "line %" PRIu64 " at byte %" PRIu64 ": no end",
                            l->sums.lines + 1, l->offset);
        return l->failed;
    }
    buf_span(&l->carry, part);
    return 0;
}

static int feed(struct load *l, struct span bytes)
{
    const char *at = bytes.ptr, *end = bytes.ptr + bytes.len;
    int rv = 0;

    while (rv == 0 && at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((newline != NULL ? newline + 1 : end) - at);

        if (newline != NULL && l->carry.len == 0) {
            rv = take_line(l, at, len);
        } else {
            rv = carry_on(l, span_make(at, len));
            if (rv == 0 && newline != NULL) {
                rv = take_line(l, l->carry.ptr, l->carry.len);
                buf_clear(&l->carry);
            }
        }
        at += len;
    }
    return rv;
}

int load_feed(struct load *l, struct span bytes, struct err *e)
{
    if (l->failed == 0 && bytes.len > 0)
        feed(l, bytes);
    if (l->failed != 0 && e != NULL)
        *e = l->err;
    return l->failed;
}

int load_finish(struct load *l, struct load_result *out, struct err *e)
{
    *out = (struct load_result){0};
    if (l->failed == 0 && (l->part != PART_END || l->carry.len > 0))
        l->failed = err_set(&l->err, ERR_CORRUPT, "cut off after line %" PRIu64 " at byte %" PRIu64,
                            l->sums.lines, l->offset);
    if (l->failed == 0 && !l->check) {
        bulk_accounts(l->bulk, l->accounts);
        l->accounts = NULL;
        l->got.store = bulk_finish(l->bulk);
        if (l->got.store != NULL)
            l->bulk = NULL;
    }
    if (l->failed == 0 && (l->check ? l->outline.depth == 0 : l->got.store == NULL))
        l->failed = corrupt(&l->err, "no nodes, not even the root");
    if (l->failed != 0) {
        if (e != NULL)
            *e = l->err;
        return l->failed;
    }
    *out = l->got;
    l->got = (struct load_result){0};
    return 0;
}
