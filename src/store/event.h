/* event: one change as watchers, history and the reply see it: counted, immutable, rendered once.
 */
#pragma once

#include "base/span.h"
#include "proto/v2.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct event {
    atomic_uint refs;
    enum v2_action action;
    bool dir;      /* the node is (was) a directory */
    bool refresh;  /* nobody is told; keeps its place in the history */
    bool replaced; /* a node stood there before: decides 200 or 201 */
    uint64_t index;
    uint32_t path_len, json_len;
    char bytes[]; /* path, then the whole JSON line with its newline */
};

/* Gives one reference; copies both spans. */
struct event *event_new(enum v2_action action, uint64_t index, struct span path, struct span json);
struct event *event_ref(struct event *e);
void event_unref(struct event *e); /* NULL is fine */

static inline struct span event_path(const struct event *e)
{
    return (struct span){e->bytes, e->path_len};
}

static inline struct span event_json(const struct event *e)
{
    return (struct span){e->bytes + e->path_len, e->json_len};
}
