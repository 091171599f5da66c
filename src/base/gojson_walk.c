/* gojson_walk: no tree is built: the caller takes what it wants as it comes by. */
#include "base/gojson_walk.h"

#include "base/jsonw.h"

#include <stdint.h>

#define REPLACEMENT 0xfffd

static char ahead(const struct gojson_walk *w)
{
    CP_ASSERT(w->rest.len > 0); /* the text is whole */
    return w->rest.ptr[0];
}

static void pass(struct gojson_walk *w, size_t n)
{
    w->rest = span_from(w->rest, n);
}

static void pass_blanks(struct gojson_walk *w)
{
    while (w->rest.len > 0 && memchr(" \t\r\n", w->rest.ptr[0], 4) != NULL)
        pass(w, 1);
}

enum gojson_kind gojson_kind(struct gojson_walk *w)
{
    pass_blanks(w);
    switch (ahead(w)) {
    case '{':
        return GOJSON_OBJECT;
    case '[':
        return GOJSON_ARRAY;
    case '"':
        return GOJSON_STRING;
    case 't':
    case 'f':
        return GOJSON_BOOL;
    case 'n':
        return GOJSON_NULL;
    default:
        return GOJSON_NUMBER;
    }
}

const char *gojson_kind_name(enum gojson_kind kind)
{
    static const char *const names[] = {
        [GOJSON_NULL] = "null",     [GOJSON_BOOL] = "bool",   [GOJSON_NUMBER] = "number",
        [GOJSON_STRING] = "string", [GOJSON_ARRAY] = "array", [GOJSON_OBJECT] = "object",
    };
    return names[kind];
}

static void skip_string(struct gojson_walk *w)
{
    for (pass(w, 1); ahead(w) != '"'; pass(w, 1))
        if (ahead(w) == '\\')
            pass(w, 1);
    pass(w, 1);
}

void gojson_skip(struct gojson_walk *w)
{
    size_t open = 0;
    pass_blanks(w);
    do {
        char c = ahead(w);
        if (c == '"') {
            skip_string(w);
            continue;
        }
        if (c == '{' || c == '[') {
            open++;
        } else if (c == '}' || c == ']') {
            open--;
        } else if (open == 0) { /* a number or a word: up to what may stand behind it */
            while (w->rest.len > 0 && memchr(",]} \t\r\n", w->rest.ptr[0], 7) == NULL)
                pass(w, 1);
            return;
        }
        pass(w, 1);
    } while (open > 0);
}

/* The number of \uXXXX ahead; UINT32_MAX when something else is there. */
static uint32_t escaped_unit(struct span s)
{
    uint32_t unit = 0;
    if (s.len < 6 || s.ptr[0] != '\\' || s.ptr[1] != 'u')
        return UINT32_MAX;
    for (size_t i = 2; i < 6; i++) {
        uint32_t c = (unsigned char)s.ptr[i];
        unit = unit << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return unit;
}

static void add_utf8(struct buf *b, uint32_t rune)
{
    if (rune < 0x80) {
        buf_char(b, (char)rune);
        return;
    }
    if (rune < 0x800) {
        buf_char(b, (char)(0xc0 | rune >> 6));
    } else {
        if (rune < 0x10000) {
            buf_char(b, (char)(0xe0 | rune >> 12));
        } else {
            buf_char(b, (char)(0xf0 | rune >> 18));
            buf_char(b, (char)(0x80 | (rune >> 12 & 0x3f)));
        }
        buf_char(b, (char)(0x80 | (rune >> 6 & 0x3f)));
    }
    buf_char(b, (char)(0x80 | (rune & 0x3f)));
}

static void read_escape(struct gojson_walk *w, struct buf *out)
{
    static const char letters[] = "bfnrt", bytes[] = "\b\f\n\r\t";
    char c = w->rest.ptr[1];
    if (c != 'u') {
        const char *at = memchr(letters, c, sizeof(letters) - 1);
        buf_char(out, at != NULL ? bytes[at - letters] : c);
        pass(w, 2);
        return;
    }
    uint32_t rune = escaped_unit(w->rest);
    pass(w, 6);
    if (rune >= 0xd800 && rune < 0xe000) {
        uint32_t low = escaped_unit(w->rest);
        if (rune < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
            rune = 0x10000 + ((rune - 0xd800) << 10) + (low - 0xdc00);
            pass(w, 6);
        } else {
            rune = REPLACEMENT;
        }
    }
    add_utf8(out, rune);
}

/* The character ahead, which is no escape. */
static void read_plain(struct gojson_walk *w, struct buf *out)
{
    const unsigned char *p = (const unsigned char *)w->rest.ptr;
    size_t n = p[0] < 0x80 ? 1 : jsonw_wide_len(p, w->rest.len);
    if (n > 0)
        buf_add(out, p, n);
    else
        add_utf8(out, REPLACEMENT);
    pass(w, n > 0 ? n : 1);
}

void gojson_string(struct gojson_walk *w, struct buf *out)
{
    pass_blanks(w);
    CP_ASSERT(ahead(w) == '"');
    pass(w, 1);
    while (ahead(w) != '"') {
        if (ahead(w) == '\\')
            read_escape(w, out);
        else
            read_plain(w, out);
    }
    pass(w, 1);
}

void gojson_enter(struct gojson_walk *w)
{
    pass_blanks(w);
    CP_ASSERT(ahead(w) == '[' || ahead(w) == '{');
    pass(w, 1);
}

bool gojson_next_item(struct gojson_walk *w)
{
    pass_blanks(w);
    bool more = ahead(w) != ']' && ahead(w) != '}';
    if (!more || ahead(w) == ',')
        pass(w, 1);
    return more;
}

bool gojson_next_member(struct gojson_walk *w, struct buf *name)
{
    if (!gojson_next_item(w))
        return false;
    buf_clear(name);
    gojson_string(w, name);
    pass_blanks(w);
    CP_ASSERT(ahead(w) == ':');
    pass(w, 1);
    return true;
}
