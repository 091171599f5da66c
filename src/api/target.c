#include "api/target.h"

#include "proto/url.h"

/* "http://host/path" as a proxy would send it: only the path counts. */
static struct span without_authority(struct span raw)
{
    for (size_t i = 0; i + 3 <= raw.len && raw.ptr[i] != '/' && raw.ptr[i] != '?'; i++) {
        if (memcmp(raw.ptr + i, "://", 3) != 0)
            continue;
        raw = span_from(raw, i + 3);
        while (raw.len > 0 && raw.ptr[0] != '/' && raw.ptr[0] != '?')
            raw = span_from(raw, 1);
        return raw.len > 0 && raw.ptr[0] == '/' ? raw : SPAN("/");
    }
    return raw;
}

static void split(struct span raw, struct span *path, struct span *query)
{
    const char *mark = memchr(raw.ptr, '?', raw.len);
    *path = raw;
    *query = (struct span){0};
    if (mark != NULL) {
        path->len = (size_t)(mark - raw.ptr);
        *query = span_from(raw, path->len + 1);
    }
}

/* Headers hold ASCII only: other bytes of the query become lower-case escapes, as in Go's Redirect.
 */
static void add_query(struct buf *b, struct span query)
{
    if (query.len == 0)
        return;
    buf_char(b, '?');
    for (size_t i = 0; i < query.len; i++) {
        if ((unsigned char)query.ptr[i] >= 0x80)
            buf_printf(b, "%%%x", (unsigned)(unsigned char)query.ptr[i]);
        else
            buf_char(b, query.ptr[i]);
    }
}

enum target_kind target_parse(struct span raw, struct target *out)
{
    struct span path, bad;
    *out = (struct target){0};
    if (raw.len == 0)
        return TARGET_BAD;
    split(without_authority(raw), &path, &out->query);
    if (path.len == 0 || path.ptr[0] != '/')
        return TARGET_BAD;
    out->path = path;
    if (memchr(path.ptr, '%', path.len) != NULL) {
        if (!url_unescape(&out->decoded, path, URL_PATH, &bad))
            return TARGET_BAD;
        out->path = buf_as_span(&out->decoded);
    }
    struct buf clean = {0};
    enum target_kind kind = TARGET_CLEAN;
    if (!url_clean_path(&clean, out->path)) {
        url_escape_path(&out->location, buf_as_span(&clean));
        add_query(&out->location, out->query);
        kind = TARGET_REDIRECT;
    }
    buf_fini(&clean);
    return kind;
}

void target_fini(struct target *t)
{
    buf_fini(&t->decoded);
    buf_fini(&t->location);
}

static void add_html(struct buf *b, struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        switch (s.ptr[i]) {
        case '&':
            buf_lit(b, "&amp;");
            break;
        case '<':
            buf_lit(b, "&lt;");
            break;
        case '>':
            buf_lit(b, "&gt;");
            break;
        case '"':
            buf_lit(b, "&#34;");
            break;
        case '\'':
            buf_lit(b, "&#39;");
            break;
        default:
            buf_char(b, s.ptr[i]);
        }
    }
}

void target_page(struct buf *b, struct span location)
{
    buf_lit(b, "<a href=\"");
    add_html(b, location);
    buf_lit(b, "\">Moved Permanently</a>.\n\n");
}
