#include "store/timers.h"

#include "base/check.h"
#include "base/mem.h"
#include "store/node.h"

#define ARITY 4

void timers_fini(struct timers *t, struct pool *pool)
{
    for (uint32_t i = 0; i < t->count; i++)
        place_unref(pool, t->record[t->heap[i].record].place);
    mem_free(t->record);
    mem_free(t->heap);
    *t = (struct timers){0};
}

static bool entry_before(const struct timer_entry *a, const struct timer_entry *b)
{
    if (a->expires_ns != b->expires_ns)
        return a->expires_ns < b->expires_ns;
    if (a->created != b->created)
        return a->created < b->created;
    return a->depth < b->depth;
}

/* The entry as it ought to be. */
static struct timer_entry entry_of(const struct timers *t, uint32_t record)
{
    const struct timer_record *r = &t->record[record];
    return (struct timer_entry){r->expires_ns, r->created, r->place->len, record};
}

static void entry_set(struct timers *t, uint32_t at, struct timer_entry e)
{
    t->heap[at] = e;
    t->record[e.record].at = at;
}

static void sift_up(struct timers *t, uint32_t at, struct timer_entry e)
{
    while (at > 0) {
        uint32_t up = (at - 1) / ARITY;
        if (!entry_before(&e, &t->heap[up]))
            break;
        entry_set(t, at, t->heap[up]);
        at = up;
    }
    entry_set(t, at, e);
}

static void sift_down(struct timers *t, uint32_t at, struct timer_entry e)
{
    for (;;) {
        uint64_t child = (uint64_t)at * ARITY + 1;
        if (child >= t->count)
            break;
        uint32_t best = (uint32_t)child;
        for (uint32_t c = best + 1; c < t->count && c < child + ARITY; c++)
            if (entry_before(&t->heap[c], &t->heap[best]))
                best = c;
        if (!entry_before(&t->heap[best], &e))
            break;
        entry_set(t, at, t->heap[best]);
        at = best;
    }
    entry_set(t, at, e);
}

static uint32_t take_record(struct timers *t)
{
    if (t->free != 0) {
        uint32_t record = t->free;
        t->free = t->record[record].at;
        return record;
    }
    if (t->used == t->room) {
        uint32_t room = t->room > 0 ? 2 * t->room : 16;
        CP_ASSERT(room > t->room);
        t->record = mem_realloc(t->record, room * sizeof *t->record);
        t->heap = mem_realloc(t->heap, room * sizeof *t->heap);
        t->room = room;
        if (t->used == 0)
            t->record[t->used++] = (struct timer_record){0};
    }
    return t->used++;
}

void timers_add(struct timers *t, struct node *n, struct place *place)
{
    uint32_t record = take_record(t);
    struct node_timer *timer = node_timer(n);
    timer->record = record;
    t->record[record] = (struct timer_record){.expires_ns = timer->expires_ns,
                                              .created = n->created,
                                              .node = n,
                                              .place = place_ref(place)};
    t->count++;
    sift_up(t, t->count - 1, entry_of(t, record));
}

void timers_move(struct timers *t, uint32_t record, const struct node *from, struct node *to)
{
    CP_ASSERT(t->record[record].node == from);
    t->record[record].node = to;
}

void timers_renew(struct timers *t, uint32_t record, const struct node *from, struct node *n)
{
    struct timer_record *r = &t->record[record];
    CP_ASSERT(r->node == from);
    struct node_timer *timer = node_timer(n);
    timer->record = record;
    r->node = n;
    r->expires_ns = timer->expires_ns;
    r->created = n->created;
    struct timer_entry e = entry_of(t, record);
    if (entry_before(&e, &t->heap[r->at]))
        sift_up(t, r->at, e);
}

void timers_remove(struct timers *t, struct pool *pool, uint32_t record)
{
    struct timer_record *r = &t->record[record];
    CP_ASSERT(r->node != NULL);
    uint32_t at = r->at;
    place_unref(pool, r->place);
    *r = (struct timer_record){.at = t->free};
    t->free = record;
    struct timer_entry last = t->heap[--t->count];
    if (at == t->count)
        return;
    if (at > 0 && entry_before(&last, &t->heap[(at - 1) / ARITY]))
        sift_up(t, at, last);
    else
        sift_down(t, at, last);
}

void timers_forget(struct timers *t, struct pool *pool, uint32_t record, const struct node *n)
{
    if (record < t->used && t->record[record].node == n)
        timers_remove(t, pool, record);
}

uint32_t timers_due(struct timers *t, int64_t cutoff_ns)
{
    while (t->count > 0 && t->heap[0].expires_ns <= cutoff_ns) {
        struct timer_entry now = entry_of(t, t->heap[0].record);
        if (!entry_before(&t->heap[0], &now))
            return now.record;
        sift_down(t, 0, now);
    }
    return 0;
}

int64_t timers_next(const struct timers *t)
{
    return t->count > 0 ? t->heap[0].expires_ns : INT64_MAX;
}

uint64_t timers_bytes(const struct timers *t)
{
    return t->room * (uint64_t)(sizeof *t->record + sizeof *t->heap);
}

void timers_check(const struct timers *t)
{
    for (uint32_t i = 0; i < t->count; i++) {
        const struct timer_entry *e = &t->heap[i];
        const struct timer_record *r = &t->record[e->record];
        struct timer_entry real = entry_of(t, e->record);
        CP_ASSERT(r->at == i);
        CP_ASSERT(r->node != NULL);
        CP_ASSERT(node_is_timed(r->node));
        CP_ASSERT(node_timer(r->node)->record == e->record);
        CP_ASSERT(node_timer(r->node)->expires_ns == r->expires_ns);
        CP_ASSERT(r->node->created == r->created);
        CP_ASSERT(!entry_before(&real, e));
        CP_ASSERT(i == 0 || !entry_before(e, &t->heap[(i - 1) / ARITY]));
    }
}
