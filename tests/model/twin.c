#include "twin.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>

struct key key_of(struct span s)
{
    struct key k = {.len = (uint8_t)s.len};
    CP_ASSERT(s.len <= KEY_BYTES);
    memcpy(k.bytes, s.ptr, s.len);
    return k;
}

static bool key_is_root(const struct key *k)
{
    return k->len == 1;
}

struct key key_parent(const struct key *k)
{
    size_t len = k->len;
    while (k->bytes[--len] != '/') {
    }
    return key_of(span_make(k->bytes, len > 0 ? len : 1));
}

bool key_is_below(const struct key *below, const struct key *k)
{
    if (key_is_root(k))
        return !key_is_root(below);
    return below->len > k->len && below->bytes[k->len] == '/' &&
           span_starts(key_span(below), key_span(k));
}

/* By components: the slash stands before every other byte. */
static int key_cmp(const struct key *a, const struct key *b)
{
    for (size_t i = 0; i < a->len && i < b->len; i++) {
        int x = a->bytes[i] == '/' ? -1 : (unsigned char)a->bytes[i];
        int y = b->bytes[i] == '/' ? -1 : (unsigned char)b->bytes[i];
        if (x != y)
            return x - y;
    }
    return a->len - b->len;
}

void twin_fini(struct twin *t)
{
    mem_free(t->node);
    *t = (struct twin){0};
}

struct twin *twin_copy(const struct twin *t)
{
    struct twin *c = mem_dup(t, sizeof *t);
    c->room = t->count + 1;
    c->node = mem_alloc(c->room * sizeof *c->node);
    if (t->count > 0)
        memcpy(c->node, t->node, t->count * sizeof *c->node);
    return c;
}

/* The first node not before PATH. */
static size_t position(const struct twin *t, const struct key *path)
{
    size_t lo = 0, hi = t->count;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (key_cmp(&t->node[mid].path, path) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

struct twin_node *twin_find(const struct twin *t, const struct key *path)
{
    size_t i = position(t, path);
    return i < t->count && key_cmp(&t->node[i].path, path) == 0 ? &t->node[i] : NULL;
}

static struct twin_node *insert(struct twin *t, struct twin_node n)
{
    if (t->count == t->room) {
        t->room = t->room > 0 ? 2 * t->room : 64;
        t->node = mem_realloc(t->node, t->room * sizeof *t->node);
    }
    size_t i = position(t, &n.path);
    memmove(t->node + i + 1, t->node + i, (t->count - i) * sizeof *t->node);
    t->node[i] = n;
    t->count++;
    return &t->node[i];
}

static void remove_subtree(struct twin *t, const struct key *path)
{
    size_t from = position(t, path), to = from + 1;
    while (to < t->count && key_is_below(&t->node[to].path, path))
        to++;
    memmove(t->node + from, t->node + to, (t->count - to) * sizeof *t->node);
    t->count -= to - from;
}

enum v2_code twin_walk(const struct twin *t, const struct key *path, struct twin_node **out,
                       size_t *cause_len)
{
    *out = NULL;
    for (size_t to = 2; to <= path->len; to++) {
        if (to < path->len && path->bytes[to] != '/')
            continue;
        struct key prefix = key_of(span_make(path->bytes, to));
        *cause_len = to;
        *out = twin_find(t, &prefix);
        if (*out == NULL)
            return V2_KEY_NOT_FOUND;
        if (to < path->len && !(*out)->dir)
            return V2_NOT_DIR;
    }
    return V2_OK;
}

static void touch_above(struct twin *t, const struct key *path)
{
    struct key up = *path;
    while (!key_is_root(&up)) {
        struct twin_node *n = twin_find(t, &up);
        if (n != NULL && n->dir)
            n->tree = t->index;
        up = key_parent(&up);
    }
    t->tree = t->index;
}

static void make_parents(struct twin *t, const struct key *path)
{
    struct key up = key_parent(path);
    while (!key_is_root(&up) && twin_find(t, &up) == NULL) {
        insert(t, (struct twin_node){.path = up,
                                     .dir = true,
                                     .created = t->index,
                                     .modified = t->index,
                                     .tree = t->index,
                                     .version = 1});
        up = key_parent(&up);
    }
}

static void refuse(struct twin_result *r, enum v2_code code, struct span cause)
{
    r->code = code;
    memcpy(r->cause, cause.ptr, cause.len);
    r->cause_len = cause.len;
}

static int64_t deadline(const struct store_op *op, int64_t now_ns)
{
    if ((op->flags & OP_HAS_TTL) == 0)
        return 0;
    return (int64_t)((uint64_t)now_ns + op->ttl_s * 1000000000u);
}

static void set_value(struct twin_node *n, struct span value)
{
    CP_ASSERT(value.len <= VALUE_BYTES);
    n->value_len = (uint8_t)value.len;
    if (value.len > 0)
        memcpy(n->value, value.ptr, value.len);
}

/* store.go: Set and Create, by way of internalCreate. */
static void create(struct twin *t, const struct store_op *op, int64_t now_ns, struct twin_result *r)
{
    struct twin_node *old;
    size_t cause_len = 0;
    bool set = r->action == V2_SET, refresh = set && (op->flags & OP_REFRESH) != 0;
    if (key_is_root(&r->path)) {
        refuse(r, V2_ROOT_READ_ONLY, SPAN("/"));
        return;
    }
    enum v2_code found = twin_walk(t, &r->path, &old, &cause_len);
    if (found == V2_NOT_DIR || (found == V2_KEY_NOT_FOUND && refresh)) {
        refuse(r, found, span_make(r->path.bytes, cause_len));
        return;
    }
    if (found == V2_OK && !set) {
        refuse(r, V2_NODE_EXIST, key_span(&r->path));
        return;
    }
    if (found == V2_OK && old->dir) {
        refuse(r, V2_NOT_FILE, key_span(&r->path));
        return;
    }
    t->index++;
    struct twin_node n = {.path = r->path,
                          .dir = (op->flags & OP_DIR) != 0,
                          .created = t->index,
                          .modified = t->index,
                          .version = 1,
                          .expires_ns = deadline(op, now_ns)};
    if (n.expires_ns < STORE_YEAR_2000_NS)
        n.expires_ns = 0;
    if (!n.dir)
        set_value(&n, refresh ? span_make(old->value, old->value_len) : op->value);
    if (old != NULL) {
        r->has_prev = true;
        r->prev = *old;
        remove_subtree(t, &r->path);
    }
    make_parents(t, &r->path);
    r->node = *insert(t, n);
    r->refresh = refresh;
    if (!refresh)
        touch_above(t, &r->path);
}

static bool compare(const struct store_op *op, const struct twin_node *n, struct twin_result *r)
{
    bool value_ok = (op->flags & OP_HAS_PREV_VALUE) == 0 ||
                    span_eq(op->prev_value, span_make(n->value, n->value_len));
    bool index_ok = op->prev_index == 0 || op->prev_index == n->modified;
    if (value_ok && index_ok)
        return true;
    char value[256], index[64];
    size_t value_len = 0;
    value[value_len++] = '[';
    if (op->prev_value.len > 0)
        memcpy(value + value_len, op->prev_value.ptr, op->prev_value.len);
    value_len += op->prev_value.len;
    memcpy(value + value_len, " != ", 4);
    memcpy(value + value_len + 4, n->value, n->value_len);
    value_len += 4u + n->value_len;
    value[value_len++] = ']';
    int index_len =
        snprintf(index, sizeof index, "[%" PRIu64 " != %" PRIu64 "]", op->prev_index, n->modified);
    if (!value_ok && !index_ok)
        value[value_len++] = ' ';
    struct span cause = {value, value_ok ? 0 : value_len};
    refuse(r, V2_TEST_FAILED, cause);
    if (!index_ok)
        memcpy(r->cause + r->cause_len, index, (size_t)index_len);
    r->cause_len += index_ok ? 0 : (size_t)index_len;
    return false;
}

/* store.go: Update and CompareAndSwap. */
static void change(struct twin *t, const struct store_op *op, int64_t now_ns, struct twin_result *r)
{
    struct twin_node *n;
    size_t cause_len = 0;
    bool refresh = (op->flags & OP_REFRESH) != 0;
    if (key_is_root(&r->path)) {
        refuse(r, V2_ROOT_READ_ONLY, SPAN("/"));
        return;
    }
    enum v2_code found = twin_walk(t, &r->path, &n, &cause_len);
    if (found != V2_OK) {
        refuse(r, found, span_make(r->path.bytes, cause_len));
        return;
    }
    if (n->dir && (r->action == V2_COMPARE_AND_SWAP || op->value.len > 0)) {
        refuse(r, V2_NOT_FILE, key_span(&r->path));
        return;
    }
    if (r->action == V2_COMPARE_AND_SWAP && !compare(op, n, r))
        return;
    t->index++;
    r->has_prev = true;
    r->prev = *n;
    if (!n->dir) {
        n->modified = t->index;
        if (!refresh)
            set_value(n, op->value);
    }
    n->version++;
    n->expires_ns = deadline(op, now_ns);
    if (!refresh)
        touch_above(t, &r->path);
    r->node = *n;
    r->node.modified = t->index;
    r->refresh = refresh;
}

static void take_away(struct twin *t, struct twin_node *n, struct twin_result *r)
{
    t->index++;
    r->has_prev = true;
    r->prev = *n;
    r->node = (struct twin_node){
        .path = n->path, .dir = n->dir, .created = n->created, .modified = t->index};
    remove_subtree(t, &r->path);
    touch_above(t, &r->path);
}

/* store.go: Delete and CompareAndDelete. */
static void destroy(struct twin *t, const struct store_op *op, struct twin_result *r)
{
    struct twin_node *n;
    size_t cause_len = 0;
    bool plain = r->action == V2_DELETE, recursive = (op->flags & OP_RECURSIVE) != 0;
    if (key_is_root(&r->path)) {
        refuse(r, plain ? V2_ROOT_READ_ONLY : V2_NOT_FILE, plain ? SPAN("/") : SPAN(""));
        return;
    }
    enum v2_code found = twin_walk(t, &r->path, &n, &cause_len);
    if (found != V2_OK) {
        refuse(r, found, span_make(r->path.bytes, cause_len));
        return;
    }
    if (n->dir && (!plain || (!recursive && (op->flags & OP_DIR) == 0))) {
        refuse(r, V2_NOT_FILE, key_span(&r->path));
        return;
    }
    size_t next = position(t, &r->path) + 1;
    bool empty = next == t->count || !key_is_below(&t->node[next].path, &r->path);
    if (n->dir && !recursive && !empty) {
        refuse(r, V2_DIR_NOT_EMPTY, key_span(&r->path));
        return;
    }
    if (!plain && !compare(op, n, r))
        return;
    take_away(t, n, r);
}

/* apply_v2.go */
void twin_apply(struct twin *t, const struct store_op *op, int64_t now_ns, struct twin_result *r)
{
    bool compares = op->prev_index > 0 || (op->flags & OP_HAS_PREV_VALUE) != 0;
    *r = (struct twin_result){.path = key_of(op->path)};
    if (op->verb == OP_POST) {
        char name[32];
        int len = snprintf(name, sizeof name, "/%020" PRIu64, t->index + 1);
        size_t at = r->path.len == 1 ? 0 : r->path.len;
        memcpy(r->path.bytes + at, name, (size_t)len);
        r->path.len = (uint8_t)(at + (size_t)len);
        r->action = V2_CREATE;
        create(t, op, now_ns, r);
    } else if (op->verb == OP_DELETE) {
        r->action = compares ? V2_COMPARE_AND_DELETE : V2_DELETE;
        destroy(t, op, r);
    } else if (op->exist == OP_EXIST_NO) {
        r->action = V2_CREATE;
        create(t, op, now_ns, r);
    } else if (compares) {
        r->action = V2_COMPARE_AND_SWAP;
        change(t, op, now_ns, r);
    } else if (op->exist == OP_EXIST_YES) {
        r->action = V2_UPDATE;
        change(t, op, now_ns, r);
    } else {
        r->action = V2_SET;
        create(t, op, now_ns, r);
    }
}

static struct twin_node *first_due(const struct twin *t)
{
    struct twin_node *best = NULL;
    for (size_t i = 0; i < t->count; i++) {
        struct twin_node *n = &t->node[i];
        if (n->expires_ns == 0)
            continue;
        if (best == NULL || n->expires_ns < best->expires_ns ||
            (n->expires_ns == best->expires_ns && n->created < best->created))
            best = n;
    }
    return best;
}

bool twin_expire(struct twin *t, int64_t cutoff_ns, struct twin_result *r)
{
    struct twin_node *n = first_due(t);
    if (n == NULL || n->expires_ns > cutoff_ns)
        return false;
    *r = (struct twin_result){.action = V2_EXPIRE, .path = n->path};
    take_away(t, n, r);
    return true;
}

int64_t twin_next_expiry(const struct twin *t)
{
    const struct twin_node *n = first_due(t);
    return n != NULL ? n->expires_ns : STORE_NEVER;
}
