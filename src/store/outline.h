/* outline: whether nodes can be a tree, in the order in which bulk takes them: each directory
 * stands before what is below it, and the names in a directory ascend. Remembers no more than the
 * way to the last one. What cannot be is refused in words. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "store/bulk.h"

struct outline_level {
    size_t path_len; /* of the directory; 0: the root */
    uint64_t tree;
};

struct outline {
    uint64_t index;              /* of the store; set by the caller, all else zero at first */
    struct outline_level *level; /* directories that are open, each in the one before it */
    size_t depth, room;
    struct buf last; /* path of the last node; the innermost open directory is at its front */
};

/* Where the node stands. */
struct outline_place {
    size_t closed;    /* directories that are complete now */
    struct span name; /* empty: the root */
};

void outline_fini(struct outline *o);
/* 0 or ERR_CORRUPT. */
int outline_add(struct outline *o, const struct bulk_node *n, struct outline_place *out,
                struct err *e) CP_MUST_CHECK;
