/* render: what operations did, and errors. */
#include "codec/render.h"

#include "base/clock.h"
#include "base/jsonw.h"
#include "codec/render_priv.h"

/* Whole seconds left, rounded up; after the deadline whole seconds since, rounded down and
 * negative. */
static int64_t ttl_seconds(int64_t expires_ns, int64_t now_ns)
{
    int64_t left;

    if (__builtin_sub_overflow(expires_ns, now_ns, &left))
        left = expires_ns < now_ns ? INT64_MIN : INT64_MAX;
    return left / NS_PER_S + (left % NS_PER_S > 0);
}

void render_node_head(struct buf *b, struct span key, const struct node_view *n, int64_t now_ns)
{
    bool root = key.len == 0 || span_eq(key, SPAN("/"));

    CP_ASSERT(!root || n->dir);
    buf_char(b, '{');
    if (!root) {
        buf_lit(b, "\"key\":");
        jsonw_str(b, key);
    }
    if (n->dir) {
        if (!root)
            buf_char(b, ',');
        buf_lit(b, "\"dir\":true");
    } else {
        buf_lit(b, ",\"value\":");
        jsonw_str(b, n->value);
    }
    if (n->expires_ns == 0)
        return;
    buf_lit(b, ",\"expiration\":");
    jsonw_time(b, n->expires_ns);

    int64_t ttl = ttl_seconds(n->expires_ns, now_ns);

    /* quirk: in the last moment there is an expiration but no ttl (contract, keys 2). */
    if (ttl != 0) {
        buf_lit(b, ",\"ttl\":");
        buf_i64(b, ttl);
    }
}

void render_node_tail(struct buf *b, uint64_t modified, uint64_t created)
{
    if (modified != 0) {
        buf_lit(b, ",\"modifiedIndex\":");
        buf_u64(b, modified);
    }
    if (created != 0) {
        buf_lit(b, ",\"createdIndex\":");
        buf_u64(b, created);
    }
    buf_char(b, '}');
}

static bool removes(enum v2_action action)
{
    return action == V2_DELETE || action == V2_COMPARE_AND_DELETE || action == V2_EXPIRE;
}

/* The node of an event that removes: no value, no deadline. */
static void add_removed_node(struct buf *b, struct span key, const struct node_view *n)
{
    buf_lit(b, "{\"key\":");
    jsonw_str(b, key);
    if (n->dir)
        buf_lit(b, ",\"dir\":true");
    render_node_tail(b, n->modified, n->created);
}

static void add_node(struct buf *b, struct span key, const struct node_view *n, int64_t now_ns)
{
    render_node_head(b, key, n, now_ns);
    render_node_tail(b, n->modified, n->created);
}

static void add_action(struct buf *b, enum v2_action action)
{
    buf_lit(b, "{\"action\":\"");
    buf_span(b, span_of(v2_action_name(action)));
    buf_char(b, '"');
}

void render_result(struct buf *b, const struct store_result *r, int64_t now_ns)
{
    CP_ASSERT(r->code == V2_OK);
    /* Mostly enough for everything but escapes, so that the buffer grows once. */
    buf_reserve(b,
                192 + 2 * r->path.len + r->node.value.len + (r->has_prev ? r->prev.value.len : 0));
    add_action(b, r->action);
    buf_lit(b, ",\"node\":");
    if (removes(r->action))
        add_removed_node(b, r->path, &r->node);
    else
        add_node(b, r->path, &r->node, now_ns);
    if (r->has_prev) {
        buf_lit(b, ",\"prevNode\":");
        add_node(b, r->path, &r->prev, now_ns);
    }
    buf_lit(b, "}\n");
}

struct event *render_event(const struct store_result *r, int64_t now_ns)
{
    struct buf json = {0};

    render_result(&json, r, now_ns);

    struct event *e = event_new(r->action, r->index, r->path, buf_as_span(&json));

    e->dir = r->node.dir;
    e->refresh = r->refresh;
    e->replaced = r->has_prev;
    buf_fini(&json);
    return e;
}

void render_action(struct buf *b, enum v2_action action)
{
    add_action(b, action);
    buf_lit(b, "}\n");
}

void render_error(struct buf *b, enum v2_code code, struct span cause, uint64_t index)
{
    CP_ASSERT(code != V2_OK);
    buf_lit(b, "{\"errorCode\":");
    buf_u64(b, (uint64_t)code);
    buf_lit(b, ",\"message\":");
    jsonw_str(b, span_of(v2_message(code)));
    if (cause.len > 0) {
        buf_lit(b, ",\"cause\":");
        jsonw_str(b, cause);
    }
    buf_lit(b, ",\"index\":");
    buf_u64(b, index);
    buf_lit(b, "}\n");
}
