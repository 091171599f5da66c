/* members: /v2/members and /v2/machines. This member serves a cluster of one: it tells who is in
 * it, judges a request for a change as v2 does, and refuses the change itself. Source: contract,
 * server 1 and 3. */
#include "proto/peer_url.h"
#include "api/route.h"

#include "base/gojson.h"
#include "base/gojson_walk.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "codec/command.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- the table ---- */

struct member {
    uint64_t id;
    struct command_member info; /* empty before the member has started */
};

struct table {
    unsigned n;
    struct member_ref refs[LIMIT_MEMBERS]; /* hold the bytes */
    struct member members[LIMIT_MEMBERS];
};

static int by_bytes(const void *a, const void *b)
{
    return span_cmp(*(const struct span *)a, *(const struct span *)b);
}

static void sort(struct span *urls, unsigned n)
{
    qsort(urls, n, sizeof(urls[0]), by_bytes);
}

static void table_read(struct table *t, struct engine *e)
{
    t->n = engine_members(e, t->refs);
    for (unsigned i = 0; i < t->n; i++) {
        struct member *m = &t->members[i];
        struct command c;
        *m = (struct member){.id = t->refs[i].id};
        if (t->refs[i].published == NULL ||
            command_decode(blob_span(t->refs[i].published), &c, NULL) != 0)
            continue; /* the engine publishes nothing else than what it could decode */
        m->info = c.member;
        sort(m->info.peer_urls, m->info.n_peer_urls);
        sort(m->info.client_urls, m->info.n_client_urls);
    }
}

static void table_fini(struct table *t)
{
    for (unsigned i = 0; i < t->n; i++)
        blob_unref(t->refs[i].published);
}

static const struct member *table_find(const struct table *t, uint64_t id)
{
    for (unsigned i = 0; i < t->n; i++)
        if (t->members[i].id == id)
            return &t->members[i];
    return NULL;
}

/* ---- reading ---- */

static void render_urls(struct buf *b, const struct span *urls, unsigned n)
{
    buf_char(b, '[');
    for (unsigned i = 0; i < n; i++) {
        if (i > 0)
            buf_char(b, ',');
        jsonw_str(b, urls[i]);
    }
    buf_char(b, ']');
}

static void render_member(struct buf *b, const struct member *m)
{
    buf_printf(b, "{\"id\":\"%" PRIx64 "\",\"name\":", m->id);
    jsonw_str(b, m->info.name);
    buf_lit(b, ",\"peerURLs\":");
    render_urls(b, m->info.peer_urls, m->info.n_peer_urls);
    buf_lit(b, ",\"clientURLs\":");
    render_urls(b, m->info.client_urls, m->info.n_client_urls);
    buf_char(b, '}');
}

static void list(const struct table *t, struct api_reply *reply)
{
    struct buf *b = &reply->body;
    reply->status = 200;
    reply->type = API_TYPE_JSON;
    buf_lit(b, "{\"members\":[");
    for (unsigned i = 0; i < t->n; i++) {
        if (i > 0)
            buf_char(b, ',');
        render_member(b, &t->members[i]);
    }
    buf_lit(b, "]}\n");
}

static void show_leader(const struct table *t, struct engine *e, struct api_reply *reply)
{
    struct engine_status status;
    engine_status(e, &status);
    blob_unref(status.name);
    const struct member *leader = table_find(t, status.leader_id);
    if (status.leader_id == 0 || leader == NULL) {
        api_message(reply, 503, SPAN("During election"));
        return;
    }
    reply->status = 200;
    reply->type = API_TYPE_JSON;
    render_member(&reply->body, leader);
    buf_char(&reply->body, '\n');
}

/* ---- what a change asks for ---- */

struct change {
    uint64_t id;      /* PUT, DELETE */
    struct buf bytes; /* of the URLs */
    size_t n_urls;
    struct buf ends; /* size_t each: where in bytes an URL ends */
};

static struct span change_url(const struct change *c, size_t i)
{
    const size_t *ends = (const size_t *)(const void *)c->ends.ptr;
    size_t from = i > 0 ? ends[i - 1] : 0;
    struct span url = span_from(buf_as_span(&c->bytes), from);
    url.len = ends[i] - from;
    return peer_url_trim(url);
}

static void change_add_url(struct change *c)
{
    buf_add(&c->ends, &c->bytes.len, sizeof(c->bytes.len));
    c->n_urls++;
}

static void change_fini(struct change *c)
{
    buf_fini(&c->bytes);
    buf_fini(&c->ends);
}

static bool parse_hex(struct span s, uint64_t *out)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i], l = c | 0x20;
        bool digit = c >= '0' && c <= '9';
        if ((!digit && (l < 'a' || l > 'f')) || n >> 60 != 0)
            return false;
        n = n << 4 | (uint64_t)(digit ? c - '0' : l - 'a' + 10);
    }
    *out = n;
    return s.len > 0;
}

static void no_such_member(struct api_reply *reply, struct span id)
{
    struct buf text = {0};
    buf_lit(&text, "No such member: ");
    buf_span(&text, id);
    api_message(reply, 404, buf_as_span(&text));
    buf_fini(&text);
}

static bool read_id(struct span name, struct change *c, struct api_reply *reply)
{
    if (name.len == 0) /* quirk: 405 without Allow (version-like) */
        api_fixed(reply, 405, API_TYPE_TEXT_NOSNIFF, SPAN("Method Not Allowed\n"));
    else if (parse_hex(name, &c->id))
        return true;
    else
        no_such_member(reply, name);
    return false;
}

static bool check_type(struct span type, struct api_reply *reply)
{
    struct buf given = {0};
    const char *semicolon = type.len > 0 ? memchr(type.ptr, ';', type.len) : NULL;
    if (semicolon == NULL) {
        buf_span(&given, type);
    } else {
        struct span media = peer_url_trim(span_make(type.ptr, (size_t)(semicolon - type.ptr)));
        for (size_t i = 0; i < media.len; i++) /* quirk: lower case only counts with a parameter */
            buf_char(&given, media.ptr[i] >= 'A' && media.ptr[i] <= 'Z' ? media.ptr[i] | 0x20
                                                                        : media.ptr[i]);
    }
    bool good = span_eq(buf_as_span(&given), SPAN("application/json"));
    if (!good) {
        struct buf text = {0};
        buf_lit(&text, "Bad Content-Type ");
        buf_span(&text, buf_as_span(&given));
        buf_lit(&text, ", accept application/json");
        api_message(reply, 415, buf_as_span(&text));
        buf_fini(&text);
    }
    buf_fini(&given);
    return good;
}

static void note_kind(struct buf *why, struct gojson_walk *w, const char *place)
{
    if (why->len == 0) /* the first is what Go tells */
        buf_printf(why, "json: cannot unmarshal %s into Go %s", gojson_kind_name(gojson_kind(w)),
                   place);
}

static void read_urls(struct gojson_walk *w, struct change *c, struct buf *why)
{
    c->n_urls = c->bytes.len = c->ends.len = 0; /* a second list takes the place of the first */
    enum gojson_kind kind = gojson_kind(w);
    if (kind != GOJSON_ARRAY) {
        if (kind != GOJSON_NULL)
            note_kind(why, w, "struct field .peerURLs of type []string");
        gojson_skip(w);
        return;
    }
    for (gojson_enter(w); gojson_next_item(w); change_add_url(c)) {
        kind = gojson_kind(w);
        if (kind == GOJSON_STRING) {
            gojson_string(w, &c->bytes);
            continue;
        }
        if (kind != GOJSON_NULL)
            note_kind(why, w, "struct field .peerURLs of type string");
        gojson_skip(w);
    }
}

static bool is_peer_urls(struct span name)
{
    static const char folded[] = "peerurls";
    bool same = name.len == sizeof(folded) - 1;
    for (size_t i = 0; same && i < name.len; i++)
        same = (name.ptr[i] | 0x20) == folded[i];
    return same;
}

/* False: WHY has Go's or etcd's words. */
static bool read_body(struct span body, struct change *c, struct buf *why)
{
    if (!gojson_check(body, why))
        return false;
    struct gojson_walk w = {body};
    struct buf name = {0};
    enum gojson_kind kind = gojson_kind(&w);
    if (kind == GOJSON_OBJECT) {
        gojson_enter(&w);
        while (gojson_next_member(&w, &name)) {
            if (is_peer_urls(buf_as_span(&name)))
                read_urls(&w, c, why);
            else
                gojson_skip(&w);
        }
    } else if (kind != GOJSON_NULL) {
        note_kind(why, &w, "value of type struct { PeerURLs []string \"json:\\\"peerURLs\\\"\" }");
    }
    buf_fini(&name);
    if (why->len > 0)
        return false;
    if (c->n_urls == 0)
        buf_lit(why, "no valid URLs given");
    for (size_t i = 0; why->len == 0 && i < c->n_urls; i++)
        (void)peer_url_check(change_url(c, i), why);
    return why->len == 0;
}

static bool check_body(const struct api_request *rq, struct change *c, struct api_reply *reply)
{
    struct buf why = {0};
    bool good = false;
    if (rq->body_too_large)
        api_message(reply, 413, SPAN("request body too large"));
    else if (read_body(rq->body, c, &why))
        good = true;
    else
        api_message(reply, 400, buf_as_span(&why));
    buf_fini(&why);
    return good;
}

/* Whether a member other than EXCEPT has one of the URLs. */
static bool in_use(const struct table *t, const struct change *c, uint64_t except)
{
    for (unsigned i = 0; i < t->n; i++) {
        const struct command_member *m = &t->members[i].info;
        for (unsigned k = 0; k < m->n_peer_urls && t->members[i].id != except; k++)
            for (size_t u = 0; u < c->n_urls; u++)
                if (peer_url_same(m->peer_urls[k], change_url(c, u)))
                    return true;
    }
    return false;
}

/* The answer that v2 has for a change that the cluster may not make. */
static void refuse(enum v2_method method, uint64_t id, const char *reason, struct api_reply *reply)
{
    static const char *const changes[] = {
        [V2_M_POST] = "add", [V2_M_PUT] = "update", [V2_M_DELETE] = "remove"};
    log_warn("members.refused", LOG_S("change", changes[method]), LOG_X("id", id),
             LOG_S("reason", reason));
    api_message(reply, 500, SPAN("Internal Server Error"));
}

static void judge(const struct table *t, const struct api_call *call, const struct change *c,
                  struct api_reply *reply)
{
    enum v2_method method = call->rq->method;
    if (!engine_has_leader(call->api->engine)) {
        refuse(method, c->id, "there is no leader", reply);
    } else if (method != V2_M_POST && table_find(t, c->id) == NULL) {
        struct buf id = {0};
        buf_printf(&id, "%" PRIx64, c->id);
        no_such_member(reply, buf_as_span(&id));
        buf_fini(&id);
    } else if (method != V2_M_DELETE && in_use(t, c, c->id)) {
        api_message(reply, 409, SPAN("membership: peerURL exists"));
    } else {
        refuse(method, c->id, "this member serves a cluster of one, which cannot change", reply);
    }
}

void members_handle(const struct api_call *call, struct api_result *out)
{
    struct api_reply *reply = &out->reply;
    struct span name = span_starts(call->path, SPAN("/")) ? span_from(call->path, 1) : call->path;
    enum v2_method method = call->rq->method;
    struct change c = {0};
    struct table t;
    table_read(&t, call->api->engine);
    if (method == V2_M_GET && name.len == 0)
        list(&t, reply);
    else if (method == V2_M_GET && span_eq(name, SPAN("leader")))
        show_leader(&t, call->api->engine, reply);
    else if (method == V2_M_GET)
        api_message(reply, 404, SPAN("Not found"));
    else if ((method == V2_M_POST || read_id(name, &c, reply)) &&
             (method == V2_M_DELETE ||
              (check_type(call->rq->content_type, reply) && check_body(call->rq, &c, reply))))
        judge(&t, call, &c, reply);
    reply->cluster_id = true;
    change_fini(&c);
    table_fini(&t);
}

void machines_handle(const struct api_call *call, struct api_result *out)
{
    struct table t;
    struct span urls[LIMIT_MEMBERS * COMMAND_MEMBER_URLS];
    unsigned n = 0;
    table_read(&t, call->api->engine);
    for (unsigned i = 0; i < t.n; i++)
        for (unsigned k = 0; k < t.members[i].info.n_client_urls; k++)
            urls[n++] = t.members[i].info.client_urls[k];
    sort(urls, n);
    out->reply.status = 200;
    out->reply.type = API_TYPE_TEXT;
    for (unsigned i = 0; i < n; i++) {
        if (i > 0)
            buf_lit(&out->reply.body, ", ");
        buf_span(&out->reply.body, urls[i]);
    }
    table_fini(&t);
}
