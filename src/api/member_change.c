/* member_change: a request to add, move or remove a member: judged as v2 does, proposed, answered.
 * Source: contract, server 3. */
#include "api/roll.h"

#include "base/clock.h"
#include "base/gojson.h"
#include "base/gojson_walk.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/identity.h"
#include "cluster/member.h"
#include "proto/peer_url.h"

#include <inttypes.h>

#define HEALTHY_NS (5 * (uint64_t)NS_PER_S) /* for so long a member must have been connected */

/* ---- what it asks for ---- */

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
    if (why->len == 0 && c->n_urls > COMMAND_MEMBER_URLS)
        buf_printf(why, "more than %d URLs", COMMAND_MEMBER_URLS);
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

/* ---- whether the cluster can bear it ---- */

struct health {
    unsigned n, started, connected; /* of the members, EXCEPT aside */
};

static bool is_connected(const struct api *a, uint64_t id)
{
    return id == engine_member_id(a->engine) ||
           (a->connected_ns != NULL && a->connected_ns(a->peers, id) >= HEALTHY_NS);
}

static struct health look(const struct api *a, const struct roll *t, uint64_t except)
{
    struct health h = {0};
    for (unsigned i = 0; i < t->n; i++) {
        if (t->rows[i].id == except)
            continue;
        h.n++;
        h.started += t->rows[i].info.name.len > 0;
        h.connected += is_connected(a, t->rows[i].id);
    }
    return h;
}

/* NULL: it can. */
static const char *cannot_add(const struct api *a, const struct roll *t)
{
    struct health h = look(a, t, 0);
    if (h.started < h.n / 2 + 1)
        return "re-configuration failed due to not enough started members";
    return h.connected < h.n ? "unhealthy cluster: a member is not connected, or not for 5 s"
                             : NULL;
}

static const char *cannot_remove(const struct api *a, const struct roll *t, uint64_t id)
{
    struct health h = look(a, t, id);
    if (h.started < h.n / 2 + 1)
        return "re-configuration failed due to not enough started members";
    if (roll_find(t, id) == NULL)
        return NULL; /* that is said in another way */
    bool up = id == engine_member_id(a->engine) ||
              (a->connected_ns != NULL && a->connected_ns(a->peers, id) > 0);
    if (!up)
        return NULL; /* nobody counts on it now */
    struct health all = look(a, t, 0);
    return all.connected - 1 < 1 + (all.n - 1) / 2 ? "unhealthy cluster: the others are too few"
                                                   : NULL;
}

static bool bears(const struct api_call *call, const struct change *c, struct api_reply *reply)
{
    static const char *const changes[] = {[V2_M_POST] = "add", [V2_M_DELETE] = "remove"};
    enum v2_method method = call->rq->method;
    struct roll t;
    if (!call->api->strict_reconfig || method == V2_M_PUT)
        return true;
    roll_read(&t, call->api->engine);
    const char *why =
        method == V2_M_POST ? cannot_add(call->api, &t) : cannot_remove(call->api, &t, c->id);
    roll_fini(&t);
    if (why == NULL)
        return true;
    log_warn("members.refused", LOG_S("change", changes[method]), LOG_X("member", c->id),
             LOG_S("reason", why), LOG_S("flag", "--strict-reconfig-check"));
    api_message(reply, 500, SPAN("Internal Server Error"));
    return false;
}

/* ---- on its way, and back ---- */

static void propose(const struct api_call *call, struct change *c, struct api_result *out)
{
    static const enum command_kind kinds[] = {[V2_M_POST] = COMMAND_MEMBER_ADD,
                                              [V2_M_PUT] = COMMAND_MEMBER_UPDATE,
                                              [V2_M_DELETE] = COMMAND_MEMBER_REMOVE};
    struct command command = {.kind = kinds[call->rq->method], .member = {.id = c->id}};
    struct command_member *m = &command.member;
    for (size_t i = 0; i < c->n_urls; i++) {
        struct span url = change_url(c, i);
        peer_url_fold(c->bytes.ptr + (url.ptr - c->bytes.ptr), url.len);
        m->peer_urls[m->n_peer_urls++] = url;
    }
    if (call->rq->method == V2_M_POST)
        m->id = identity_member(m->peer_urls, m->n_peer_urls, SPAN(""),
                                engine_now_ns(call->api->engine) / NS_PER_S);
    (void)api_propose(out, &command);
}

static void say_id(struct api_reply *reply, int status, const char *text, uint64_t id)
{
    struct buf b = {0};
    buf_printf(&b, "%s: %" PRIx64, text, id);
    api_message(reply, status, buf_as_span(&b));
    buf_fini(&b);
}

static void done(const struct proposal *p, struct api_reply *reply)
{
    struct roll_row row;
    if (p->kind != COMMAND_MEMBER_ADD) {
        reply->status = 204;
        return;
    }
    roll_row_read(&row, p->member.id, p->member.info);
    reply->status = 201;
    reply->type = API_TYPE_JSON;
    roll_render(&reply->body, &row);
    buf_char(&reply->body, '\n');
}

static void refused(const struct proposal *p, struct api_reply *reply)
{
    enum member_outcome why = (enum member_outcome)p->member.outcome;
    if (p->code == V2_OK && why == MEMBER_URL_EXISTS)
        api_message(reply, 409, SPAN("membership: peerURL exists"));
    else if (p->code == V2_OK && why == MEMBER_EXISTS)
        api_message(reply, 409, SPAN("membership: ID exists"));
    else if (p->code == V2_OK && why == MEMBER_UNKNOWN)
        say_id(reply, 404, "No such member", p->member.id);
    else if (p->code == V2_OK && why == MEMBER_GONE && p->kind == COMMAND_MEMBER_REMOVE)
        say_id(reply, 410, "Member permanently removed", p->member.id);
    else /* quirk: also what is wrong with a removed member's new URLs, and a time-out */
        api_message(reply, 500, SPAN("Internal Server Error"));
}

void member_change_reply(const struct proposal *p, struct api_reply *reply)
{
    if (p->code == V2_OK && p->member.outcome == MEMBER_DONE)
        done(p, reply);
    else
        refused(p, reply);
    reply->cluster_id = true;
}

void member_change(const struct api_call *call, struct span name, struct api_result *out)
{
    struct change c = {0};
    enum v2_method method = call->rq->method;
    bool good = method == V2_M_POST || read_id(name, &c, &out->reply);
    if (good && method != V2_M_DELETE)
        good = check_type(call->rq->content_type, &out->reply) &&
               check_body(call->rq, &c, &out->reply);
    if (good && bears(call, &c, &out->reply))
        propose(call, &c, out);
    change_fini(&c);
}
