/* books: the tree after a start, held against what the lanes know. */
#include "lanes.h"

#include "store/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct checking {
    struct world *w;
    const struct version *version;
    struct lane *lane;
    int number;
    bool settle; /* what has no outcome gets the one that is there */
};

/* Does the node hold just this? */
static bool holds(const struct name_state *s, const struct node_view *v, bool index_too)
{
    static char text[VALUE_MAX];
    size_t n = lane_value(s->value, text);
    return s->there && span_eq(v->value, span_make(text, n)) && !v->dir &&
           (v->expires_ns != 0) == s->ttl && (!index_too || v->modified == s->index);
}

static const struct node *find(const struct checking *c, const char *path)
{
    const struct node *n;
    size_t cause;
    return read_find(c->version, span_of(path), &n, &cause) == V2_OK ? n : NULL;
}

/* Is a write of this key without an outcome, and does it fit what is there? */
static bool came_through(struct checking *c, unsigned i, const struct node *node,
                         const struct node_view *v)
{
    struct lane *l = c->lane;
    if (l->op == LANE_NONE || l->op == LANE_CREATE || l->op == LANE_POSTED || l->op == LANE_CLEAR ||
        l->at != i)
        return false;
    if (node == NULL)
        return !l->then.there || l->then.fades;
    return holds(&l->then, v, false) && v->modified > l->key[i].index;
}

static void check_key(struct checking *c, unsigned i)
{
    char path[32];
    struct node_view v = {0};
    struct name_state *s = &c->lane->key[i];
    snprintf(path, sizeof(path), "/k%d/%u", c->number, i);
    const struct node *node = find(c, path);
    if (node != NULL)
        node_view(node, &v);
    bool as_known = node != NULL ? holds(s, &v, true) : !s->there || s->fades;
    if (!as_known && !came_through(c, i, node, &v))
        world_broken(c->w,
                     "%s: known: %s %u @%llu%s; on its way: op %d of key %u; found: %s %.12s @%llu",
                     path, s->there ? "value" : "nothing", (unsigned)s->value,
                     (unsigned long long)s->index, s->fades ? ", fading" : "", (int)c->lane->op,
                     c->lane->at, node != NULL ? "value" : "nothing",
                     node != NULL ? v.value.ptr : "", (unsigned long long)v.modified);
    if (!c->settle)
        return;
    if (!as_known) {
        *s = c->lane->then;
        s->index = v.modified;
    }
    s->there = node != NULL;
}

/* What was posted, in order; more only what is on its way; none, only when a deletion is. */
static void check_posted(struct checking *c)
{
    char path[32];
    struct lane *l = c->lane;
    snprintf(path, sizeof(path), "/q%d", c->number);
    const struct node *dir = find(c, path);
    struct read_cursor cursor;
    const struct node *child = NULL;
    unsigned n = 0;
    if (dir != NULL)
        read_children(&cursor, dir);
    while (dir != NULL && (child = read_next(&cursor)) != NULL) {
        struct node_view v;
        node_view(child, &v);
        char name[32];
        snprintf(name, sizeof(name), "%.*s", (int)node_name(child).len, node_name(child).ptr);
        bool known = n < l->n_posted;
        const struct name_state *s = known ? &l->posted[n] : &l->then;
        bool extra = l->op == LANE_POSTED && n == l->n_posted;
        if ((!known && !extra) || !holds(s, &v, known) || strtoull(name, NULL, 10) != v.created)
            world_broken(c->w, "%s: entry %u of %u, op %d: found %s %.12s", path, n, l->n_posted,
                         (int)l->op, name, v.value.ptr);
        if (extra && c->settle) {
            l->then.index = v.modified;
            l->posted[l->n_posted++] = l->then;
            l->op = LANE_NONE; /* there may not be another */
        }
        n++;
    }
    bool cleared = dir == NULL && l->op == LANE_CLEAR;
    if (n < l->n_posted && !cleared)
        world_broken(c->w, "%s: %u entries, known are %u", path, n, l->n_posted);
    if (cleared && c->settle)
        l->n_posted = 0;
}

/* Nothing stands in the tree that no lane owns. */
static void check_strangers(struct checking *c)
{
    struct read_cursor cursor;
    const struct node *child;
    read_children(&cursor, version_root(c->version));
    while ((child = read_next(&cursor)) != NULL) {
        struct span name = node_name(child);
        bool ours = name.len == 2 && (name.ptr[0] == 'k' || name.ptr[0] == 'q') &&
                    name.ptr[1] >= '0' && name.ptr[1] < '0' + LANES;
        if (!ours || (name.ptr[0] == 'k' && node_child_count(child) > LANE_KEYS))
            world_broken(c->w, "/%.*s: nobody wrote this", (int)name.len, name.ptr);
    }
}

static void check(struct world *w, bool settle)
{
    pthread_mutex_lock(&w->lock);
    struct checking c = {.w = w, .settle = settle};
    c.version = store_pin(engine_store(w->engine), 0);
    uint64_t index = version_index(c.version);
    if (index < w->books->index)
        world_broken(w, "the index fell from %llu to %llu", (unsigned long long)w->books->index,
                     (unsigned long long)index);
    check_strangers(&c);
    for (int i = 0; i < LANES; i++) {
        c.lane = &w->books->lane[i];
        c.number = i;
        for (unsigned k = 0; k < LANE_KEYS; k++)
            check_key(&c, k);
        check_posted(&c);
        if (settle) {
            c.lane->op = LANE_NONE;
            c.lane->stuck = false;
        }
    }
    if (settle)
        w->books->index = index;
    store_unpin(engine_store(w->engine), 0);
    pthread_mutex_unlock(&w->lock);
}

void world_check(struct world *w)
{
    check(w, true);
}

void world_check_now(struct world *w)
{
    check(w, false);
}
