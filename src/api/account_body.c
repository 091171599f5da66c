#include "api/account_body.h"

#include "auth/basic.h"
#include "base/gojson.h"
#include "base/gojson_walk.h"
#include "proto/limits.h"

struct reading {
    struct account_body *out;
    struct buf name;
    bool wrong; /* a value of another kind than it should be */
    bool too_long;
};

/* Go's decoder stops behind the first value: the length of the object that BODY begins with, or all
 * of it when it begins with something else or has no end. */
static struct span first_value(struct span body)
{
    size_t depth = 0, from = 0;
    bool quoted = false;
    while (from < body.len && memchr(" \t\r\n", body.ptr[from], 4) != NULL)
        from++;
    if (from == body.len || body.ptr[from] != '{')
        return body;
    for (size_t i = from; i < body.len; i++) {
        char c = body.ptr[i];
        if (quoted) {
            i += c == '\\';
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            return span_make(body.ptr, i + 1);
        }
    }
    return body;
}

static bool is_named(const struct reading *r, const char *word)
{
    size_t n = strlen(word);
    bool same = r->name.len == n;
    for (size_t i = 0; same && i < n; i++) {
        char c = r->name.ptr[i];
        same = (c >= 'A' && c <= 'Z' ? (c | 0x20) : c) == word[i];
    }
    return same;
}

/* True: it is of KIND; null changes nothing, anything else is wrong, and both are passed. */
static bool expect(struct reading *r, struct gojson_walk *w, enum gojson_kind kind)
{
    enum gojson_kind ahead = gojson_kind(w);
    if (ahead == kind)
        return true;
    r->wrong = r->wrong || ahead != GOJSON_NULL;
    gojson_skip(w);
    return false;
}

static void read_text(struct reading *r, struct gojson_walk *w, struct buf *out, size_t max)
{
    if (!expect(r, w, GOJSON_STRING))
        return;
    buf_clear(out);
    gojson_string(w, out);
    r->too_long = r->too_long || out->len > max;
}

static void read_list(struct reading *r, struct gojson_walk *w, unsigned which)
{
    struct buf *packed = &r->out->packed[which], text = {0};
    struct texts *list = &r->out->list[which];
    buf_clear(packed);
    *list = (struct texts){.null = gojson_kind(w) == GOJSON_NULL};
    if (!expect(r, w, GOJSON_ARRAY))
        return;
    for (gojson_enter(w); gojson_next_item(w);) {
        buf_clear(&text);
        read_text(r, w, &text, r->out->is_role ? LIMIT_PATTERN_BYTES : LIMIT_ACCOUNT_NAME);
        if (list->n == LIMIT_ACCOUNT_LIST)
            r->too_long = true;
        if (r->too_long)
            continue;
        texts_pack(packed, buf_as_span(&text));
        list->n++;
    }
    list->packed = buf_as_span(packed);
    buf_fini(&text);
}

static void read_kv(struct reading *r, struct gojson_walk *w, unsigned first)
{
    if (!expect(r, w, GOJSON_OBJECT))
        return;
    gojson_enter(w);
    while (gojson_next_member(w, &r->name)) {
        if (is_named(r, "read"))
            read_list(r, w, first);
        else if (is_named(r, "write"))
            read_list(r, w, first + 1);
        else
            gojson_skip(w);
    }
}

static void forget(struct account_body *out, unsigned which)
{
    buf_clear(&out->packed[which]);
    out->list[which] = (struct texts){.null = true};
}

/* {"kv":{"read":[…],"write":[…]}} into the lists FIRST and FIRST + 1. A null takes back what an
 * earlier member of that name has granted or revoked, in Go a pointer; permissions stay. */
static void read_permissions(struct reading *r, struct gojson_walk *w, unsigned first)
{
    if (first != ROLE_READ && gojson_kind(w) == GOJSON_NULL) {
        forget(r->out, first);
        forget(r->out, first + 1);
    }
    if (!expect(r, w, GOJSON_OBJECT))
        return;
    gojson_enter(w);
    while (gojson_next_member(w, &r->name)) {
        if (is_named(r, "kv"))
            read_kv(r, w, first);
        else
            gojson_skip(w);
    }
}

static void read_user_member(struct reading *r, struct gojson_walk *w)
{
    if (is_named(r, "user"))
        read_text(r, w, &r->out->name, LIMIT_ACCOUNT_NAME);
    else if (is_named(r, "password"))
        read_text(r, w, &r->out->password, LIMIT_PASSWORD_BYTES);
    else if (is_named(r, "roles"))
        read_list(r, w, USER_ROLES);
    else if (is_named(r, "grant"))
        read_list(r, w, USER_GRANT);
    else if (is_named(r, "revoke"))
        read_list(r, w, USER_REVOKE);
    else
        gojson_skip(w);
}

static void read_role_member(struct reading *r, struct gojson_walk *w)
{
    if (is_named(r, "role"))
        read_text(r, w, &r->out->name, LIMIT_ACCOUNT_NAME);
    else if (is_named(r, "permissions"))
        read_permissions(r, w, ROLE_READ);
    else if (is_named(r, "grant"))
        read_permissions(r, w, ROLE_GRANT_READ);
    else if (is_named(r, "revoke"))
        read_permissions(r, w, ROLE_REVOKE_READ);
    else
        gojson_skip(w);
}

enum account_fault account_body_read(struct span body, bool is_role, struct account_body *out)
{
    struct reading r = {.out = out};
    struct buf why = {0};
    *out = (struct account_body){.is_role = is_role};
    for (unsigned i = 0; i < ACCOUNT_LISTS; i++)
        out->list[i].null = true;
    struct span value = first_value(body);
    bool whole = gojson_check(value, &why);
    buf_fini(&why);
    if (!whole)
        return BODY_INVALID;
    struct gojson_walk w = {value};
    if (expect(&r, &w, GOJSON_OBJECT)) {
        gojson_enter(&w);
        while (gojson_next_member(&w, &r.name)) {
            if (is_role)
                read_role_member(&r, &w);
            else
                read_user_member(&r, &w);
        }
    }
    buf_fini(&r.name);
    return r.wrong ? BODY_INVALID : r.too_long ? BODY_TOO_LONG : BODY_GOOD;
}

void account_body_fini(struct account_body *b)
{
    basic_wipe(&b->password);
    buf_fini(&b->name);
    for (unsigned i = 0; i < ACCOUNT_LISTS; i++)
        buf_fini(&b->packed[i]);
}
