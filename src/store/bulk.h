/* bulk: a whole store at once, from nodes in path order: each directory stands before what is below
 * it, and the names in a directory ascend. Directories are built from the bottom up, their pages
 * full. What is not in order, or cannot be part of a tree, is refused in words. */
#pragma once

#include "base/err.h"
#include "store/store.h"

struct bulk;

/* Spans are borrowed. */
struct bulk_node {
    struct span path; /* "/" is the root and comes first */
    struct span value;
    bool dir;
    uint64_t created, modified;
    uint64_t tree; /* directories: largest index of an event in or below, refreshes excepted */
    uint32_t version;
    int64_t expires_ns; /* 0: permanent */
};

struct bulk_sums {
    uint64_t files, dirs; /* the root is not counted */
    uint64_t bytes;       /* values and names */
};

/* The store is to be at INDEX. */
struct bulk *bulk_new(uint64_t index);
/* Without bulk_finish; NULL is fine. */
void bulk_free(struct bulk *b);
/* 0 or ERR_CORRUPT; after that only bulk_free will do. */
int bulk_add(struct bulk *b, const struct bulk_node *n, struct err *e) CP_MUST_CHECK;
/* Of what was added so far. */
struct bulk_sums bulk_sums(const struct bulk *b);
/* Takes the reference; at most once. */
void bulk_accounts(struct bulk *b, const struct accounts *a);
/* Gives the store, published at the index, and frees B; NULL when not even the root was added, and
 * then B stays. */
struct store *bulk_finish(struct bulk *b);
