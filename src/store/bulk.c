#include "store/bulk.h"

#include "store/outline.h"
#include "store/store_priv.h"
#include "store/tree.h"

/* A directory that is still open: its parent is the one before it. */
struct level {
    struct node *dir;
    struct node *leaf[STORE_FANOUT]; /* the newest children, not yet in a page */
    unsigned leaf_n;
    void **page; /* full leaves; the room is kept for the next directory at this depth */
    size_t page_n, page_room;
};

struct bulk {
    struct store *store;
    struct level *level;
    size_t depth, room; /* open directories; levels that have ever been used */
    struct outline outline;
    struct bulk_sums sums;
};

struct bulk *bulk_new(uint64_t index)
{
    struct bulk *b = mem_zalloc(sizeof *b);
    b->store = mem_zalloc(sizeof *b->store);
    b->store->draft.index = b->outline.index = index;
    return b;
}

struct bulk_sums bulk_sums(const struct bulk *b)
{
    return b->sums;
}

static struct page *pack(struct bulk *b, void *const *entries, unsigned n, unsigned height)
{
    struct draft *d = &b->store->draft;
    struct page *p = page_new(&d->pool, d->index, n, height);
    memcpy(page_entries(p), entries, n * sizeof *entries);
    if (height > 0)
        for (unsigned i = 0; i < n; i++)
            page_firsts(p)[i] = page_firsts(entries[i])[0];
    p->n = (uint16_t)n;
    page_relabel(p);
    return p;
}

static void close_leaf(struct bulk *b, struct level *l)
{
    if (l->page_n == l->page_room) {
        l->page_room = l->page_room > 0 ? 2 * l->page_room : 4;
        l->page = mem_realloc(l->page, l->page_room * sizeof *l->page);
    }
    l->page[l->page_n++] = pack(b, (void **)l->leaf, l->leaf_n, 0);
    l->leaf_n = 0;
}

/* Pages over pages, until one is left. Each row of them takes the place of the one below it. */
static struct page *stack_pages(struct bulk *b, struct level *l)
{
    for (unsigned height = 1; l->page_n > 1; height++) {
        size_t rows = 0;
        CP_ASSERT(height < TREE_LEVELS);
        for (size_t i = 0; i < l->page_n; i += STORE_FANOUT) {
            size_t n = l->page_n - i < STORE_FANOUT ? l->page_n - i : STORE_FANOUT;
            l->page[rows++] = pack(b, l->page + i, (unsigned)n, height);
        }
        l->page_n = rows;
    }
    return l->page_n > 0 ? l->page[0] : NULL;
}

/* The innermost open directory has all its children. */
static void close_dir(struct bulk *b)
{
    struct level *l = &b->level[--b->depth];
    if (l->leaf_n > 0)
        close_leaf(b, l);
    struct node_body *body = node_body(l->dir);
    body->kids = stack_pages(b, l);
    if (b->depth == 0)
        return;
    struct node_body *above = node_body(b->level[b->depth - 1].dir);
    above->files += body->files;
    above->dirs += body->dirs + 1;
    above->bytes += body->bytes + l->dir->name_len;
}

static void open_dir(struct bulk *b, struct node *dir)
{
    if (b->depth == b->room) {
        b->level = mem_realloc(b->level, (b->room + 1) * sizeof *b->level);
        b->level[b->room++] = (struct level){0};
    }
    struct level *l = &b->level[b->depth++];
    l->dir = dir;
    l->leaf_n = 0;
    l->page_n = 0;
}

static struct node *make_node(struct bulk *b, const struct bulk_node *n, struct span name)
{
    struct draft *d = &b->store->draft;
    struct node_spec spec = {.name = name,
                             .value = n->value,
                             .dir = n->dir,
                             .created = n->created,
                             .modified = n->modified,
                             .version = n->version,
                             .expires_ns = n->expires_ns};
    struct node *node = node_new(&d->pool, &spec);
    if (n->dir) {
        node_body(node)->born = d->index; /* no later than this version, no earlier than any birth
                                             below */
        node_body(node)->tree = n->tree;
    }
    return node;
}

static void set_timer(struct bulk *b, struct node *n, struct node *dir, struct span path)
{
    struct draft *d = &b->store->draft;
    struct node_body *body = node_body(dir);
    if (body->place == NULL)
        body->place = place_new(&d->pool, path);
    timers_add(&d->timers, n, body->place);
}

static void add_root(struct bulk *b, const struct bulk_node *n)
{
    struct node *root = make_node(b, n, (struct span){0});
    b->store->draft.root = root;
    open_dir(b, root);
}

/* The path of the directory that PATH, which ends with NAME, stands in. */
static struct span parent_of(struct span path, struct span name)
{
    return span_make(path.ptr, path.len > name.len + 1 ? path.len - name.len - 1 : 1);
}

static void add_node(struct bulk *b, const struct bulk_node *n, struct span name)
{
    struct level *l = &b->level[b->depth - 1];
    struct node_body *body = node_body(l->dir);
    struct node *node = make_node(b, n, name);
    if (l->leaf_n == STORE_FANOUT)
        close_leaf(b, l);
    l->leaf[l->leaf_n++] = node;
    body->children++;
    b->sums.bytes += name.len + n->value.len;
    if (n->expires_ns != 0)
        set_timer(b, node, l->dir, parent_of(n->path, name));
    if (n->dir) {
        b->sums.dirs++;
        open_dir(b, node);
    } else {
        b->sums.files++;
        body->files++;
        body->bytes += name.len + n->value.len;
    }
}

int bulk_add(struct bulk *b, const struct bulk_node *n, struct err *e)
{
    struct outline_place place;
    int rv = outline_add(&b->outline, n, &place, e);
    if (rv != 0)
        return rv;
    while (place.closed-- > 0)
        close_dir(b);
    if (b->depth == 0)
        add_root(b, n);
    else
        add_node(b, n, place.name);
    return 0;
}

void bulk_accounts(struct bulk *b, const struct accounts *a)
{
    CP_ASSERT(b->store->draft.accounts == NULL);
    b->store->draft.accounts = a;
}

struct store *bulk_finish(struct bulk *b)
{
    if (b->depth == 0)
        return NULL;
    while (b->depth > 0)
        close_dir(b);
    struct store *s = b->store;
    pins_init(&s->pins, &s->draft);
    for (size_t i = 0; i < b->room; i++)
        mem_free(b->level[i].page);
    mem_free(b->level);
    outline_fini(&b->outline);
    mem_free(b);
    return s;
}

void bulk_free(struct bulk *b)
{
    if (b == NULL)
        return;
    struct store *s = b->store;
    if (b->depth > 0) {
        store_free(bulk_finish(b));
        return;
    }
    accounts_unref(s->draft.accounts);
    outline_fini(&b->outline);
    mem_free(b);
    mem_free(s);
}
