#include "store/edit.h"

#include "base/check.h"
#include "store/path.h"
#include "store/tree.h"

/* By how much a change moves the sums of the directories above it. */
struct delta {
    int64_t files, dirs, bytes;
    bool refresh; /* leaves the tree index of directories alone */
};

enum v2_code edit_find(const struct node *root, struct span path, struct node **out,
                       size_t *cause_len)
{
    const struct node *n = root;
    struct span rest = path, part;
    while (path_next(&rest, &part)) {
        if (!node_is_dir(n)) {
            *cause_len = (size_t)(part.ptr - path.ptr) - 1; /* the file in the way */
            return V2_NOT_DIR;
        }
        n = tree_find(node_body(n)->kids, part);
        if (n == NULL) {
            *cause_len = (size_t)(part.ptr - path.ptr) + part.len;
            return V2_KEY_NOT_FOUND;
        }
    }
    *out = (struct node *)(uintptr_t)n;
    return V2_OK;
}

/* What a node and all below it count for in the directories above. */
static struct delta weight(const struct node *n)
{
    struct delta w = {.bytes = n->name_len + (int64_t)n->value_len};
    if (!node_is_dir(n)) {
        w.files = 1;
        return w;
    }
    const struct node_body *b = node_body(n);
    w.dirs = 1 + (int64_t)b->dirs;
    w.files = (int64_t)b->files;
    w.bytes += (int64_t)b->bytes;
    return w;
}

static void account(const struct draft *d, struct node *dir, const struct delta *delta)
{
    struct node_body *b = node_body(dir);
    b->files += (uint64_t)delta->files;
    b->dirs += (uint64_t)delta->dirs;
    b->bytes += (uint64_t)delta->bytes;
    if (!delta->refresh)
        b->tree = d->index;
}

static struct node *make_dir(struct draft *d, struct node *parent, struct span name, struct way *w)
{
    struct node_spec spec = {
        .name = name, .dir = true, .created = d->index, .modified = d->index, .version = 1};
    struct node *dir = node_new(&d->pool, &spec);
    node_body(dir)->born = d->index;
    tree_insert(d, &node_body(parent)->kids, w, dir);
    node_body(parent)->children++;
    return dir;
}

/* Goes to the directory that holds PATH's last component: copies what is not private, makes what is
 * missing, and brings DELTA into the sums of each. DELTA is that of all that is going to change,
 * directories made here included. */
static struct node *enter_parent(struct draft *d, struct span path, struct delta delta)
{
    d->root = draft_own_dir(d, d->root);
    struct node *dir = d->root;
    account(d, dir, &delta);
    struct span rest = path_parent(path), part;
    while (path_next(&rest, &part)) {
        struct page **kids = &node_body(dir)->kids;
        struct way w;
        tree_seek(&w, *kids, part);
        struct node *next;
        if (w.hit) {
            struct node *old = way_node(&w);
            CP_ASSERT(node_is_dir(old));
            next = draft_own_dir(d, old);
            if (next != old)
                tree_replace(d, kids, &w, next);
        } else {
            next = make_dir(d, dir, part, &w);
            delta.dirs--; /* it does not count for itself */
            delta.bytes -= (int64_t)part.len;
        }
        account(d, next, &delta);
        dir = next;
    }
    return dir;
}

/* The path of PARENT for a timer below it. */
static struct place *place_of(struct draft *d, struct node *parent, struct span path)
{
    struct node_body *b = node_body(parent);
    if (b->place == NULL)
        b->place = place_new(&d->pool, path_parent(path));
    return b->place;
}

/* Gives the timer of OLD (may be NULL) to its successor N, in PARENT. */
static void pass_timer(struct draft *d, struct node *parent, struct span path,
                       const struct node *old, struct node *n)
{
    bool was_timed = old != NULL && node_is_timed(old);
    if (was_timed && node_is_timed(n))
        timers_renew(&d->timers, node_timer(old)->record, old, n);
    else if (was_timed)
        timers_remove(&d->timers, &d->pool, node_timer(old)->record);
    else if (node_is_timed(n))
        timers_add(&d->timers, n, place_of(d, parent, path));
}

/* Directories that are missing on the way to PATH, with their names, as a part of DELTA.
 * MISSING_TO: length of the prefix of PATH that ends with the first missing component. */
static void add_missing(struct delta *delta, struct span path, size_t missing_to)
{
    struct span above = path_parent(path), part;
    if (missing_to > above.len)
        return; /* nothing but the node itself */
    struct span first = path_name(span_make(path.ptr, missing_to));
    struct span rest = span_from(above, missing_to - first.len - 1);
    while (path_next(&rest, &part)) {
        delta->dirs++;
        delta->bytes += (int64_t)part.len;
    }
}

/* Makes the node that edit_put hangs in. A directory that replaces a directory inherits all below
 * it. */
static struct node *make_node(struct draft *d, const struct edit *e)
{
    struct node *n = node_new(&d->pool, e->spec);
    if (!node_is_dir(n))
        return n;
    struct node_body *b = node_body(n);
    if (e->old != NULL && node_is_dir(e->old)) {
        *b = *node_body(e->old);
        place_ref(b->place);
    }
    b->born = d->index;
    if (!e->refresh)
        b->tree = d->index;
    return n;
}

struct node *edit_put(struct draft *d, const struct edit *e)
{
    struct span path = e->path;
    struct node *n = make_node(d, e), *old = e->old;
    struct delta delta = weight(n);
    delta.refresh = e->refresh;
    if (old == NULL) {
        add_missing(&delta, path, e->missing_to);
    } else {
        struct delta gone = weight(old);
        delta.files -= gone.files;
        delta.dirs -= gone.dirs;
        delta.bytes -= gone.bytes;
    }

    struct node *parent = enter_parent(d, path, delta);
    struct way w;
    tree_seek(&w, node_body(parent)->kids, e->spec->name);
    CP_ASSERT(w.hit == (old != NULL));
    if (old != NULL) {
        CP_ASSERT(way_node(&w) == old);
        tree_replace(d, &node_body(parent)->kids, &w, n);
    } else {
        tree_insert(d, &node_body(parent)->kids, &w, n);
        node_body(parent)->children++;
    }
    pass_timer(d, parent, path, old, n);
    if (old != NULL)
        draft_drop_node(d, old);
    return n;
}

void edit_remove(struct draft *d, struct span path, struct node *victim)
{
    struct delta gone = weight(victim);
    struct delta delta = {.files = -gone.files, .dirs = -gone.dirs, .bytes = -gone.bytes};
    struct node *parent = enter_parent(d, path, delta);
    struct way w;
    tree_seek(&w, node_body(parent)->kids, path_name(path));
    CP_ASSERT(w.hit);
    CP_ASSERT(way_node(&w) == victim);
    tree_erase(d, &node_body(parent)->kids, &w);
    node_body(parent)->children--;
    if (node_is_timed(victim))
        timers_remove(&d->timers, &d->pool, node_timer(victim)->record);
    if (node_is_dir(victim))
        draft_drop_tree(d, victim);
    else
        draft_drop_node(d, victim);
}
