#include "store/node.h"

#include "base/check.h"
#include "proto/limits.h"
#include "store/place.h"

_Static_assert(offsetof(struct node, text) == 28, "each byte here is a megabyte in a million keys");
_Static_assert(LIMIT_NAME_BYTES <= UINT16_MAX, "name_len holds any name");
_Static_assert(LIMIT_FORM_BYTES <= UINT32_MAX, "value_len holds any value");
_Static_assert(sizeof(struct node_timer) == 12, "the timer is packed before the name");

static size_t node_bytes(unsigned flags, size_t name_len, size_t value_len)
{
    size_t head = offsetof(struct node, text);
    size_t n = head + ((flags & NODE_TIMED) != 0 ? sizeof(struct node_timer) : 0) + name_len;
    if ((flags & NODE_DIR) == 0)
        return n + value_len;
    return ((n + 7) & ~(size_t)7) + sizeof(struct node_body);
}

size_t node_size(const struct node *n)
{
    return node_bytes(n->flags, n->name_len, n->value_len);
}

struct node *node_new(struct pool *pool, const struct node_spec *spec)
{
    CP_ASSERT(spec->name.len <= UINT16_MAX);
    CP_ASSERT(spec->value.len <= UINT32_MAX);
    CP_ASSERT(!spec->dir || spec->value.len == 0);
    uint8_t flags =
        (uint8_t)((spec->dir ? NODE_DIR : 0) | (spec->expires_ns != 0 ? NODE_TIMED : 0));
    struct node *n = pool_get(pool, node_bytes(flags, spec->name.len, spec->value.len));
    n->created = spec->created;
    n->modified = spec->modified;
    n->value_len = (uint32_t)spec->value.len;
    n->version = spec->version;
    n->name_len = (uint16_t)spec->name.len;
    n->flags = flags;
    n->spare = 0;
    if (node_is_timed(n))
        *node_timer(n) = (struct node_timer){.expires_ns = spec->expires_ns};
    char *text = n->text + node_name_at(n);
    if (spec->name.len > 0)
        memcpy(text, spec->name.ptr, spec->name.len);
    if (spec->value.len > 0)
        memcpy(text + spec->name.len, spec->value.ptr, spec->value.len);
    if (spec->dir)
        *node_body(n) = (struct node_body){.born = spec->created};
    return n;
}

struct node *node_copy(struct pool *pool, const struct node *n)
{
    size_t size = node_size(n);
    struct node *copy = pool_get(pool, size);
    memcpy(copy, n, size);
    if (node_is_dir(copy))
        place_ref(node_body(copy)->place);
    return copy;
}

void node_free(struct pool *pool, struct node *n)
{
    if (node_is_dir(n))
        place_unref(pool, node_body(n)->place);
    pool_put(pool, n, node_size(n));
}
