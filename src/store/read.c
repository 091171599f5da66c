#include "store/read.h"

#include "base/check.h"
#include "store/edit.h"
#include "store/tree.h"
#include "store/version.h"

_Static_assert(READ_LEVELS == TREE_LEVELS, "a cursor holds any way");

uint64_t version_index(const struct version *v)
{
    return v->index;
}

const struct node *version_root(const struct version *v)
{
    return v->root;
}

enum v2_code read_find(const struct version *v, struct span path, const struct node **out,
                       size_t *cause_len)
{
    struct node *found;
    enum v2_code code = edit_find(v->root, path, &found, cause_len);
    if (code == V2_OK)
        *out = found;
    return code;
}

struct span node_name(const struct node *n)
{
    return node_key(n);
}

void node_view(const struct node *n, struct node_view *out)
{
    *out = (struct node_view){
        .dir = node_is_dir(n),
        .created = n->created,
        .modified = n->modified,
        .expires_ns = node_expires_ns(n),
    };
    if (!out->dir)
        out->value = node_value(n);
}

uint64_t node_child_count(const struct node *n)
{
    return node_is_dir(n) ? node_body(n)->children : 0;
}

/* Goes down to the first leaf below the page at LEVEL of the cursor. */
static void go_down(struct read_cursor *c, int level)
{
    const struct page *p = c->page[level];
    while (p->level > 0) {
        p = page_child(p, c->at[level]);
        level++;
        c->page[level] = p;
        c->at[level] = 0;
    }
}

void read_children(struct read_cursor *c, const struct node *dir)
{
    const struct page *root = node_is_dir(dir) ? node_body(dir)->kids : NULL;
    c->height = 0;
    if (root == NULL)
        return;
    c->height = root->level + 1;
    c->page[0] = root;
    c->at[0] = 0;
    go_down(c, 0);
}

const struct node *read_next(struct read_cursor *c)
{
    if (c->height == 0)
        return NULL;
    int level = c->height - 1;
    const struct page *p = c->page[level];
    if (c->at[level] == p->n) {
        do {
            if (level == 0) {
                c->height = 0;
                return NULL;
            }
            level--;
            p = c->page[level];
        } while (++c->at[level] == p->n);
        go_down(c, level);
        level = c->height - 1;
        p = c->page[level];
    }
    unsigned i = c->at[level]++;
    if (i + 4u < p->n) {
        const char *ahead = page_entries(p)[i + 4];
        __builtin_prefetch(ahead);
        __builtin_prefetch(ahead + 64);
    }
    return page_node(p, i);
}
