#include "watch/registry.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/mem.h"

#define FIRST_BUCKETS 64

static struct hub_path *path_new(struct hub_path *parent, struct span name, uint64_t hash)
{
    struct hub_path *p = mem_zalloc(sizeof *p + name.len);
    list_init(&p->exact);
    list_init(&p->deep);
    list_init(&p->children);
    list_init(&p->place);
    p->parent = parent;
    p->hash = hash;
    p->name_len = (uint32_t)name.len;
    if (name.len > 0)
        memcpy(p->name, name.ptr, name.len);
    if (parent != NULL)
        list_add_tail(&parent->children, &p->place);
    return p;
}

void registry_init(struct registry *r)
{
    *r = (struct registry){.buckets = FIRST_BUCKETS};
    r->bucket = mem_zalloc(r->buckets * sizeof(struct hub_path *));
    r->root = path_new(NULL, SPAN(""), rand_u64());
}

void registry_fini(struct registry *r)
{
    CP_ASSERT(r->paths == 0);
    mem_free(r->root);
    mem_free(r->bucket);
}

static uint64_t child_hash(const struct hub_path *parent, struct span name)
{
    return hash_bytes(name) ^ (parent->hash * UINT64_C(0x9e3779b97f4a7c15));
}

static struct hub_path *find(const struct registry *r, const struct hub_path *parent,
                             struct span name, uint64_t hash)
{
    struct hub_path *p = r->bucket[hash & (r->buckets - 1)];
    while (p != NULL &&
           !(p->parent == parent && p->hash == hash && span_eq(hub_path_name(p), name)))
        p = p->chain;
    return p;
}

struct hub_path *registry_child(const struct registry *r, const struct hub_path *parent,
                                struct span name)
{
    if (list_empty(&parent->children))
        return NULL;
    return find(r, parent, name, child_hash(parent, name));
}

static void grow(struct registry *r)
{
    size_t n = r->buckets * 2;
    struct hub_path **bucket = mem_zalloc(n * sizeof(struct hub_path *));
    for (size_t i = 0; i < r->buckets; i++) {
        for (struct hub_path *p = r->bucket[i], *next; p != NULL; p = next) {
            next = p->chain;
            p->chain = bucket[p->hash & (n - 1)];
            bucket[p->hash & (n - 1)] = p;
        }
    }
    mem_free(r->bucket);
    r->bucket = bucket;
    r->buckets = n;
}

static struct hub_path *child_or_new(struct registry *r, struct hub_path *parent, struct span name)
{
    uint64_t hash = child_hash(parent, name);
    struct hub_path *p = find(r, parent, name, hash);
    if (p != NULL)
        return p;
    if (r->paths >= r->buckets)
        grow(r);
    p = path_new(parent, name, hash);
    p->chain = r->bucket[hash & (r->buckets - 1)];
    r->bucket[hash & (r->buckets - 1)] = p;
    r->paths++;
    return p;
}

struct hub_path *registry_place(struct registry *r, struct span path)
{
    struct hub_path *p = r->root;
    for (struct span name; registry_next_name(&path, &name);)
        p = child_or_new(r, p, name);
    return p;
}

struct hub_path *registry_trim(struct registry *r, struct hub_path *p)
{
    struct hub_path *parent = p->parent;
    if (parent == NULL || !list_empty(&p->exact) || !list_empty(&p->deep) ||
        !list_empty(&p->children))
        return parent;
    struct hub_path **link = &r->bucket[p->hash & (r->buckets - 1)];
    while (*link != p)
        link = &(*link)->chain;
    *link = p->chain;
    list_del(&p->place);
    mem_free(p);
    r->paths--;
    return parent;
}

void registry_trim_up(struct registry *r, struct hub_path *p)
{
    for (size_t before = r->paths; p != NULL; before = r->paths) {
        p = registry_trim(r, p);
        if (r->paths == before)
            break;
    }
}

bool registry_next_name(struct span *path, struct span *name)
{
    if (path->len <= 1) /* "" or "/" */
        return false;
    CP_ASSERT(path->ptr[0] == '/');
    const char *begin = path->ptr + 1;
    const char *end = memchr(begin, '/', path->len - 1);
    *name = (struct span){begin, end != NULL ? (size_t)(end - begin) : path->len - 1};
    *path = span_from(*path, name->len + 1);
    return true;
}
