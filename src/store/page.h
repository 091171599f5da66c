/* page: one page of a directory's B+tree: its entries sorted by name, allocated at the size they
 * need.
 *
 *   leaf    [born n cap skip level | head u32[cap] | node *[cap]]
 *   inner   [born n cap skip level | head u32[cap] | child page *[cap] | first node below each
 * child *[cap]]
 *
 * A head is the four bytes of a name behind the prefix of SKIP bytes that all names of the page
 * have, big-endian and padded with zeros: a search compares heads and touches no node before its
 * last comparison. Equal heads are settled by whole names, so NUL bytes and short names do no harm.
 * `first[0]` of an inner page is no bound: smaller names go to child 0. Skip may be shorter than
 * the names would allow; that is only duller. */
#pragma once

#include "store/node.h"

/* Most entries of a page. Between 16 and 128 look-ups and changes cost the same; but copies of
 * pages come in sizes up to that of a full one, and with 64 their holes between the nodes made 1 M
 * keys of 68 + 256 bytes, created in turns in 100 directories, 425 MB resident; with 16 it is 374.
 */
#ifndef STORE_FANOUT
#define STORE_FANOUT 16
#endif
/* Cap is a multiple of it, which keeps the pointers behind the heads aligned. */
#define PAGE_ROOM_STEP 4

struct page {
    uint64_t born;
    uint16_t n, cap, skip;
    uint8_t level; /* 0: leaf */
    uint8_t spare;
    uint32_t head[];
};

static inline void **page_entries(const struct page *p)
{
    return (void **)(uintptr_t)(p->head + p->cap);
}

static inline struct page *page_child(const struct page *p, unsigned i)
{
    return page_entries(p)[i];
}

static inline struct node *page_node(const struct page *p, unsigned i)
{
    return page_entries(p)[i];
}

/* The node whose name stands for each entry: the first one below it, in a leaf the entry itself. */
static inline struct node **page_firsts(const struct page *p)
{
    return (struct node **)(p->level > 0 ? page_entries(p) + p->cap : page_entries(p));
}

static inline size_t page_size(const struct page *p)
{
    return sizeof *p + p->cap * (sizeof(uint32_t) + sizeof(void *) * (p->level > 0 ? 2 : 1));
}

/* Gives an empty page with room for CAP entries or a few more. */
struct page *page_new(struct pool *pool, uint64_t born, unsigned cap, unsigned level);
void page_free(struct pool *pool, struct page *p);
/* Copies COUNT entries from SRC[at_src] to DST[at]; counts and skip stay as they are. */
void page_copy(struct page *dst, unsigned at, const struct page *src, unsigned at_src,
               unsigned count);
/* Computes skip and all heads anew. */
void page_relabel(struct page *p);
/* Inserts an entry before I. */
void page_put(struct page *p, unsigned i, void *what, struct node *first);
void page_cut(struct page *p, unsigned i);
/* Tells an inner page that the first node below child I is FIRST now. */
void page_set_first(struct page *p, unsigned i, struct node *first);

/* The first entry not less than NAME; *HIT when it is equal. SURE: the name is compared with the
 * page's prefix; without, the name is trusted to have it, and only a hit says anything. */
unsigned page_lower(const struct page *p, struct span name, bool sure, bool *hit);
/* The child of an inner page that NAME belongs to. */
unsigned page_branch(const struct page *p, struct span name, bool sure);

/* The head of NAME in a page of that skip. */
uint32_t page_head_of(struct span name, size_t skip);
