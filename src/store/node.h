/* node: a file or directory. Immutable once published, one block of memory:
 *
 *   file       [head | timer? | name | value]
 *   directory  [head | timer? | name | pad | body]        body: the children's B+tree and sums over
 * all below
 *
 * A file's birth is its modified index, for each replacement raises it; a directory's is body.born,
 * for it is copied by writes below it that leave its modified index alone. */
#pragma once

#include "base/span.h"
#include "store/pool.h"

#include <stdbool.h>
#include <stdint.h>

struct page;
struct place;

enum node_flags {
    NODE_DIR = 1u << 0,
    NODE_TIMED = 1u << 1, /* a struct node_timer stands before the name */
};

struct node {
    uint64_t created, modified;
    uint32_t value_len;
    uint32_t version; /* changes since it was created, that one included; ends at its maximum */
    uint16_t name_len;
    uint8_t flags; /* enum node_flags */
    uint8_t spare;
    char text[];
};

struct node_timer {
    int64_t expires_ns;
    uint32_t record; /* in the writer's timers */
} __attribute__((packed));

/* Behind a directory's name, aligned to 8. */
struct node_body {
    uint64_t born;
    struct page *kids;
    uint64_t children;    /* direct ones */
    uint64_t tree;        /* largest index of an event in or below it, refreshes excepted */
    uint64_t files, dirs; /* below it */
    uint64_t bytes;       /* values and names below it */
    struct place
        *place; /* writer only: its path, shared with the timers of its children; may be NULL */
};

/* What a new node is to be. Spans are borrowed. */
struct node_spec {
    struct span name, value;
    bool dir;
    uint64_t created, modified;
    uint32_t version;
    int64_t expires_ns; /* 0: permanent */
};

static inline bool node_is_dir(const struct node *n)
{
    return (n->flags & NODE_DIR) != 0;
}

static inline bool node_is_timed(const struct node *n)
{
    return (n->flags & NODE_TIMED) != 0;
}

static inline size_t node_name_at(const struct node *n)
{
    return node_is_timed(n) ? sizeof(struct node_timer) : 0;
}

static inline struct span node_key(const struct node *n)
{
    return (struct span){n->text + node_name_at(n), n->name_len};
}

static inline struct span node_value(const struct node *n)
{
    return (struct span){n->text + node_name_at(n) + n->name_len, n->value_len};
}

static inline struct node_timer *node_timer(const struct node *n)
{
    return (struct node_timer *)(uintptr_t)n->text;
}

static inline int64_t node_expires_ns(const struct node *n)
{
    return node_is_timed(n) ? node_timer(n)->expires_ns : 0;
}

static inline struct node_body *node_body(const struct node *dir)
{
    uintptr_t end = (uintptr_t)(dir->text + node_name_at(dir) + dir->name_len);
    return (struct node_body *)((end + 7) & ~(uintptr_t)7);
}

static inline uint64_t node_born(const struct node *n)
{
    return node_is_dir(n) ? node_body(n)->born : n->modified;
}

/* Bytes of the block. */
size_t node_size(const struct node *n);
/* Gives a node; a directory's body is empty but for born, which is CREATED. */
struct node *node_new(struct pool *pool, const struct node_spec *spec);
/* Gives a copy of the whole block; a directory's children stay shared. */
struct node *node_copy(struct pool *pool, const struct node *n);
/* Frees the block alone. */
void node_free(struct pool *pool, struct node *n);

/* Order of a name against a node's. */
static inline int node_cmp(struct span name, const struct node *n)
{
    return span_cmp(name, node_key(n));
}
