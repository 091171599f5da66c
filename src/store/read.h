/* read: look-ups and sorted walks over a pinned version. Any thread that holds the pin; nothing is
 * allocated. */
#pragma once

#include "proto/v2.h"
#include "store/store.h"

struct node;

uint64_t version_index(const struct version *v);
const struct node *version_root(const struct version *v);
/* Borrowed; NULL: none yet. */
const struct accounts *version_accounts(const struct version *v);

/* Finds PATH (clean, absolute). V2_OK with *OUT; or *CAUSE_LEN = length of the prefix of PATH that
 * the error names: KEY_NOT_FOUND: it ends with the first missing component; NOT_DIR: it is the file
 * that stands in the way (GET /f/x is 104 "/f": implicit-dirs). */
enum v2_code read_find(const struct version *v, struct span path, const struct node **out,
                       size_t *cause_len);

struct span node_name(const struct node *n);
void node_view(const struct node *n, struct node_view *out);
/* Children of a directory, all of them (hidden ones too). */
uint64_t node_child_count(const struct node *n);

/* Walks the children of one directory in name order. */
#define READ_LEVELS 16
struct read_cursor {
    const void *page[READ_LEVELS];
    unsigned at[READ_LEVELS];
    int height;
};
void read_children(struct read_cursor *c, const struct node *dir);
/* The next child, or NULL. */
const struct node *read_next(struct read_cursor *c);
