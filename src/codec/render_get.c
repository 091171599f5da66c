/* render: the answer of a GET. A listing is a walk that can stop between any two nodes: one open
 * level for each directory on the way from the top to the current node, on a stack of our own, as
 * its depth is for users to choose. A level writes its "nodes" only when it meets the first child
 * that shows. */
#include "codec/render.h"

#include "base/mem.h"
#include "codec/render_priv.h"
#include "store/path.h"

struct level {
    struct read_cursor cursor;
    uint64_t modified, created;
    size_t key_len;   /* of the directory, in render_get.key */
    bool has_visible; /* a child was written */
};

struct render_get {
    const struct node *top;
    bool recursive;
    bool started;
    int64_t now_ns;
    struct buf key; /* of the current node; empty for the root */
    struct level *levels;
    size_t n_levels, cap_levels;
};

struct render_get *render_get_new(const struct node *node, struct span path, bool recursive,
                                  int64_t now_ns)
{
    struct render_get *g = mem_zalloc(sizeof(*g));

    g->top = node;
    g->recursive = recursive;
    g->now_ns = now_ns;
    if (!span_eq(path, SPAN("/")))
        buf_span(&g->key, path);
    return g;
}

void render_get_free(struct render_get *g)
{
    if (g == NULL)
        return;
    buf_fini(&g->key);
    mem_free(g->levels);
    mem_free(g);
}

static void push_level(struct render_get *g, const struct node *dir, const struct node_view *view)
{
    if (g->n_levels == g->cap_levels) {
        g->cap_levels = g->cap_levels > 0 ? 2 * g->cap_levels : 4;
        g->levels = mem_realloc(g->levels, g->cap_levels * sizeof(*g->levels));
    }

    struct level *l = &g->levels[g->n_levels++];

    l->modified = view->modified;
    l->created = view->created;
    l->key_len = g->key.len;
    l->has_visible = false;
    read_children(&l->cursor, dir);
}

/* Writes the node named by g->key; a directory stays open, for its children, when OPEN. */
static void add_node(struct render_get *g, struct buf *b, const struct node *n, bool open)
{
    struct node_view view;

    node_view(n, &view);
    render_node_head(b, buf_as_span(&g->key), &view, g->now_ns);
    if (view.dir && open)
        push_level(g, n, &view);
    else
        render_node_tail(b, view.modified, view.created);
}

/* The next child that listings show. */
static const struct node *next_visible(struct read_cursor *c)
{
    const struct node *n;

    while ((n = read_next(c)) != NULL) {
        if (!path_hidden(node_name(n)))
            return n;
    }
    return NULL;
}

/* One child, or the end of the directory. */
static void step(struct render_get *g, struct buf *b)
{
    struct level *l = &g->levels[g->n_levels - 1];
    const struct node *child = next_visible(&l->cursor);

    g->key.len = l->key_len;
    if (child == NULL) {
        if (l->has_visible)
            buf_char(b, ']');
        render_node_tail(b, l->modified, l->created);
        g->n_levels--;
        return;
    }
    if (l->has_visible)
        buf_char(b, ',');
    else
        buf_lit(b, ",\"nodes\":[");
    l->has_visible = true;
    buf_char(&g->key, '/');
    buf_span(&g->key, node_name(child));
    add_node(g, b, child, g->recursive);
}

bool render_get_more(struct render_get *g, struct buf *b, size_t max)
{
    size_t before = b->len;

    CP_ASSERT(!g->started || g->n_levels > 0);
    if (!g->started) {
        g->started = true;
        buf_lit(b, "{\"action\":\"get\",\"node\":");
        add_node(g, b, g->top, true);
    }
    while (g->n_levels > 0) {
        if (b->len > before && b->len - before >= max)
            return true;
        step(g, b);
    }
    buf_lit(b, "}\n");
    return false;
}

void render_get_file(struct buf *b, const struct node *file, struct span path, int64_t now_ns)
{
    struct node_view view;

    node_view(file, &view);
    CP_ASSERT(!view.dir);
    buf_reserve(b, 192 + path.len + view.value.len);
    buf_lit(b, "{\"action\":\"get\",\"node\":");
    render_node_head(b, path, &view, now_ns);
    render_node_tail(b, view.modified, view.created);
    buf_lit(b, "}\n");
}
