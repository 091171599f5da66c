#include "store/bag.h"

#include "base/mem.h"

#define BAG_BLOCK_ITEMS 254 /* a block is 4 KiB with its head */

struct bag_block {
    struct bag_block *below;
    size_t used;
    struct bag_item item[BAG_BLOCK_ITEMS];
};

void bag_push(struct bag *b, struct bag_item item)
{
    if (b->top == NULL || b->top->used == BAG_BLOCK_ITEMS) {
        struct bag_block *block = mem_alloc(sizeof *block);
        block->below = b->top;
        block->used = 0;
        b->top = block;
    }
    b->top->item[b->top->used++] = item;
    b->count++;
}

bool bag_pop(struct bag *b, struct bag_item *item)
{
    if (b->count == 0)
        return false;
    struct bag_block *block = b->top;
    *item = block->item[--block->used];
    b->count--;
    if (block->used == 0) {
        b->top = block->below;
        mem_free(block);
    }
    return true;
}

void bag_each(const struct bag *b, void (*visit)(void *ctx, struct bag_item item), void *ctx)
{
    for (const struct bag_block *block = b->top; block != NULL; block = block->below)
        for (size_t i = 0; i < block->used; i++)
            visit(ctx, block->item[i]);
}
