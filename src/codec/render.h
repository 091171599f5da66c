/* render: events, nodes and errors as v2's JSON, byte for byte, each ending in one newline.
 * Source: contract, keys 2, 4, 8. */
#pragma once

#include "base/buf.h"
#include "store/event.h"
#include "store/read.h"
#include "store/store.h"

/* Appends the JSON of what an operation did, ttl as of NOW_NS. */
void render_result(struct buf *b, const struct store_result *r, int64_t now_ns);
/* Gives the event of a successful result, rendered. */
struct event *render_event(const struct store_result *r, int64_t now_ns);
/* {"action":"set"} and the like, for noValueOnSuccess. */
void render_action(struct buf *b, enum v2_action action);
/* {"errorCode":…,"message":…,"cause":…,"index":…}. */
void render_error(struct buf *b, enum v2_code code, struct span cause, uint64_t index);

/* The answer of a GET, in pieces: {"action":"get","node":{…}}. Keys are sorted anyway. The version
 * stays pinned until the last piece. */
struct render_get;
/* Borrows NODE and what its version holds; copies PATH. */
struct render_get *render_get_new(const struct node *node, struct span path, bool recursive,
                                  int64_t now_ns);
/* Appends at least one byte and goes on until MAX bytes were appended, and to the end of the node
 * that it is at then; true when more is left. Not to be called again after false. */
bool render_get_more(struct render_get *g, struct buf *b, size_t max);
void render_get_free(struct render_get *g);
/* The whole answer for a node that is a file (no state needed, nothing allocated but B). */
void render_get_file(struct buf *b, const struct node *file, struct span path, int64_t now_ns);
