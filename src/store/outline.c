#include "store/outline.h"

#include "base/mem.h"

#include <string.h>

void outline_fini(struct outline *o)
{
    mem_free(o->level);
    buf_fini(&o->last);
}

static int refuse(struct err *e, const char *why)
{
    return err_set(e, ERR_CORRUPT, "%s", why);
}

static int check_numbers(const struct outline *o, const struct bulk_node *n, struct err *e)
{
    if (n->created > n->modified)
        return refuse(e, "modified before it was created");
    if (n->modified > o->index || n->tree > o->index)
        return refuse(e, "an index beyond the store's");
    if (n->version == 0)
        return refuse(e, "version 0");
    if (n->value.len > (n->dir ? 0 : UINT32_MAX))
        return refuse(e, "a value that cannot be");
    return 0;
}

static void open_dir(struct outline *o, size_t path_len, uint64_t tree)
{
    if (o->depth == o->room) {
        o->room = o->room > 0 ? 2 * o->room : 8;
        o->level = mem_realloc(o->level, o->room * sizeof(*o->level));
    }
    o->level[o->depth++] = (struct outline_level){.path_len = path_len, .tree = tree};
}

static int add_root(struct outline *o, const struct bulk_node *n, struct err *e)
{
    if (!span_eq(n->path, SPAN("/")))
        return refuse(e, "nodes do not begin with the root");
    if (!n->dir || n->expires_ns != 0)
        return refuse(e, "the root is not a permanent directory");
    open_dir(o, 0, n->tree);
    return 0;
}

static struct span innermost(const struct outline *o)
{
    return span_make(o->last.ptr, o->level[o->depth - 1].path_len);
}

/* Whether PATH names something below the innermost open directory. */
static bool is_below(const struct outline *o, struct span path)
{
    struct span dir = innermost(o);
    return path.len > dir.len && span_starts(path, dir) && path.ptr[dir.len] == '/';
}

/* The child of the innermost open directory on the way to the last node; empty: it is that itself.
 */
static struct span last_child(const struct outline *o)
{
    struct span rest = span_from(buf_as_span(&o->last), innermost(o).len);
    if (rest.len == 0)
        return rest;
    rest = span_from(rest, 1);
    const char *end = memchr(rest.ptr, '/', rest.len);
    return end != NULL ? span_make(rest.ptr, (size_t)(end - rest.ptr)) : rest;
}

/* Closes the directories that are complete, and gives the name. */
static int enter(struct outline *o, struct span path, struct outline_place *out, struct err *e)
{
    while (o->depth > 1 && !is_below(o, path)) {
        o->depth--;
        out->closed++;
    }
    if (!is_below(o, path))
        return refuse(e, "a path that does not begin with /");
    out->name = span_from(path, innermost(o).len + 1);
    if (out->name.len == 0 || out->name.len > UINT16_MAX)
        return refuse(e, "a name that cannot be");
    if (memchr(out->name.ptr, '/', out->name.len) != NULL)
        return refuse(e, "no directory before it that it is in");
    if (span_cmp(out->name, last_child(o)) <= 0)
        return refuse(e, "not in the order of paths");
    return 0;
}

int outline_add(struct outline *o, const struct bulk_node *n, struct outline_place *out,
                struct err *e)
{
    int rv = check_numbers(o, n, e);
    *out = (struct outline_place){.closed = 0};
    if (rv != 0)
        return rv;
    if (o->depth == 0)
        return add_root(o, n, e);
    rv = enter(o, n->path, out, e);
    if (rv != 0)
        return rv;
    if (n->tree > o->level[o->depth - 1].tree)
        return refuse(e, "a tree index beyond that of the directory above");
    buf_clear(&o->last);
    buf_span(&o->last, n->path);
    if (n->dir)
        open_dir(o, n->path.len, n->tree);
    return 0;
}
