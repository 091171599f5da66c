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
        return raw;
    }
    return raw;
}

static void split(struct span raw, struct span *path, struct span *query)
{
    const char *mark = raw.len > 0 ? memchr(raw.ptr, '?', raw.len) : NULL;
    *path = raw;
    *query = (struct span){0};
    if (mark != NULL) {
        path->len = (size_t)(mark - raw.ptr);
        *query = span_from(raw, path->len + 1);
    }
}

/* Is PATH its own clean form? Nearly every one is: no need to build it then. */
static bool is_clean(struct span path)
{
    for (size_t i = 0; i + 1 < path.len; i++) {
        if (path.ptr[i] != '/')
            continue;
        size_t dots = 0;
        while (i + 1 + dots < path.len && dots < 3 && path.ptr[i + 1 + dots] == '.')
            dots++;
        bool ends = i + 1 + dots == path.len || path.ptr[i + 1 + dots] == '/';
        if (ends && dots < 3) /* nothing, "." or ".." between two slashes */
            return false;
    }
    return path.len > 0;
}

enum target_kind target_parse(struct span raw, struct target *out)
{
    struct span path, bad;
    *out = (struct target){0};
    struct span local = without_authority(raw);
    split(local, &path, &out->query);
    /* behind an authority the path may be empty: the cleaning makes it "/" */
    if (path.len > 0 ? path.ptr[0] != '/' : local.len == raw.len)
        return TARGET_BAD;
    out->path = path;
    if (path.len > 0 && memchr(path.ptr, '%', path.len) != NULL) {
        if (!url_unescape(&out->decoded, path, URL_PATH, &bad))
            return TARGET_BAD;
        out->path = buf_as_span(&out->decoded);
    }
    if (is_clean(out->path))
        return TARGET_CLEAN;
    struct buf clean = {0};
    bool same = url_clean_path(&clean, out->path);
    CP_ASSERT(!same);
    url_escape_path(&out->location, buf_as_span(&clean));
    if (out->query.len > 0) {
        buf_char(&out->location, '?');
        buf_span(&out->location, out->query);
    }
    buf_fini(&clean);
    return TARGET_REDIRECT;
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

/* Headers hold ASCII only: other bytes become lower-case escapes, as in Go's Redirect. */
void target_header(struct buf *b, struct span location)
{
    for (size_t i = 0; i < location.len; i++) {
        if ((unsigned char)location.ptr[i] >= 0x80)
            buf_printf(b, "%%%x", (unsigned)(unsigned char)location.ptr[i]);
        else
            buf_char(b, location.ptr[i]);
    }
}

void target_page(struct buf *b, struct span location)
{
    buf_lit(b, "<a href=\"");
    add_html(b, location);
    buf_lit(b, "\">Moved Permanently</a>.\n\n");
}
