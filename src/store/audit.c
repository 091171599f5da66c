/* audit: store_check, every invariant of the open version and of the memory around it. For tests.
 */
#include "store/store_priv.h"
#include "store/tree.h"

struct audit {
    const struct store *s;
    struct bag pending; /* nodes and pages still to be looked into */
    uint64_t bytes;     /* of all blocks seen */
    uint32_t timed;     /* nodes with a timer in the open version */
};

/* What the pages of one directory hold. */
struct tally {
    const struct node *dir;
    const struct node *last; /* the child seen before, to prove the order */
    uint64_t children, files, dirs, bytes;
};

static void check_child(struct audit *a, struct tally *t, struct node *n)
{
    const struct node_body *up = node_body(t->dir);
    CP_ASSERT(t->last == NULL || node_cmp(node_key(t->last), n) < 0);
    CP_ASSERT(n->name_len > 0);
    CP_ASSERT(n->version > 0);
    CP_ASSERT(n->created <= n->modified);
    CP_ASSERT(n->modified <= a->s->draft.index);
    CP_ASSERT(node_born(n) <= up->born);
    t->last = n;
    t->children++;
    t->bytes += n->name_len;
    if (node_is_timed(n)) {
        CP_ASSERT(node_expires_ns(n) != 0);
        CP_ASSERT(a->s->draft.timers.record[node_timer(n)->record].node == n);
        a->timed++;
    }
    if (!node_is_dir(n)) {
        t->files++;
        t->bytes += n->value_len;
        return;
    }
    const struct node_body *b = node_body(n);
    CP_ASSERT(b->tree <= up->tree);
    t->files += b->files;
    t->dirs += b->dirs + 1;
    t->bytes += b->bytes;
    bag_push(&a->pending, bag_item(n, BAG_TREE, 0));
}

/* Recursion as deep as the B+tree is high, TREE_LEVELS at most. */
static void check_page(struct audit *a, struct tally *t, const struct page *p)
{
    CP_ASSERT(p->n >= 1);
    CP_ASSERT(p->n <= p->cap);
    CP_ASSERT(p->n <= STORE_FANOUT);
    CP_ASSERT(p->born <= a->s->draft.index);
    struct node **first = page_firsts(p);
    struct span prefix = {node_key(first[0]).ptr, p->skip};
    for (unsigned i = 0; i < p->n; i++) {
        struct span name = node_key(first[i]);
        CP_ASSERT(span_starts(name, prefix));
        CP_ASSERT(p->head[i] == page_head_of(name, p->skip));
        if (p->level == 0) {
            check_child(a, t, page_node(p, i));
            continue;
        }
        const struct page *child = page_child(p, i);
        CP_ASSERT(child->level + 1 == p->level);
        CP_ASSERT(page_firsts(child)[0] == first[i]);
        check_page(a, t, child);
    }
}

static void check_dir(struct audit *a, const struct node *dir)
{
    const struct node_body *b = node_body(dir);
    struct tally t = {.dir = dir};
    CP_ASSERT(dir->value_len == 0);
    CP_ASSERT(b->born <= a->s->draft.index);
    CP_ASSERT(b->tree <= a->s->draft.index);
    if (b->kids != NULL)
        check_page(a, &t, b->kids);
    CP_ASSERT(t.children == b->children);
    CP_ASSERT(t.files == b->files);
    CP_ASSERT(t.dirs == b->dirs);
    CP_ASSERT(t.bytes == b->bytes);
}

static void check_open_version(struct audit *a)
{
    const struct node *root = a->s->draft.root;
    CP_ASSERT(node_is_dir(root) && !node_is_timed(root) && root->name_len == 0);
    check_dir(a, root);
    struct bag_item item;
    while (bag_pop(&a->pending, &item))
        check_dir(a, bag_what(item));
    CP_ASSERT(a->timed <= a->s->draft.timers.count);
    timers_check(&a->s->draft.timers);
}

static void add_item(void *ctx, struct bag_item item)
{
    struct audit *a = ctx;
    bag_push(&a->pending, item);
}

static void measure(struct audit *a, struct bag_item item)
{
    const void *what = bag_what(item);
    switch (bag_kind(item)) {
    case BAG_VERSION:
        a->bytes += sizeof(struct version);
        break;
    case BAG_PAGE:
        a->bytes += page_size(what);
        break;
    case BAG_PAGES: {
        const struct page *p = what;
        a->bytes += page_size(p);
        for (unsigned i = 0; i < p->n; i++)
            add_item(a, bag_item(page_entries(p)[i], p->level > 0 ? BAG_PAGES : BAG_TREE, 0));
        break;
    }
    case BAG_TREE:
        if (node_is_dir(what) && node_body(what)->kids != NULL)
            add_item(a, bag_item(node_body(what)->kids, BAG_PAGES, 0));
        a->bytes += node_size(what);
        break;
    case BAG_NODE:
        a->bytes += node_size(what);
        break;
    }
}

/* What was private is freed at once, so all that was dropped had been published; only a removed
 * tree may have a private top. */
static void check_dropped(void *ctx, struct bag_item item)
{
    struct audit *a = ctx;
    const struct draft *d = &a->s->draft;
    CP_ASSERT(item.dropped > d->base);
    CP_ASSERT(item.dropped <= d->index);
    CP_ASSERT(bag_kind(item) == BAG_TREE || !draft_private(d, pins_item_born(item)));
    add_item(a, item);
}

/* Every block belongs to the open version or waits in exactly one list: the sizes add up to what
 * was allocated. */
static void check_memory(struct audit *a)
{
    const struct store *s = a->s;
    add_item(a, bag_item(s->draft.root, BAG_TREE, 0));
    add_item(a, bag_item(atomic_load(&s->pins.front->now), BAG_VERSION, 0));
    if (s->draft.grave != NULL)
        add_item(a, bag_item(s->draft.grave, BAG_NODE, 0));
    bag_each(&s->draft.dropped, check_dropped, a);
    pins_each(&s->pins, add_item, a);
    struct bag_item item;
    while (bag_pop(&a->pending, &item))
        measure(a, item);
    CP_ASSERT(a->bytes == s->draft.pool.live_bytes);
}

void store_check(const struct store *s)
{
    struct audit a = {.s = s};
    check_open_version(&a);
    check_memory(&a);
}
