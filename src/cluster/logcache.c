#include "cluster/logcache.h"

#include "base/check.h"
#include "base/mem.h"

#define PAGE_ENTRIES 512u /* 16 KiB */
#define ROOM_MIN     8u

static struct cached_entry **page_of(const struct logcache *l, uint64_t index)
{
    return &l->pages[index / PAGE_ENTRIES & (l->room - 1)];
}

static struct cached_entry *slot_of(const struct logcache *l, uint64_t index)
{
    return &(*page_of(l, index))[index % PAGE_ENTRIES];
}

void logcache_init(struct logcache *l, uint64_t base, uint64_t base_term)
{
    *l = (struct logcache){.kept = base, .base = base, .base_term = base_term, .last = base};
}

void logcache_fini(struct logcache *l)
{
    logcache_truncate(l, l->base + 1);
    while (logcache_reclaim(l, UINT32_MAX))
        ;
    mem_free(l->pages);
    *l = (struct logcache){0};
}

void logcache_reset(struct logcache *l, uint64_t base, uint64_t base_term)
{
    logcache_fini(l);
    logcache_init(l, base, base_term);
}

/* A ring of twice the room. */
static void grow(struct logcache *l)
{
    struct logcache old = *l;
    l->room = old.room > 0 ? old.room * 2 : ROOM_MIN;
    l->pages = mem_zalloc(l->room * sizeof(*l->pages));
    for (uint64_t i = 0; i < old.room; i++) {
        uint64_t index = (old.kept + 1) / PAGE_ENTRIES * PAGE_ENTRIES + i * PAGE_ENTRIES;
        *page_of(l, index) = *page_of(&old, index);
    }
    mem_free(old.pages);
}

static void drop_page(struct logcache *l, uint64_t index)
{
    mem_free(*page_of(l, index));
    *page_of(l, index) = NULL;
}

void logcache_push(struct logcache *l, const struct log_entry *e, uint64_t lsn)
{
    uint64_t index = l->last + 1;
    while (index / PAGE_ENTRIES - (l->kept + 1) / PAGE_ENTRIES >= l->room)
        grow(l);
    if (*page_of(l, index) == NULL)
        *page_of(l, index) = mem_alloc(PAGE_ENTRIES * sizeof(struct cached_entry));
    l->last = index;
    *slot_of(l, index) = (struct cached_entry){.entry = *e, .lsn = lsn};
    blob_ref(e->payload);
}

void logcache_truncate(struct logcache *l, uint64_t index)
{
    CP_ASSERT(index > l->base);
    for (; l->last >= index; l->last--) {
        blob_unref(slot_of(l, l->last)->entry.payload);
        if (l->last % PAGE_ENTRIES == 0 || l->last == l->kept + 1)
            drop_page(l, l->last);
    }
}

void logcache_trim(struct logcache *l, uint64_t first)
{
    if (first <= l->base + 1)
        return;
    CP_ASSERT(first <= l->last + 1);
    l->base_term = slot_of(l, first - 1)->entry.term;
    l->base = first - 1;
}

bool logcache_reclaim(struct logcache *l, unsigned n)
{
    for (; n > 0 && l->kept < l->base; n--) {
        l->kept++;
        blob_unref(slot_of(l, l->kept)->entry.payload);
        if (l->kept % PAGE_ENTRIES == PAGE_ENTRIES - 1 || l->kept == l->last)
            drop_page(l, l->kept);
    }
    return l->kept < l->base;
}

const struct cached_entry *logcache_get(const struct logcache *l, uint64_t index)
{
    return index > l->base && index <= l->last ? slot_of(l, index) : NULL;
}

uint64_t logcache_term(const struct logcache *l, uint64_t index)
{
    if (index == l->base)
        return l->base_term;
    const struct cached_entry *e = logcache_get(l, index);
    return e == NULL ? 0 : e->entry.term;
}
