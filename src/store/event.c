#include "store/event.h"

#include "base/check.h"
#include "base/mem.h"

struct event *event_new(enum v2_action action, uint64_t index, struct span path, struct span json)
{
    CP_ASSERT(path.len <= UINT32_MAX && json.len <= UINT32_MAX);
    struct event *e = mem_alloc(sizeof *e + path.len + json.len);
    *e = (struct event){
        .action = action,
        .index = index,
        .path_len = (uint32_t)path.len,
        .json_len = (uint32_t)json.len,
    };
    atomic_init(&e->refs, 1);
    if (path.len > 0)
        memcpy(e->bytes, path.ptr, path.len);
    if (json.len > 0)
        memcpy(e->bytes + path.len, json.ptr, json.len);
    return e;
}

struct event *event_ref(struct event *e)
{
    atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
    return e;
}

void event_unref(struct event *e)
{
    if (e == NULL)
        return;
    unsigned before = atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel);
    CP_ASSERT(before > 0);
    if (before == 1)
        mem_free(e);
}
