#include "api/account_render.h"

#include "base/jsonw.h"

static void add_texts(struct buf *b, const char *name, struct texts t)
{
    struct span text;
    bool first = true;
    buf_printf(b, "\"%s\":", name);
    if (t.null) {
        buf_lit(b, "null");
        return;
    }
    buf_char(b, '[');
    for (; texts_next(&t, &text); first = false) {
        if (!first)
            buf_char(b, ',');
        jsonw_str(b, text);
    }
    buf_char(b, ']');
}

void account_render_user(struct buf *b, struct span name, struct texts roles)
{
    buf_lit(b, "{\"user\":");
    jsonw_str(b, name);
    buf_char(b, ',');
    add_texts(b, "roles", roles);
    buf_char(b, '}');
}

void account_render_role(struct buf *b, struct span name, struct texts read, struct texts write)
{
    buf_lit(b, "{\"role\":");
    jsonw_str(b, name);
    buf_lit(b, ",\"permissions\":{\"kv\":{");
    add_texts(b, "read", read);
    buf_char(b, ',');
    add_texts(b, "write", write);
    buf_lit(b, "}}}");
}

bool account_render_role_named(struct buf *b, const struct accounts *a, struct span name)
{
    if (span_eq(name, ACCOUNT_ROOT)) {
        buf_lit(b, "{\"role\":\"root\",\"permissions\":{\"kv\":{\"read\":[\"/*\"],"
                   "\"write\":[\"/*\"]}}}");
        return true;
    }
    const struct role *r = accounts_role(a, name);
    if (r != NULL)
        account_render_role(b, name, r->read, r->write);
    return r != NULL;
}

struct roles_out {
    struct buf *b;
    const struct accounts *accounts;
    struct span *missing;
    unsigned n;
};

static void add_role(struct roles_out *o, struct span name)
{
    size_t before = o->b->len;
    buf_span(o->b, o->n > 0 ? SPAN(",") : SPAN(",\"roles\":["));
    if (account_render_role_named(o->b, o->accounts, name)) {
        o->n++;
        return;
    }
    o->b->len = before;
    if (o->missing->ptr == NULL)
        *o->missing = name;
}

void account_render_whole_user(struct buf *b, const struct accounts *a, const struct user *u,
                               struct span *missing)
{
    struct roles_out o = {.b = b, .accounts = a, .missing = missing};
    bool implied;
    struct texts roles = user_roles(u, &implied);
    struct span name;
    buf_lit(b, "{\"user\":");
    jsonw_str(b, u->name);
    while (texts_next(&roles, &name))
        add_role(&o, name);
    if (implied)
        add_role(&o, ACCOUNT_ROOT);
    buf_span(b, o.n > 0 ? SPAN("]}") : SPAN("}"));
}
