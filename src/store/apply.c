/* apply: which action an operation is, what refuses it, and what it does. Pure: the tree, the
 * operation and the time decide. Every refusal is found before the first change, so a refused
 * operation leaves no trace at all. */
#include "store/edit.h"
#include "store/path.h"
#include "store/read.h"
#include "store/store_priv.h"

#include <inttypes.h>

/* One operation under way. */
struct plan {
    const struct store_op *op;
    int64_t now_ns;
    enum v2_action action;
    struct span path;   /* of the node in question, in the store's buffer */
    enum v2_code found; /* what looking it up gave: V2_OK, KEY_NOT_FOUND, NOT_DIR */
    struct node *node;  /* with V2_OK */
    size_t cause_len;   /* otherwise */
};

/* Which action a request is: verb x prevExist x (prevValue or prevIndex given). Source: contract,
 * keys 6; etcd 3.4 apply_v2.go. */
static const struct {
    enum op_verb verb;
    enum op_exist exist;
    bool compare;
    enum v2_action action;
} decisions[] = {
    {OP_PUT, OP_EXIST_ANY, false, V2_SET},
    {OP_PUT, OP_EXIST_ANY, true, V2_COMPARE_AND_SWAP},
    {OP_PUT, OP_EXIST_YES, false, V2_UPDATE},
    {OP_PUT, OP_EXIST_YES, true, V2_COMPARE_AND_SWAP},
    {OP_PUT, OP_EXIST_NO, false, V2_CREATE},
    {OP_PUT, OP_EXIST_NO, true, V2_CREATE}, /* quirk: nothing is compared (cas-prevexist) */
    {OP_POST, OP_EXIST_ANY, false, V2_CREATE},
    {OP_POST, OP_EXIST_ANY, true, V2_CREATE}, /* quirk: POST ignores prev… (post-params-ignored) */
    {OP_POST, OP_EXIST_YES, false, V2_CREATE},
    {OP_POST, OP_EXIST_YES, true, V2_CREATE},
    {OP_POST, OP_EXIST_NO, false, V2_CREATE},
    {OP_POST, OP_EXIST_NO, true, V2_CREATE},
    {OP_DELETE, OP_EXIST_ANY, false, V2_DELETE},
    {OP_DELETE, OP_EXIST_ANY, true, V2_COMPARE_AND_DELETE},
    {OP_DELETE, OP_EXIST_YES, false, V2_DELETE}, /* quirk: DELETE ignores prevExist */
    {OP_DELETE, OP_EXIST_YES, true, V2_COMPARE_AND_DELETE},
    {OP_DELETE, OP_EXIST_NO, false, V2_DELETE},
    {OP_DELETE, OP_EXIST_NO, true, V2_COMPARE_AND_DELETE},
};

static enum v2_action decide(const struct store_op *op)
{
    bool compare = op->prev_index > 0 || (op->flags & OP_HAS_PREV_VALUE) != 0;
    for (size_t i = 0; i < CP_COUNT(decisions); i++)
        if (decisions[i].verb == op->verb && decisions[i].exist == op->exist &&
            decisions[i].compare == compare)
            return decisions[i].action;
    check_failed(__FILE__, __LINE__, "an operation that the decoder does not let through");
}

static bool has_flag(const struct plan *p, enum op_flags flag)
{
    return (p->op->flags & flag) != 0;
}

/* ---- what refuses; each gives V2_OK or a code with its cause ---- */

/* Nothing stands at the path: where the way ended. */
static enum v2_code not_there(const struct plan *p, struct span *cause)
{
    *cause = span_make(p->path.ptr, p->cause_len);
    return p->found;
}

static enum v2_code refuse_key(const struct plan *p, enum v2_code code, struct span *cause)
{
    *cause = p->path;
    return code;
}

static enum v2_code check_set(struct store *s, const struct plan *p, struct span *cause)
{
    (void)s;
    if (path_is_root(p->path))
        return refuse_key(p, V2_ROOT_READ_ONLY, cause);
    if (p->found == V2_KEY_NOT_FOUND && !has_flag(p, OP_REFRESH))
        return V2_OK;
    if (p->found != V2_OK)
        return not_there(p, cause);
    return node_is_dir(p->node) ? refuse_key(p, V2_NOT_FILE, cause) : V2_OK;
}

static enum v2_code check_create(struct store *s, const struct plan *p, struct span *cause)
{
    (void)s;
    if (path_is_root(p->path))
        return refuse_key(p, V2_ROOT_READ_ONLY, cause);
    if (p->found == V2_NOT_DIR)
        return not_there(p, cause);
    return p->found == V2_OK ? refuse_key(p, V2_NODE_EXIST, cause) : V2_OK;
}

static enum v2_code check_update(struct store *s, const struct plan *p, struct span *cause)
{
    (void)s;
    if (path_is_root(p->path))
        return refuse_key(p, V2_ROOT_READ_ONLY, cause);
    if (p->found != V2_OK)
        return not_there(p, cause);
    if (node_is_dir(p->node) && p->op->value.len > 0)
        return refuse_key(p, V2_NOT_FILE, cause);
    return V2_OK;
}

/* V2_OK when the node is as the operation wants it. The cause names what differs, value first. */
static enum v2_code compare(struct store *s, const struct plan *p, struct span *cause)
{
    const struct store_op *op = p->op;
    struct span value = node_value(p->node);
    bool value_ok = !has_flag(p, OP_HAS_PREV_VALUE) || span_eq(op->prev_value, value);
    bool index_ok = op->prev_index == 0 || op->prev_index == p->node->modified;
    if (value_ok && index_ok)
        return V2_OK;
    if (!value_ok) {
        buf_char(&s->cause, '[');
        buf_span(&s->cause, op->prev_value);
        buf_lit(&s->cause, " != ");
        buf_span(&s->cause, value);
        buf_char(&s->cause, ']');
    }
    if (!value_ok && !index_ok)
        buf_char(&s->cause, ' ');
    if (!index_ok)
        buf_printf(&s->cause, "[%" PRIu64 " != %" PRIu64 "]", op->prev_index, p->node->modified);
    *cause = buf_as_span(&s->cause);
    return V2_TEST_FAILED;
}

static enum v2_code check_swap(struct store *s, const struct plan *p, struct span *cause)
{
    if (path_is_root(p->path))
        return refuse_key(p, V2_ROOT_READ_ONLY, cause);
    if (p->found != V2_OK)
        return not_there(p, cause);
    if (node_is_dir(p->node))
        return refuse_key(p, V2_NOT_FILE, cause);
    return compare(s, p, cause);
}

static enum v2_code check_delete(struct store *s, const struct plan *p, struct span *cause)
{
    (void)s;
    bool recursive = has_flag(p, OP_RECURSIVE);
    if (path_is_root(p->path))
        return refuse_key(p, V2_ROOT_READ_ONLY, cause);
    if (p->found != V2_OK)
        return not_there(p, cause);
    if (!node_is_dir(p->node) || recursive)
        return V2_OK;
    if (!has_flag(p, OP_DIR))
        return refuse_key(p, V2_NOT_FILE, cause);
    return node_body(p->node)->children > 0 ? refuse_key(p, V2_DIR_NOT_EMPTY, cause) : V2_OK;
}

static enum v2_code check_compare_delete(struct store *s, const struct plan *p, struct span *cause)
{
    if (path_is_root(p->path)) {
        *cause = (struct span){0}; /* quirk: not 107, and without a cause (root-readonly) */
        return V2_NOT_FILE;
    }
    if (p->found != V2_OK)
        return not_there(p, cause);
    if (node_is_dir(p->node))
        return refuse_key(p, V2_NOT_FILE, cause);
    return compare(s, p, cause);
}

/* ---- what is done ---- */

/* When the node is to expire; 0: never. */
static int64_t deadline_ns(const struct plan *p)
{
    if (!has_flag(p, OP_HAS_TTL))
        return 0;
    /* quirk: wrapping, as etcd multiplies and adds (ttl-huge) */
    int64_t at = (int64_t)((uint64_t)p->now_ns + p->op->ttl_s * UINT64_C(1000000000));
    bool makes_node = p->action == V2_SET || p->action == V2_CREATE;
    /* quirk: only where a node is made does a deadline of long ago count as none; an update or
     * compareAndSwap with one (ttl=7500000000) has the node expire at once, as observed on
     * etcd 3.4.23 */
    return makes_node && at < STORE_YEAR_2000_NS ? 0 : at;
}

static void run_put(struct store *s, const struct plan *p, struct store_result *out)
{
    struct draft *d = &s->draft;
    struct node *old = p->found == V2_OK ? p->node : NULL;
    bool fresh =
        p->action == V2_SET || p->action == V2_CREATE; /* a node of its own, or a change of one */
    bool refresh = has_flag(p, OP_REFRESH) && old != NULL;
    bool dir = fresh ? has_flag(p, OP_DIR) : node_is_dir(old);
    d->index++;
    struct node_spec spec = {
        .name = path_name(p->path),
        .dir = dir,
        .created = fresh ? d->index : old->created,
        .modified = d->index,
        .version = fresh ? 1 : old->version + (old->version < UINT32_MAX),
        .expires_ns = deadline_ns(p),
    };
    if (!dir)
        spec.value = refresh ? node_value(old) : p->op->value;
    if (dir && !fresh)
        spec.modified = old->modified; /* quirk: the event shows the new index, the directory keeps
                                          its own (mkdir-prevexist, ttl-dir-update) */
    if (old != NULL) {
        node_view(old, &out->prev);
        out->has_prev = true;
    }
    struct edit e = {p->path, &spec, old, p->cause_len, refresh};
    node_view(edit_put(d, &e), &out->node);
    out->node.modified = d->index;
    out->refresh = refresh;
}

/* Takes N, at PATH, away as ACTION, with an index of its own. */
static void remove_node(struct store *s, struct span path, struct node *n, struct store_result *out)
{
    struct draft *d = &s->draft;
    d->index++;
    node_view(n, &out->prev);
    out->has_prev = true;
    out->node =
        (struct node_view){.dir = out->prev.dir, .created = n->created, .modified = d->index};
    edit_remove(d, path, n);
}

static void run_remove(struct store *s, const struct plan *p, struct store_result *out)
{
    remove_node(s, p->path, p->node, out);
}

static const struct {
    enum v2_code (*check)(struct store *s, const struct plan *p, struct span *cause);
    void (*run)(struct store *s, const struct plan *p, struct store_result *out);
} actions[] = {
    [V2_SET] = {check_set, run_put},
    [V2_CREATE] = {check_create, run_put},
    [V2_UPDATE] = {check_update, run_put},
    [V2_COMPARE_AND_SWAP] = {check_swap, run_put},
    [V2_DELETE] = {check_delete, run_remove},
    [V2_COMPARE_AND_DELETE] = {check_compare_delete, run_remove},
};

/* The path of the node in question; of a POST its name is the index that the event would get. */
static struct span plan_path(struct store *s, const struct store_op *op)
{
    CP_ASSERT(op->path.len > 0 && op->path.ptr[0] == '/');
    buf_clear(&s->path);
    buf_span(&s->path, op->path);
    if (op->verb == OP_POST)
        buf_printf(&s->path, "%s%020" PRIu64, path_is_root(op->path) ? "" : "/",
                   s->draft.index + 1);
    return buf_as_span(&s->path);
}

enum v2_code store_apply(struct store *s, const struct store_op *op, int64_t now_ns,
                         struct store_result *out)
{
    draft_bury(&s->draft);
    buf_clear(&s->cause);
    struct plan p = {.op = op, .now_ns = now_ns, .action = decide(op), .path = plan_path(s, op)};
    p.found = edit_find(s->draft.root, p.path, &p.node, &p.cause_len);

    *out = (struct store_result){.action = p.action, .path = p.path};
    out->code = actions[p.action].check(s, &p, &out->cause);
    if (out->code == V2_OK)
        actions[p.action].run(s, &p, out);
    out->index = s->draft.index;
    return out->code;
}

bool store_expire_next(struct store *s, int64_t cutoff_ns, struct store_result *out)
{
    struct draft *d = &s->draft;
    draft_bury(d);
    uint32_t record;
    while ((record = timers_due(&d->timers, cutoff_ns)) != 0) {
        const struct timer_record *r = &d->timers.record[record];
        struct span place = place_path(r->place);
        buf_clear(&s->path);
        buf_span(&s->path, place);
        if (!path_is_root(place))
            buf_char(&s->path, '/');
        buf_span(&s->path, node_key(r->node));
        struct span path = buf_as_span(&s->path);
        struct node *there = NULL;
        size_t cause_len;
        if (edit_find(d->root, path, &there, &cause_len) != V2_OK || there != r->node) {
            timers_remove(&d->timers, &d->pool, record); /* went with a directory above it */
            continue;
        }
        *out = (struct store_result){.action = V2_EXPIRE, .path = path};
        remove_node(s, path, there, out);
        out->index = d->index;
        return true;
    }
    return false;
}
