#include "watch/history.h"

#include "base/check.h"
#include "base/mem.h"

void history_init(struct history *y, size_t cap)
{
    CP_ASSERT(cap >= 1);
    *y = (struct history){.slot = mem_zalloc(cap * sizeof *y->slot), .cap = cap};
}

void history_reset(struct history *y, uint64_t last)
{
    for (size_t i = 0; i < y->cap; i++) {
        event_unref(y->slot[i]);
        y->slot[i] = NULL;
    }
    y->kept = 0;
    y->last = last;
}

void history_fini(struct history *y)
{
    history_reset(y, 0);
    mem_free(y->slot);
}

static void take_slot(struct history *y, struct event *e)
{
    struct event **slot = &y->slot[++y->last % y->cap];
    event_unref(*slot);
    *slot = e;
    if (y->kept < y->cap)
        y->kept++;
}

void history_add(struct history *y, uint64_t index, struct event *e)
{
    CP_ASSERT(index > y->last);
    if (index - y->last > y->cap) { /* the gap alone pushes everything out */
        history_reset(y, index - y->cap - 1);
    }
    while (y->last + 1 < index)
        take_slot(y, NULL);
    take_slot(y, e != NULL ? event_ref(e) : NULL);
}
