#include "codec/dump_accounts.h"

#include "codec/dump.h"

#define HASH_KEY ",\"hash\":\""

void dump_write_auth(struct buf *b, bool enabled)
{
    buf_lit(b, "{\"auth\":");
    buf_span(b, enabled ? SPAN("true}\n") : SPAN("false}\n"));
}

static void add_texts(struct buf *b, const char *key, struct texts t)
{
    struct span text;
    bool first = true;

    buf_span(b, span_of(key));
    if (t.null) {
        buf_lit(b, "null");
        return;
    }
    buf_char(b, '[');
    for (; texts_next(&t, &text); first = false) {
        if (!first)
            buf_char(b, ',');
        lines_text(b, text);
    }
    buf_char(b, ']');
}

void dump_write_user(struct buf *b, const struct user *u)
{
    buf_lit(b, "{\"user\":");
    lines_text(b, u->name);
    add_texts(b, ",\"roles\":", u->roles);
    buf_lit(b, ",\"hash\":");
    lines_text(b, u->hash);
    buf_lit(b, "}\n");
}

void dump_write_role(struct buf *b, const struct role *r)
{
    buf_lit(b, "{\"role\":");
    lines_text(b, r->name);
    add_texts(b, ",\"read\":", r->read);
    add_texts(b, ",\"write\":", r->write);
    buf_lit(b, "}\n");
}

/* Within a string the quotes of the key would be escaped. */
void dump_redact(struct buf *line)
{
    if (!span_starts(buf_as_span(line), SPAN("{\"user\":")))
        return;

    const char *at = memmem(line->ptr, line->len, HASH_KEY, sizeof(HASH_KEY) - 1);

    if (at == NULL)
        return;
    line->len = (size_t)(at - line->ptr);
    buf_lit(line, HASH_KEY "redacted\"}");
}

/* ---- reading ---- */

/* PACKED keeps what OUT points to. */
static bool read_texts(struct line *l, const char *key, struct buf *packed, struct texts *out)
{
    struct buf scratch = {0};

    *out = (struct texts){.n = 0};
    buf_clear(packed);
    if (!line_text(l, key))
        return false;
    if (line_opt(l, "null")) {
        out->null = true;
        return true;
    }

    bool ok = line_text(l, "["), more = ok && !line_opt(l, "]");

    while (ok && more) {
        struct span text;

        ok = line_string(l, &scratch, &text) &&
             (text.len <= LIMIT_PATTERN_BYTES || line_fault(l, "a shorter text"));
        if (!ok)
            break;
        texts_pack(packed, text);
        out->n++;
        more = line_opt(l, ",");
        ok = more || line_text(l, "]");
    }
    out->packed = buf_as_span(packed);
    buf_fini(&scratch);
    return ok;
}

static bool read_name(struct line *l, struct buf *scratch, struct span *out)
{
    return line_string(l, scratch, out) &&
           (out->len <= LIMIT_ACCOUNT_NAME || line_fault(l, "a shorter name"));
}

bool dump_read_auth(struct line *l, struct accounts **out)
{
    bool enabled = line_opt(l, "{\"auth\":true}");

    if (!enabled && !line_text(l, "{\"auth\":false}"))
        return false;
    *out = accounts_new(enabled);
    return true;
}

static bool fits(struct line *l, bool added)
{
    if (!added)
        l->want = NULL;
    return added;
}

bool dump_read_user(struct line *l, struct accounts *a)
{
    struct buf text = {0}, packed = {0}, hash_text = {0};
    struct span name, hash;
    struct texts roles;
    bool ok = line_text(l, "{\"user\":") && read_name(l, &text, &name) &&
              read_texts(l, ",\"roles\":", &packed, &roles) && line_text(l, ",\"hash\":") &&
              line_string(l, &hash_text, &hash) &&
              (hash.len <= LIMIT_HASH_BYTES || line_fault(l, "a shorter hash")) &&
              line_text(l, "}") && fits(l, accounts_add_user(a, name, hash, roles));

    buf_fini(&text);
    buf_fini(&packed);
    buf_fini(&hash_text);
    return ok;
}

bool dump_read_role(struct line *l, struct accounts *a)
{
    struct buf text = {0}, read_packed = {0}, write_packed = {0};
    struct span name;
    struct texts read, write;
    bool ok = line_text(l, "{\"role\":") && read_name(l, &text, &name) &&
              read_texts(l, ",\"read\":", &read_packed, &read) &&
              read_texts(l, ",\"write\":", &write_packed, &write) && line_text(l, "}") &&
              fits(l, accounts_add_role(a, name, read, write));

    buf_fini(&text);
    buf_fini(&read_packed);
    buf_fini(&write_packed);
    return ok;
}
