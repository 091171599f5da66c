/* event: one change as watchers, history and the reply see it: counted, immutable, rendered once.
 * Its bytes stand as a chunk of HTTP/1.1, which is how nearly all of them leave: so one piece of
 * memory is what each watcher is sent. */
#pragma once

#include "base/span.h"
#include "proto/v2.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define EVENT_CHUNK_END "\r\n0\r\n\r\n" /* of the chunk, and the final chunk behind it */

struct event {
    atomic_uint refs;
    enum v2_action action;
    bool dir;      /* the node is (was) a directory */
    bool refresh;  /* nobody is told; keeps its place in the history */
    bool replaced; /* a node stood there before: decides 200 or 201 */
    uint8_t line_len;
    uint64_t index;
    uint32_t path_len, json_len;
    char bytes[]; /* path; length line; the whole JSON line with its newline; EVENT_CHUNK_END */
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
    return (struct span){e->bytes + e->path_len + e->line_len, e->json_len};
}

/* The JSON as a chunk; LAST: with the final one behind it. */
static inline struct span event_chunk(const struct event *e, bool last)
{
    size_t end = last ? sizeof(EVENT_CHUNK_END) - 1 : 2;

    return (struct span){e->bytes + e->path_len, e->line_len + (size_t)e->json_len + end};
}
