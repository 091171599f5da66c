#include "store/page.h"

#include "base/check.h"

_Static_assert(STORE_FANOUT >= 4 && STORE_FANOUT <= 4096, "splits and merges need room");
_Static_assert(sizeof(struct page) % 8 == 0 && PAGE_ROOM_STEP % 2 == 0, "pointers behind heads");

struct page *page_new(struct pool *pool, uint64_t born, unsigned cap, unsigned level)
{
    cap = (cap + PAGE_ROOM_STEP - 1) / PAGE_ROOM_STEP * PAGE_ROOM_STEP;
    struct page shape = {.born = born, .cap = (uint16_t)cap, .level = (uint8_t)level};
    struct page *p = pool_get(pool, page_size(&shape));
    *p = shape;
    return p;
}

void page_free(struct pool *pool, struct page *p)
{
    pool_put(pool, p, page_size(p));
}

void page_copy(struct page *dst, unsigned at, const struct page *src, unsigned at_src,
               unsigned count)
{
    CP_ASSERT(dst->level == src->level);
    CP_ASSERT(at + count <= dst->cap);
    if (count == 0)
        return;
    memcpy(page_entries(dst) + at, page_entries(src) + at_src, count * sizeof(void *));
    if (src->level > 0)
        memcpy(page_firsts(dst) + at, page_firsts(src) + at_src, count * sizeof(struct node *));
    memcpy(dst->head + at, src->head + at_src, count * sizeof(uint32_t));
}

uint32_t page_head_of(struct span name, size_t skip)
{
    uint32_t head = 0;
    if (name.len >= skip + sizeof head) {
        memcpy(&head, name.ptr + skip, sizeof head);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        head = __builtin_bswap32(head);
#endif
        return head;
    }
    for (size_t i = skip; i < skip + sizeof head; i++)
        head = head << 8 | (i < name.len ? (unsigned char)name.ptr[i] : 0);
    return head;
}

static size_t common_prefix(const struct node *a, const struct node *b)
{
    struct span x = node_key(a), y = node_key(b);
    size_t most = x.len < y.len ? x.len : y.len;
    size_t i = 0;
    while (i < most && x.ptr[i] == y.ptr[i])
        i++;
    return i;
}

void page_relabel(struct page *p)
{
    if (p->n == 0)
        return;
    struct node **first = page_firsts(p);
    p->skip = (uint16_t)common_prefix(first[0], first[p->n - 1]);
    for (unsigned i = 0; i < p->n; i++)
        p->head[i] = page_head_of(node_key(first[i]), p->skip);
}

/* Entry I has a new name. At an edge it may shorten the common prefix; of a single entry the prefix
 * is the whole name, so that is always computed anew. */
static void label_entry(struct page *p, unsigned i)
{
    struct node **first = page_firsts(p);
    unsigned last = p->n - 1u;
    bool edge = i == 0 || i == last;
    if (p->n == 1 || (edge && common_prefix(first[i], first[i == 0 ? last : 0]) < p->skip))
        page_relabel(p);
    else
        p->head[i] = page_head_of(node_key(first[i]), p->skip);
}

void page_put(struct page *p, unsigned i, void *what, struct node *first)
{
    CP_ASSERT(p->n < p->cap);
    CP_ASSERT(i <= p->n);
    unsigned behind = p->n - i;
    void **entry = page_entries(p) + i;
    memmove(entry + 1, entry, behind * sizeof(void *));
    *entry = what;
    if (p->level > 0) {
        struct node **f = page_firsts(p) + i;
        memmove(f + 1, f, behind * sizeof *f);
        *f = first;
    }
    memmove(p->head + i + 1, p->head + i, behind * sizeof(uint32_t));
    p->n++;
    label_entry(p, i);
}

void page_cut(struct page *p, unsigned i)
{
    CP_ASSERT(i < p->n);
    unsigned behind = p->n - i - 1u;
    void **entry = page_entries(p) + i;
    memmove(entry, entry + 1, behind * sizeof(void *));
    if (p->level > 0) {
        struct node **f = page_firsts(p) + i;
        memmove(f, f + 1, behind * sizeof *f);
    }
    memmove(p->head + i, p->head + i + 1, behind * sizeof(uint32_t));
    p->n--;
}

void page_set_first(struct page *p, unsigned i, struct node *first)
{
    CP_ASSERT(p->level > 0);
    if (page_firsts(p)[i] == first)
        return;
    page_firsts(p)[i] = first;
    label_entry(p, i);
}

/* First of N heads not less than WANT. */
static unsigned lower_head(const uint32_t *head, unsigned n, uint32_t want)
{
    unsigned lo = 0;
    while (n > 0) {
        unsigned half = n / 2;
        bool less = head[lo + half] < want;
        lo = less ? lo + half + 1 : lo;
        n = less ? n - half - 1 : half;
    }
    return lo;
}

unsigned page_lower(const struct page *p, struct span name, bool sure, bool *hit)
{
    struct node **first = page_firsts(p);
    *hit = false;
    if (sure && p->skip > 0) {
        struct span prefix = {node_key(first[0]).ptr, p->skip};
        if (!span_starts(name, prefix))
            return span_cmp(name, prefix) < 0 ? 0 : p->n;
    }
    uint32_t want = page_head_of(name, p->skip);
    unsigned lo = lower_head(p->head, p->n, want);
    if (lo == p->n || p->head[lo] != want)
        return lo;
    unsigned n = 1; /* entries with that very head: whole names decide */
    while (lo + n < p->n && p->head[lo + n] == want)
        n++;
    while (n > 0) {
        unsigned half = n / 2;
        int c = node_cmp(name, first[lo + half]);
        if (c == 0) {
            *hit = true;
            return lo + half;
        }
        if (c > 0) {
            lo += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return lo;
}

unsigned page_branch(const struct page *p, struct span name, bool sure)
{
    bool hit;
    unsigned i = page_lower(p, name, sure, &hit);
    return hit || i == 0 ? i : i - 1;
}
