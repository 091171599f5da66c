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

const struct accounts *version_accounts(const struct version *v)
{
    return v->accounts;
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

#define AHEAD 4 /* nodes fetched before they are asked for */

static void fetch_node(const struct page *p, unsigned i)
{
    const char *node = page_entries(p)[i];
    __builtin_prefetch(node);
    __builtin_prefetch(node + 64);
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
    for (unsigned i = 0; i < AHEAD && i < p->n; i++)
        fetch_node(p, i);
    if (level == 0)
        return;
    const struct page *up = c->page[level - 1];
    unsigned next = c->at[level - 1] + 1;
    if (next < up->n) {
        const char *leaf = page_entries(up)[next];
        __builtin_prefetch(leaf);
        __builtin_prefetch(leaf + 64);
        __builtin_prefetch(leaf + 128);
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
    if (i + AHEAD < p->n)
        fetch_node(p, i + AHEAD);
    return page_node(p, i);
}
