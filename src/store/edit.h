/* edit: whole paths in the draft: look-up, and changes that copy the way to them. Nothing here
 * refuses; apply.c has decided before. The draft's index is that of the change already. */
#pragma once

#include "proto/v2.h"
#include "store/draft.h"

/* As read_find, from any root: V2_OK with *OUT, else KEY_NOT_FOUND or NOT_DIR with *CAUSE_LEN. */
enum v2_code edit_find(const struct node *root, struct span path, struct node **out,
                       size_t *cause_len);

/* What edit_put is to do. Spans and pointers are borrowed. */
struct edit {
    struct span path;
    const struct node_spec *spec; /* its name is the last component of path */
    struct node *old;             /* what stands at path; NULL: nothing */
    size_t missing_to;            /* with old NULL: the cause_len of edit_find */
    bool refresh;                 /* directories keep their tree index */
};

/* Puts a node made of SPEC in the place of OLD, or makes it with all directories above it that are
 * missing. A directory in the place of a directory inherits all that is below it. Gives the new
 * node. */
struct node *edit_put(struct draft *d, const struct edit *e);
/* Takes VICTIM, the node at PATH, out of the tree with all that is below it. */
void edit_remove(struct draft *d, struct span path, struct node *victim);
