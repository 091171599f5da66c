#include "store/tree.h"

#include "base/check.h"

#define MERGE_BELOW (STORE_FANOUT / 4)     /* a page with fewer entries looks for a neighbour … */
#define MERGE_UP_TO (STORE_FANOUT * 3 / 4) /* … with which it has no more than these */

struct node *tree_find(const struct page *root, struct span name)
{
    if (root == NULL)
        return NULL;
    /* First hopefully: no node is touched on the way down. A hit is right, since a name stands in
     * one place; a miss is confirmed by the sure way. */
    for (int sure = 0; sure < 2; sure++) {
        const struct page *p = root;
        while (p->level > 0)
            p = page_child(p, page_branch(p, name, sure));
        bool hit;
        unsigned i = page_lower(p, name, sure, &hit);
        if (hit)
            return page_node(p, i);
    }
    return NULL;
}

void tree_seek(struct way *w, struct page *root, struct span name)
{
    w->height = 0;
    w->hit = false;
    if (root == NULL)
        return;
    CP_ASSERT(root->level < TREE_LEVELS);
    for (int sure = 0; sure < 2 && !w->hit; sure++) {
        struct page *p = root;
        w->height = 0;
        while (p->level > 0) {
            unsigned i = page_branch(p, name, sure);
            w->step[w->height].page = p;
            w->step[w->height++].at = i;
            p = page_child(p, i);
        }
        w->step[w->height].page = p;
        w->step[w->height++].at = page_lower(p, name, sure, &w->hit);
    }
}

/* Gives P, or a copy of it, private and with room for ROOM more entries. A copy gets just the room
 * it needs; a page that was born in the draft grows by a quarter, for it is likely to grow again.
 */
static struct page *own_page(struct draft *d, struct page *p, unsigned room)
{
    bool mine = draft_private(d, p->born);
    unsigned want = p->n + room;
    if (mine && want <= p->cap)
        return p;
    if (mine)
        want = want + want / 4 < STORE_FANOUT ? want + want / 4 : STORE_FANOUT;
    struct page *q = page_new(&d->pool, d->index, want, p->level);
    q->n = p->n;
    q->skip = p->skip;
    page_copy(q, 0, p, 0, p->n);
    draft_drop_page(d, p);
    return q;
}

/* Hangs PAGE, a new copy of the page at LEVEL of the way, into its parent. */
static void way_set(struct page **root, struct way *w, unsigned level, struct page *page)
{
    w->step[level].page = page;
    if (level == 0)
        *root = page;
    else
        page_entries(w->step[level - 1].page)[w->step[level - 1].at] = page;
}

static void own_way(struct draft *d, struct page **root, struct way *w, unsigned leaf_room)
{
    for (unsigned l = 0; l < w->height; l++) {
        unsigned room = l == w->height - 1 ? leaf_room : 0;
        struct page *p = own_page(d, w->step[l].page, room);
        if (p != w->step[l].page)
            way_set(root, w, l, p);
    }
}

/* The page at LEVEL has changed: tell those above it the first node below them. */
static void fix_firsts(struct way *w, unsigned level)
{
    for (unsigned l = level; l > 0; l--)
        page_set_first(w->step[l - 1].page, w->step[l - 1].at, page_firsts(w->step[l].page)[0]);
}

void tree_replace(struct draft *d, struct page **root, struct way *w, struct node *n)
{
    CP_ASSERT(w->hit);
    own_way(d, root, w, 0);
    unsigned leaf = w->height - 1;
    page_entries(w->step[leaf].page)[w->step[leaf].at] = n;
    if (w->step[leaf].at == 0)
        fix_firsts(w, leaf);
}

/* How many entries stay in a full page. In the middle the halves are equal; runs at either end of
 * the directory leave full pages behind. An end is one only when every level stands at its last
 * (first) entry: a name beyond all of a middle leaf is no run. */
static unsigned split_point(const struct way *w, unsigned level)
{
    bool at_end = w->step[level].at == STORE_FANOUT, at_start = w->step[level].at == 0;
    for (unsigned l = 0; l < level; l++) {
        at_end = at_end && w->step[l].at == w->step[l].page->n - 1u;
        at_start = at_start && w->step[l].at == 0;
    }
    return at_end ? STORE_FANOUT : at_start ? 1 : STORE_FANOUT / 2;
}

/* Splits the full page at LEVEL and puts the entry into the right half of the two; gives the new
 * right page. */
static struct page *split_page(struct draft *d, struct way *w, unsigned level, void *what,
                               struct node *first)
{
    struct page *p = w->step[level].page;
    unsigned at = w->step[level].at, keep = split_point(w, level);
    struct page *right = page_new(&d->pool, d->index, STORE_FANOUT - keep + 1, p->level);
    page_copy(right, 0, p, keep, STORE_FANOUT - keep);
    right->n = (uint16_t)(STORE_FANOUT - keep);
    right->skip = p->skip;
    p->n = (uint16_t)keep;
    if (at > keep || keep == STORE_FANOUT)
        page_put(right, at - keep, what, first);
    else
        page_put(p, at, what, first);
    page_relabel(right);
    if (keep < STORE_FANOUT)
        page_relabel(p);
    fix_firsts(w, level);
    return right;
}

void tree_insert(struct draft *d, struct page **root, struct way *w, struct node *n)
{
    CP_ASSERT(!w->hit);
    if (*root == NULL) {
        *root = page_new(&d->pool, d->index, 1, 0);
        page_put(*root, 0, n, n);
        return;
    }
    unsigned l = w->height - 1;
    own_way(d, root, w, w->step[l].page->n < STORE_FANOUT ? 1 : 0);
    void *what = n;
    struct node *first = n;
    for (;; l--) {
        if (w->step[l].page->n < STORE_FANOUT) {
            struct page *p = own_page(d, w->step[l].page, 1);
            if (p != w->step[l].page)
                way_set(root, w, l, p);
            page_put(p, w->step[l].at, what, first);
            fix_firsts(w, l);
            return;
        }
        what = split_page(d, w, l, what, first);
        first = page_firsts(what)[0];
        if (l == 0)
            break;
        w->step[l - 1].at++; /* the new page stands behind the one that was split */
    }
    struct page *left = *root;
    CP_ASSERT(left->level + 1 < TREE_LEVELS);
    *root = page_new(&d->pool, d->index, 2, left->level + 1u);
    page_put(*root, 0, left, page_firsts(left)[0]);
    page_put(*root, 1, what, first);
}

/* Joins the small page at LEVEL with a neighbour, if they are small enough together. True: the
 * entry at which the way stands one level up is the emptied one of the two. */
static bool merge_page(struct draft *d, struct way *w, unsigned level)
{
    struct page *p = w->step[level].page, *up = w->step[level - 1].page;
    unsigned i = w->step[level - 1].at;
    if (p->n >= MERGE_BELOW || up->n == 1)
        return false;
    unsigned left = i + 1u < up->n ? i : i - 1;
    struct page *a = page_child(up, left), *b = page_child(up, left + 1);
    if (a->n + b->n > MERGE_UP_TO)
        return false;
    struct page *joined = page_new(&d->pool, d->index, (unsigned)a->n + b->n, p->level);
    page_copy(joined, 0, a, 0, a->n);
    page_copy(joined, a->n, b, 0, b->n);
    joined->n = (uint16_t)(a->n + b->n);
    page_relabel(joined);
    draft_drop_page(d, a);
    draft_drop_page(d, b);
    page_entries(up)[left] = joined;
    page_set_first(up, left, page_firsts(joined)[0]);
    w->step[level - 1].at = left + 1;
    return true;
}

/* The root has lost an entry. */
static void lower_root(struct draft *d, struct page **root)
{
    struct page *top = *root;
    while (top->level > 0 && top->n == 1) {
        *root = page_child(top, 0);
        draft_drop_page(d, top);
        top = *root;
    }
    if (top->n == 0) {
        *root = NULL;
        draft_drop_page(d, top);
    }
}

void tree_erase(struct draft *d, struct page **root, struct way *w)
{
    CP_ASSERT(w->hit);
    own_way(d, root, w, 0);
    for (unsigned l = w->height - 1;; l--) {
        struct page *p = w->step[l].page;
        page_cut(p, w->step[l].at);
        if (l == 0)
            break;
        if (p->n == 0) {
            draft_drop_page(d, p);
            continue; /* and cut it out of the page above */
        }
        fix_firsts(w, l);
        if (!merge_page(d, w, l))
            return;
    }
    lower_root(d, root);
}
