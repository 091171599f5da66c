#include "blocks.h"

#include "store/bag.h"
#include "store/page.h"
#include "store/version.h"

#include <stdlib.h>

void blocks_fini(struct blocks *b)
{
    mem_free(b->block);
    *b = (struct blocks){0};
}

static void add(struct blocks *b, const void *at, size_t size)
{
    if (b->count == b->room) {
        b->room = b->room > 0 ? 2 * b->room : 256;
        b->block = mem_realloc(b->block, b->room * sizeof *b->block);
    }
    b->block[b->count++] = (struct block){(uintptr_t)at, size};
}

static void add_node(struct blocks *b, struct bag *pending, struct node *n)
{
    add(b, n, node_size(n));
    if (node_is_dir(n) && node_body(n)->kids != NULL)
        bag_push(pending, bag_item(node_body(n)->kids, BAG_PAGES, 0));
}

void blocks_add_version(struct blocks *b, const struct version *v)
{
    struct bag pending = {0};
    add(b, v, sizeof *v);
    add_node(b, &pending, v->root);
    struct bag_item item;
    while (bag_pop(&pending, &item)) {
        const struct page *p = bag_what(item);
        add(b, p, page_size(p));
        for (unsigned i = 0; i < p->n; i++) {
            if (p->level > 0)
                bag_push(&pending, bag_item(page_child(p, i), BAG_PAGES, 0));
            else
                add_node(b, &pending, page_node(p, i));
        }
    }
}

static int by_address(const void *a, const void *b)
{
    const struct block *x = a, *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

uint64_t blocks_bytes(struct blocks *b)
{
    uint64_t bytes = 0;
    qsort(b->block, b->count, sizeof *b->block, by_address);
    for (size_t i = 0; i < b->count; i++)
        if (i == 0 || b->block[i].at != b->block[i - 1].at)
            bytes += b->block[i].size;
    return bytes;
}
