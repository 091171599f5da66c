/* registry: watched paths as a tree of names, so that an event meets the watchers on its way down,
 * once each, and a deleted directory finds the watchers below it without looking at any other.
 *
 *        root  "/"            deep: recursive watchers    exact: the others
 *         └─ d                each place is found by hash(parent, name)
 *            ├─ x   exact: w1
 *            └─ y   deep: w2
 *
 * A place lives while it, or one below it, has watchers. */
#pragma once

#include "base/list.h"
#include "base/span.h"
#include "watch/hub.h"

struct hub_path {
    struct list exact, deep;     /* watcher.place */
    struct list children, place; /* place: among the parent's children */
    struct hub_path *parent;     /* NULL: the root */
    struct hub_path *chain;      /* same bucket */
    uint64_t hash;
    uint64_t batch; /* what a running publish knows of the node here: valid when it is the hub's */
    bool exists;
    uint32_t name_len;
    char name[];
};

struct registry {
    struct hub_path *root;
    struct hub_path **bucket;
    size_t buckets, paths; /* buckets: a power of two */
};

void registry_init(struct registry *r);
/* No watcher may be in it any more. */
void registry_fini(struct registry *r);

/* The child called NAME, or NULL. */
struct hub_path *registry_child(const struct registry *r, const struct hub_path *parent,
                                struct span name);
/* The place of PATH (clean, absolute); made where missing. */
struct hub_path *registry_place(struct registry *r, struct span path);
/* Frees P if nobody needs it; gives its parent. The root stays. */
struct hub_path *registry_trim(struct registry *r, struct hub_path *p);
/* As registry_trim, then its parents as far as they are needless. */
void registry_trim_up(struct registry *r, struct hub_path *p);

/* Cuts the next name off the front of a clean path: "/a/b" gives "a" and leaves "/b". False at the
 * end. */
bool registry_next_name(struct span *path, struct span *name);

static inline struct span hub_path_name(const struct hub_path *p)
{
    return (struct span){p->name, p->name_len};
}
