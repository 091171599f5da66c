/* draft: the open version while it is edited. What was born in it is private: changed in place and
 * freed at once. What was published before goes into `dropped` and waits for the pins. */
#pragma once

#include "store/account.h"
#include "store/bag.h"
#include "store/node.h"
#include "store/page.h"
#include "store/timers.h"

struct draft {
    struct pool pool;
    struct timers timers;
    struct bag dropped; /* since the last publish: what had been published, and whole trees */
    struct node *grave; /* a private node that the result of the last operation still shows */
    struct node *root;
    uint64_t base;                   /* index of the last published version */
    uint64_t index;                  /* of the last change */
    const struct accounts *accounts; /* one reference; may be NULL */
};

static inline bool draft_private(const struct draft *d, uint64_t born)
{
    return born > d->base;
}

void draft_drop_page(struct draft *d, struct page *p);
/* The block alone, not what is below it. */
void draft_drop_node(struct draft *d, struct node *n);
/* With all below it. */
void draft_drop_tree(struct draft *d, struct node *n);
/* Frees a node's block and lets its timer go, when that is still the node's. */
void draft_free_node(struct draft *d, struct node *n);
/* Frees what the last result showed. */
void draft_bury(struct draft *d);
/* Gives a private copy of the directory (or the directory itself, when it is private). */
struct node *draft_own_dir(struct draft *d, struct node *dir);
