/* bag: a stack of things that wait to be freed, in blocks of 4 KiB: growing it never copies what is
 * there. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bag_kind {
    BAG_NODE,    /* one node, without what is below it */
    BAG_PAGE,    /* one page, without what is below it */
    BAG_VERSION, /* a published version's head */
    BAG_TREE,    /* a node with all below it */
    BAG_PAGES,   /* a page with all below it */
};

struct bag_item {
    uintptr_t tagged; /* pointer and enum bag_kind in its low bits */
    uint64_t dropped; /* only pins below this number can see it */
};

struct bag_block;
struct bag {
    struct bag_block *top;
    size_t count;
};

static inline struct bag_item bag_item(void *what, enum bag_kind kind, uint64_t dropped)
{
    return (struct bag_item){(uintptr_t)what | (uintptr_t)kind, dropped};
}

static inline void *bag_what(struct bag_item item)
{
    return (void *)(item.tagged & ~(uintptr_t)15);
}

static inline enum bag_kind bag_kind(struct bag_item item)
{
    return (enum bag_kind)(item.tagged & 15);
}

void bag_push(struct bag *b, struct bag_item item);
/* The item pushed last; false when the bag is empty. */
bool bag_pop(struct bag *b, struct bag_item *item);
/* Calls VISIT for each item. */
void bag_each(const struct bag *b, void (*visit)(void *ctx, struct bag_item item), void *ctx);
