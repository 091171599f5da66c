/* render_priv: the members of a node's JSON, shared by events and listings.
 * In order: key, value, dir, expiration, ttl, (nodes), modifiedIndex, createdIndex. */
#pragma once

#include "base/buf.h"
#include "store/store.h"

/* '{' and the members up to ttl; always at least one. An empty KEY or "/" is the root, which shows
 * none. */
void render_node_head(struct buf *b, struct span key, const struct node_view *n, int64_t now_ns);
/* The members behind the children, and '}'. */
void render_node_tail(struct buf *b, uint64_t modified, uint64_t created);
