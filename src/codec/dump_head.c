#include "codec/dump_head.h"

#include "base/check.h"
#include "codec/command.h"

static const char *const role_names[] = {"standby", "voter", "spare", "none"};

/* ,"name":value */
static void add_number(struct buf *b, const char *name, uint64_t v)
{
    buf_lit(b, ",\"");
    buf_span(b, span_of(name));
    buf_lit(b, "\":");
    buf_u64(b, v);
}

void dump_write_head(struct buf *b, const struct dump_head *head)
{
    buf_lit(b, "{\"copse\":\"snapshot\"");
    add_number(b, "format", DUMP_FORMAT);
    buf_lit(b, ",\"cluster\":");
    lines_hex(b, head->cluster_id, 16);
    add_number(b, "index", head->index);
    add_number(b, "raft_index", head->raft_index);
    add_number(b, "raft_term", head->raft_term);
    add_number(b, "config_index", head->config_index);
    buf_lit(b, ",\"time\":");
    buf_i64(b, head->time_ns);
    add_number(b, "level", head->level);
    add_number(b, "history", head->history_oldest);
    buf_lit(b, ",\"counters\":[");
    for (unsigned i = 0; i < head->n_counters; i++) {
        if (i > 0)
            buf_char(b, ',');
        buf_u64(b, head->counters[i]);
    }
    buf_lit(b, "]}\n");
}

static bool read_number(struct line *l, const char *key, uint64_t *out)
{
    return line_text(l, key) && line_u64(l, out);
}

static bool read_counters(struct line *l, struct dump_head *head)
{
    if (!line_text(l, ",\"counters\":["))
        return false;
    if (line_opt(l, "]"))
        return true;
    do {
        if (head->n_counters == DUMP_COUNTERS)
            return line_fault(l, "fewer counters");
        if (!line_u64(l, &head->counters[head->n_counters++]))
            return false;
    } while (line_opt(l, ","));
    return line_text(l, "]");
}

bool dump_read_head(struct line *l, struct dump_head *head)
{
    uint64_t level;

    if (!line_text(l, ",\"cluster\":") || !line_hex(l, 16, &head->cluster_id) ||
        !read_number(l, ",\"index\":", &head->index) ||
        !read_number(l, ",\"raft_index\":", &head->raft_index) ||
        !read_number(l, ",\"raft_term\":", &head->raft_term) ||
        !read_number(l, ",\"config_index\":", &head->config_index) || !line_text(l, ",\"time\":") ||
        !line_i64(l, &head->time_ns) || !read_number(l, ",\"level\":", &level) ||
        !read_number(l, ",\"history\":", &head->history_oldest) || !read_counters(l, head))
        return false;
    if (level > UINT32_MAX)
        return line_fault(l, "a level of 32 bits");
    if (head->index == UINT64_MAX || head->history_oldest > head->index + 1)
        return line_fault(l, "a history that begins within the indexes");
    head->level = (uint32_t)level;
    return line_text(l, "}");
}

/* ---- members ---- */

static void add_urls(struct buf *b, const char *key, const struct span *urls, unsigned n)
{
    buf_span(b, span_of(key));
    for (unsigned i = 0; i < n; i++) {
        if (i > 0)
            buf_char(b, ',');
        lines_text(b, urls[i]);
    }
    buf_char(b, ']');
}

/* Whether all that the member says of itself can be read as text. */
static bool is_readable(const struct command_member *m)
{
    bool text = lines_is_text(m->name);

    for (unsigned i = 0; i < m->n_peer_urls; i++)
        text = text && lines_is_text(m->peer_urls[i]);
    for (unsigned i = 0; i < m->n_client_urls; i++)
        text = text && lines_is_text(m->client_urls[i]);
    return text;
}

static bool decode(struct span published, uint64_t id, struct command *out)
{
    return command_decode(published, out, NULL) == 0 && out->kind == COMMAND_MEMBER &&
           out->member.id == id;
}

static void write_published(struct buf *b, const struct dump_member *m)
{
    struct command c;

    CP_ASSERT(decode(blob_span(m->published), m->id, &c));
    if (!is_readable(&c.member)) {
        buf_lit(b, ",\"published");
        lines_bytes(b, blob_span(m->published));
        return;
    }
    buf_lit(b, ",\"name\":");
    lines_text(b, c.member.name);
    add_urls(b, ",\"peers\":[", c.member.peer_urls, c.member.n_peer_urls);
    add_urls(b, ",\"clients\":[", c.member.client_urls, c.member.n_client_urls);
    buf_lit(b, ",\"stamp\":");
    buf_i64(b, c.stamp_ns);
    buf_lit(b, ",\"origin\":");
    lines_hex(b, c.origin, 16);
    add_number(b, "request", c.request);
}

void dump_write_member(struct buf *b, const struct dump_member *m)
{
    CP_ASSERT((unsigned)m->role < CP_COUNT(role_names));
    buf_lit(b, "{\"member\":");
    lines_hex(b, m->id, 16);
    buf_lit(b, ",\"role\":\"");
    buf_span(b, span_of(role_names[m->role]));
    buf_char(b, '"');
    if (m->published != NULL)
        write_published(b, m);
    buf_lit(b, "}\n");
}

void dump_write_removed(struct buf *b, uint64_t id)
{
    buf_lit(b, "{\"removed\":");
    lines_hex(b, id, 16);
    buf_lit(b, "}\n");
}

/* One string after the other in TEXTS, where each ends at its END. */
static bool read_urls(struct line *l, const char *key, struct buf *texts, size_t *end, unsigned *n)
{
    struct buf scratch = {0};
    bool ok = line_text(l, key), more = ok && !line_opt(l, "]");

    while (ok && more) {
        struct span url;

        ok = *n < COMMAND_MEMBER_URLS || line_fault(l, "fewer URLs");
        ok = ok && line_string(l, &scratch, &url);
        if (!ok)
            break;
        buf_span(texts, url);
        end[(*n)++] = texts->len;
        more = line_opt(l, ",");
        ok = more || line_text(l, "]");
    }
    buf_fini(&scratch);
    return ok;
}

static void cut_urls(struct span *urls, struct span texts, const size_t *end, unsigned n,
                     size_t from)
{
    for (unsigned i = 0; i < n; i++) {
        urls[i] = span_make(texts.ptr + from, end[i] - from);
        from = end[i];
    }
}

/* Behind ,"name": */
static bool read_readable(struct line *l, struct dump_member *out)
{
    struct command c = {.kind = COMMAND_MEMBER, .member = {.id = out->id}};
    struct command_member *m = &c.member;
    struct buf scratch = {0}, texts = {0};
    size_t peer_end[COMMAND_MEMBER_URLS], client_end[COMMAND_MEMBER_URLS];
    bool ok = line_string(l, &scratch, &m->name) &&
              read_urls(l, ",\"peers\":[", &texts, peer_end, &m->n_peer_urls);
    size_t peers_len = texts.len;

    ok = ok && read_urls(l, ",\"clients\":[", &texts, client_end, &m->n_client_urls) &&
         line_text(l, ",\"stamp\":") && line_i64(l, &c.stamp_ns) && line_text(l, ",\"origin\":") &&
         line_hex(l, 16, &c.origin) && read_number(l, ",\"request\":", &c.request);
    if (ok) {
        buf_reserve(&texts, 1);
        cut_urls(m->peer_urls, buf_as_span(&texts), peer_end, m->n_peer_urls, 0);
        cut_urls(m->client_urls, buf_as_span(&texts), client_end, m->n_client_urls, peers_len);
        out->published = command_encode(&c);
        ok = decode(blob_span(out->published), out->id, &c) ||
             line_fault(l, "a member within the limits");
    }
    buf_fini(&scratch);
    buf_fini(&texts);
    return ok;
}

/* Behind ,"published */
static bool read_encoded(struct line *l, struct dump_member *out)
{
    struct buf scratch = {0};
    struct span bytes;
    struct command c;
    bool ok = line_bytes(l, &scratch, &bytes);

    if (ok && (!decode(bytes, out->id, &c) || is_readable(&c.member)))
        ok = line_fault(l, "an encoded member that is not all text");
    if (ok)
        out->published = blob_copy(bytes);
    buf_fini(&scratch);
    return ok;
}

static bool read_role(struct line *l, enum dump_role *out)
{
    if (!line_text(l, ",\"role\":\""))
        return false;
    for (unsigned i = 0; i < CP_COUNT(role_names); i++) {
        if (line_skip(l, span_of(role_names[i]))) {
            *out = (enum dump_role)i;
            return line_text(l, "\"");
        }
    }
    return line_fault(l, "standby, voter, spare or none");
}

bool dump_read_member(struct line *l, struct dump_member *out)
{
    *out = (struct dump_member){0};

    bool ok = line_text(l, "\":") && line_hex(l, 16, &out->id) && read_role(l, &out->role);

    if (ok && line_opt(l, ",\"name\":"))
        ok = read_readable(l, out);
    else if (ok && line_opt(l, ",\"published"))
        ok = read_encoded(l, out);
    ok = ok && line_text(l, "}");
    if (!ok) {
        blob_unref(out->published);
        out->published = NULL;
    }
    return ok;
}
