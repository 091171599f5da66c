#include "cluster/waiting.h"

#include "base/mem.h"

#define FIRST_CAP 1024

void waiting_init(struct waiting *w, uint64_t first)
{
    *w = (struct waiting){.cap = FIRST_CAP, .oldest = first, .next = first};
    w->slot = mem_zalloc(w->cap * sizeof(*w->slot));
}

void waiting_fini(struct waiting *w)
{
    mem_free(w->slot);
    w->slot = NULL;
}

static struct proposal **place(const struct waiting *w, uint64_t request)
{
    return &w->slot[request & (w->cap - 1)];
}

/* Lets oldest rest on a request that is still there, or on next. */
static void skip_taken(struct waiting *w)
{
    while (w->oldest != w->next && *place(w, w->oldest) == NULL)
        w->oldest++;
}

static void grow(struct waiting *w)
{
    struct waiting bigger = {
        .cap = w->cap * 2, .oldest = w->oldest, .next = w->next, .waits = w->waits};
    bigger.slot = mem_zalloc(bigger.cap * sizeof(*bigger.slot));
    for (uint64_t r = w->oldest; r != w->next; r++)
        *place(&bigger, r) = *place(w, r);
    mem_free(w->slot);
    *w = bigger;
}

uint64_t waiting_add(struct waiting *w, struct proposal *p)
{
    if (w->next - w->oldest == w->cap) {
        skip_taken(w);
        if (w->next - w->oldest == w->cap)
            grow(w);
    }
    *place(w, w->next) = p;
    w->waits += p != NULL;
    return w->next++;
}

struct proposal *waiting_get(const struct waiting *w, uint64_t request)
{
    return request - w->oldest < w->next - w->oldest ? *place(w, request) : NULL;
}

struct proposal *waiting_take(struct waiting *w, uint64_t request)
{
    struct proposal *p = waiting_get(w, request);
    if (p == NULL)
        return NULL;
    *place(w, request) = NULL;
    w->waits -= p != NULL;
    skip_taken(w);
    return p;
}

uint64_t waiting_deadline_ns(struct waiting *w)
{
    skip_taken(w);
    return w->oldest == w->next ? UINT64_MAX : (*place(w, w->oldest))->deadline_ns;
}

struct proposal *waiting_expired(struct waiting *w, uint64_t now_ns)
{
    return waiting_deadline_ns(w) <= now_ns ? waiting_take(w, w->oldest) : NULL;
}
