#include "cluster/logcache.h"

#include "base/check.h"
#include "base/mem.h"

enum { SLOTS_MIN = 64 };

static struct cached_entry *slot_of(const struct logcache *l, uint64_t index)
{
    return &l->ring[index & (l->slots - 1)];
}

void logcache_init(struct logcache *l, uint64_t base, uint64_t base_term)
{
    *l = (struct logcache){.base = base, .base_term = base_term, .last = base};
}

void logcache_fini(struct logcache *l)
{
    logcache_truncate(l, l->base + 1);
    mem_free(l->ring);
    *l = (struct logcache){0};
}

void logcache_reset(struct logcache *l, uint64_t base, uint64_t base_term)
{
    logcache_fini(l);
    logcache_init(l, base, base_term);
}

/* Moves the entries into a ring of SLOTS. */
static void resize(struct logcache *l, uint64_t slots)
{
    struct logcache old = *l;
    CP_ASSERT(slots >= l->last - l->base);
    l->ring = mem_alloc(slots * sizeof *l->ring);
    l->slots = slots;
    for (uint64_t i = l->base + 1; i <= l->last; i++)
        *slot_of(l, i) = *slot_of(&old, i);
    mem_free(old.ring);
}

void logcache_reserve(struct logcache *l, uint64_t n)
{
    uint64_t want = l->last - l->base + n;
    uint64_t slots = l->slots == 0 ? SLOTS_MIN : l->slots;
    while (slots < want)
        slots *= 2;
    if (slots != l->slots)
        resize(l, slots);
}

void logcache_push(struct logcache *l, const struct log_entry *e, uint64_t lsn)
{
    logcache_reserve(l, 1);
    l->last++;
    *slot_of(l, l->last) = (struct cached_entry){.entry = *e, .lsn = lsn};
    blob_ref(e->payload);
}

void logcache_truncate(struct logcache *l, uint64_t index)
{
    CP_ASSERT(index > l->base);
    for (; l->last >= index; l->last--)
        blob_unref(slot_of(l, l->last)->entry.payload);
}

void logcache_trim(struct logcache *l, uint64_t first)
{
    if (first <= l->base + 1)
        return;
    CP_ASSERT(first <= l->last + 1);
    l->base_term = slot_of(l, first - 1)->entry.term;
    for (uint64_t i = l->base + 1; i < first; i++)
        blob_unref(slot_of(l, i)->entry.payload);
    l->base = first - 1;
    /* A quarter full at most: give memory back, and leave room to grow again. */
    uint64_t held = l->last - l->base;
    if (l->slots > SLOTS_MIN && held < l->slots / 4) {
        uint64_t slots = SLOTS_MIN;
        while (slots < 2 * held)
            slots *= 2;
        resize(l, slots);
    }
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
