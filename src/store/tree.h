/* tree: the children of one directory, a copy-on-write B+tree of pages. An empty directory has no
 * page (NULL).
 *
 *                 inner page ─┬─ leaf ── node node node ...
 *                             ├─ leaf ── ...
 *                             └─ leaf ── ...
 *
 * An edit copies the pages on the way from the root to the leaf, unless they are private to the
 * draft already. */
#pragma once

#include "store/draft.h"

#define TREE_LEVELS 16

/* The way to a name: the pages from the root to the leaf, and the entry taken in each. */
struct way {
    struct {
        struct page *page;
        unsigned at;
    } step[TREE_LEVELS];
    unsigned height;
    bool hit;
};

/* NULL when there is no such name. For readers too. */
struct node *tree_find(const struct page *root, struct span name);
void tree_seek(struct way *w, struct page *root, struct span name);

/* The node that a hit leads to. */
static inline struct node *way_node(const struct way *w)
{
    return page_node(w->step[w->height - 1].page, w->step[w->height - 1].at);
}

/* Puts N, of the same name, in the place of the node that W leads to. */
void tree_replace(struct draft *d, struct page **root, struct way *w, struct node *n);
/* Puts N where W, which is no hit, leads to. */
void tree_insert(struct draft *d, struct page **root, struct way *w, struct node *n);
/* Takes the node that W leads to out of the tree. */
void tree_erase(struct draft *d, struct page **root, struct way *w);
