/* url: the parts of Go's net/url, path and net/http that v2's keys and parameters go through. */
#include "proto/url.h"

#include <stdbool.h>

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool url_unescape(struct buf *out, struct span s, enum url_mode mode, struct span *bad)
{
    size_t before = out->len;

    buf_reserve(out, s.len);
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (c == '%') {
            size_t left = s.len - i;
            int high = left > 2 ? hex_value(s.ptr[i + 1]) : -1;
            int low = left > 2 ? hex_value(s.ptr[i + 2]) : -1;

            if (high < 0 || low < 0) {
                *bad = span_make(s.ptr + i, left < 3 ? left : 3);
                out->len = before;
                return false;
            }
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && mode == URL_QUERY) {
            c = ' ';
        }
        out->ptr[out->len++] = c;
    }
    return true;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

static void add_escaped(struct buf *out, char c)
{
    static const char hex[] = "0123456789ABCDEF";
    unsigned char u = (unsigned char)c;

    buf_char(out, '%');
    buf_char(out, hex[u >> 4]);
    buf_char(out, hex[u & 15]);
}

void url_escape_path(struct buf *out, struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        /* NUL is found by strchr, as the end of the string. */
        if (is_unreserved(c) || (c != '\0' && strchr("$&+,/:;=@", c) != NULL))
            buf_char(out, c);
        else
            add_escaped(out, c);
    }
}

void url_escape_query(struct buf *out, struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (is_unreserved(c))
            buf_char(out, c);
        else if (c == ' ')
            buf_char(out, '+');
        else
            add_escaped(out, c);
    }
}

/* Offset of C in S, or the length of S. */
static size_t find(struct span s, char c)
{
    const char *at = s.len > 0 ? memchr(s.ptr, c, s.len) : NULL;

    return at != NULL ? (size_t)(at - s.ptr) : s.len;
}

bool url_next_pair(struct span *rest, struct url_pair *pair)
{
    while (rest->len > 0) {
        size_t end = find(*rest, '&');
        struct span one = {rest->ptr, end};

        *rest = span_from(*rest, end < rest->len ? end + 1 : end);
        if (one.len == 0)
            continue;

        size_t equals = find(one, '=');

        pair->name = (struct span){one.ptr, equals};
        pair->value = span_from(one, equals < one.len ? equals + 1 : equals);
        return true;
    }
    return false;
}

/* Takes the last component off what was appended to OUT from START on. */
static void drop_component(struct buf *out, size_t start)
{
    while (out->len > start && out->ptr[out->len - 1] != '/')
        out->len--;
    if (out->len > start)
        out->len--;
}

bool url_clean_path(struct buf *out, struct span s)
{
    size_t start = out->len;

    for (size_t at = 0; at < s.len;) {
        struct span name = span_from(s, at);

        name.len = find(name, '/');
        at += name.len + 1;
        if (name.len == 0 || span_eq(name, SPAN(".")))
            continue;
        if (span_eq(name, SPAN(".."))) {
            drop_component(out, start);
            continue;
        }
        buf_char(out, '/');
        buf_span(out, name);
    }
    /* The root; or a trailing slash, which is kept. */
    if (out->len == start || s.ptr[s.len - 1] == '/')
        buf_char(out, '/');
    return span_eq(span_from(buf_as_span(out), start), s);
}
