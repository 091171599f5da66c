#include "watch/history.h"

#include "base/check.h"
#include "base/mem.h"

void history_init(struct history *y, size_t cap, size_t bytes_max)
{
    CP_ASSERT(cap >= 1);
    *y = (struct history){
        .slot = mem_zalloc(cap * sizeof *y->slot), .cap = cap, .bytes_max = bytes_max};
}

static size_t size_of(const struct event *e)
{
    return (size_t)e->path_len + e->json_len;
}

static void drop_oldest(struct history *y)
{
    struct event **slot = &y->slot[history_oldest(y) % y->cap];
    CP_ASSERT(y->kept > 0);
    if (*slot != NULL) {
        y->bytes -= size_of(*slot);
        y->events--;
        event_unref(*slot);
        *slot = NULL;
    }
    y->kept--;
}

void history_reset(struct history *y, uint64_t last)
{
    while (y->kept > 0)
        drop_oldest(y);
    CP_ASSERT(y->bytes == 0 && y->events == 0);
    y->last = last;
}

void history_fini(struct history *y)
{
    history_reset(y, 0);
    mem_free(y->slot);
}

static void take_slot(struct history *y, struct event *e)
{
    if (y->kept == y->cap)
        drop_oldest(y);
    y->slot[++y->last % y->cap] = e;
    y->kept++;
    if (e == NULL)
        return;
    y->bytes += size_of(e);
    y->events++;
    while (y->bytes_max > 0 && y->bytes > y->bytes_max && y->events > 1)
        drop_oldest(y);
}

void history_add(struct history *y, uint64_t index, struct event *e)
{
    CP_ASSERT(index > y->last);
    if (index - y->last > y->cap) /* the gap alone pushes everything out */
        history_reset(y, index - y->cap - 1);
    while (y->last + 1 < index)
        take_slot(y, NULL);
    take_slot(y, e != NULL ? event_ref(e) : NULL);
}
