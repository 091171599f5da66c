/* keys: /v2/keys. A read answers at once, a write becomes a command, a watch its path. Source:
 * contract, keys 2. */
#include "api/keys_parse.h"
#include "api/route.h"

#include "base/mem.h"
#include "codec/command.h"
#include "codec/render.h"
#include "proto/limits.h"
#include "store/read.h"

#define WHOLE_BYTES_MAX 65536 /* larger listings leave in pieces */

struct reading {
    struct store *store;
    unsigned slot;
    bool recursive;
    int64_t now_ns;
};

static void refuse_listing(struct api_reply *reply)
{
    api_reply_fini(reply);
    api_error(reply, V2_RAFT_INTERNAL, SPAN("etcdserver: too many requests"), 0);
    reply->status = 503;
    reply->retry_after = true;
}

/* Renders a directory; true when the pin went into a listing. */
static bool list_dir(const struct reading *r, const struct node *dir, struct span path,
                     struct api_result *out)
{
    struct buf *body = &out->reply.body;
    struct render_get *g = render_get_new(dir, path, r->recursive, r->now_ns);
    bool more = render_get_more(g, body, WHOLE_BYTES_MAX);
    if (more) {
        out->listing = listing_new(r->store, r->slot, g, body);
        if (out->listing != NULL) {
            out->outcome = API_STREAM;
            return true;
        }
    }
    while (more && body->len <= LIMIT_LISTING_BYTES)
        more = render_get_more(g, body, WHOLE_BYTES_MAX);
    render_get_free(g);
    if (more)
        refuse_listing(&out->reply);
    return false;
}

static void read_key(const struct api_call *call, const struct keys_request *k,
                     struct api_result *out)
{
    struct engine *engine = call->api->engine;
    struct api_reply *reply = &out->reply;
    struct reading r = {
        .store = engine_store(engine),
        .slot = call->slot,
        .recursive = k->recursive,
        .now_ns = engine_now_ns(engine),
    };
    /* before the pin: never newer than what is read */
    reply->raft_index = engine_raft_index(engine);
    reply->raft_term = engine_raft_term(engine);

    const struct version *v = store_pin(r.store, r.slot);
    const struct node *node = NULL;
    size_t missing = 0;
    enum v2_code code = read_find(v, k->path, &node, &missing);
    engine_count_get(engine, call->slot, code == V2_OK);
    if (code != V2_OK) {
        api_error(reply, code, (struct span){k->path.ptr, missing}, version_index(v));
        store_unpin(r.store, r.slot);
        return;
    }
    reply->status = 200;
    reply->type = API_TYPE_JSON;
    reply->cluster_id = reply->has_etcd_index = reply->has_raft = true;
    reply->etcd_index = version_index(v);
    struct node_view view;
    node_view(node, &view);
    bool kept = false;
    if (view.dir)
        kept = list_dir(&r, node, k->path, out);
    else
        render_get_file(&reply->body, node, k->path, r.now_ns);
    if (!kept)
        store_unpin(r.store, r.slot);
}

static void propose(const struct keys_request *k, struct api_result *out)
{
    struct command c = {.kind = COMMAND_STORE, .op = k->op};
    (void)api_propose(out, &c);
    out->no_value = (k->op.flags & OP_NO_VALUE) != 0;
}

static void watch(const struct keys_request *k, struct api_result *out)
{
    buf_span(&out->watch.path, k->path);
    out->watch.since = k->wait_index;
    out->watch.recursive = k->recursive;
    out->watch.stream = k->stream;
    out->outcome = API_WATCH;
}

static bool too_deep(struct span path)
{
    size_t names = 0;
    for (size_t i = 0; i + 1 < path.len; i++)
        names += path.ptr[i] == '/';
    return path.len > LIMIT_PATH_BYTES || names > LIMIT_PATH_DEPTH;
}

static enum api_counted counted_as(enum v2_method method, bool quorum)
{
    static const enum api_counted as[] = {
        [V2_M_GET] = COUNTED_GET,   [V2_M_HEAD] = COUNTED_HEAD,     [V2_M_PUT] = COUNTED_PUT,
        [V2_M_POST] = COUNTED_POST, [V2_M_DELETE] = COUNTED_DELETE,
    };
    CP_ASSERT(method < CP_COUNT(as));
    return method == V2_M_GET && quorum ? COUNTED_QGET : as[method];
}

static bool must_confirm(const struct api_call *call, const struct keys_request *k)
{
    return k->quorum && call->rq->method == V2_M_GET && !call->rq->confirmed &&
           !engine_decides_alone(call->api->engine);
}

static void confirm(struct api_result *out)
{
    out->read = mem_zalloc(sizeof *out->read);
    out->outcome = API_READ;
}

void api_read_reply(struct api *a, unsigned slot, const struct api_request *rq,
                    struct quorum_read **r, struct api_result *out)
{
    struct quorum_read *done = *r; /* R may be in OUT */
    struct api_request confirmed = *rq;
    confirmed.confirmed = true;
    *r = NULL;
    *out = (struct api_result){.outcome = API_REPLY};
    if (done->code == V2_OK)
        api_handle(a, slot, &confirmed, out);
    else
        api_error(&out->reply, done->code, buf_as_span(&done->cause), 0);
    buf_fini(&done->cause);
    mem_free(done);
}

/* What the request names is what is asked for, not what it comes to: /a/ is not /a. */
static bool admit(const struct api_call *call, const struct keys_request *k, struct api_result *out)
{
    struct grant_ask ask = {.need = k->kind == KEYS_WRITE ? GRANT_WRITE : GRANT_READ,
                            .key = call->path,
                            .recursive = k->recursive};
    return k->kind == KEYS_WATCH ? api_admit_watch(call, &ask, out) : api_admit(call, &ask, out);
}

void keys_handle(const struct api_call *call, struct api_result *out)
{
    struct keys_request k;
    if (too_deep(call->path)) {
        api_fixed(&out->reply, 414, API_TYPE_TEXT_NOSNIFF, SPAN("Request URI Too Long\n"));
        return;
    }
    bool parsed = keys_parse(call->rq, call->path, call->query, &k) == V2_OK;
    bool admitted = parsed && admit(call, &k, out);
    if (admitted)
        out->counted = counted_as(call->rq->method, k.quorum);
    if (!parsed)
        api_error(&out->reply, k.code, buf_as_span(&k.cause), 0);
    else if (!admitted)
        ; /* OUT says what there is to do */
    else if (k.kind == KEYS_WRITE)
        propose(&k, out);
    else if (k.kind == KEYS_WATCH)
        watch(&k, out);
    else if (must_confirm(call, &k))
        confirm(out);
    else
        read_key(call, &k, out);
    keys_request_fini(&k);
}
