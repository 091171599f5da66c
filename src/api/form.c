#include "api/form.h"

#include "api/mime.h"
#include "proto/limits.h"
#include "proto/url.h"

const struct span form_text[FORM_COUNT] = {
#define X(name, text) SPAN(text),
    FORM_NAMES(X)
#undef X
};

/* The bytes that Go's strconv.Quote would show otherwise; a name cut off by an escape is three
 * bytes at most, so runes above U+07FF cannot occur. */
static void quote(struct buf *b, struct span s)
{
    static const char plain[] = "abfnrtv", escaped[] = "\a\b\f\n\r\t\v";
    buf_char(b, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        unsigned char next = i + 1 < s.len ? (unsigned char)s.ptr[i + 1] : 0;
        const char *at = c != 0 ? strchr(escaped, (char)c) : NULL;
        if (c == '"' || c == '\\') {
            buf_char(b, '\\');
            buf_char(b, (char)c);
        } else if (at != NULL) {
            buf_char(b, '\\');
            buf_char(b, plain[at - escaped]);
        } else if (c >= 0x20 && c < 0x7f) {
            buf_char(b, (char)c);
        } else if (c >= 0xc2 && c <= 0xdf && (next & 0xc0) == 0x80) {
            unsigned rune = (c & 0x1fu) << 6 | (next & 0x3fu);
            if (rune <= 0xa0 || rune == 0xad)
                buf_printf(b, "\\u%04x", rune);
            else
                buf_add(b, s.ptr + i, 2);
            i++;
        } else {
            buf_printf(b, "\\x%02x", c);
        }
    }
    buf_char(b, '"');
}

/* Where the pairs of one request go. */
struct reading {
    struct form *form;
    struct buf *scratch;
    size_t room; /* no decoding of the whole request takes more */
    size_t pairs;
    bool semicolon;
    struct span bad; /* the first bad escape; ptr NULL: none */
};

/* Decodes S; borrows it when there is nothing to decode. */
static bool decode(struct reading *r, struct span s, struct span *out, struct span *bad)
{
    struct buf *scratch = r->scratch;
    if (memchr(s.ptr, '%', s.len) == NULL && memchr(s.ptr, '+', s.len) == NULL) {
        *out = s;
        return true;
    }
    if (scratch->cap == 0)
        buf_reserve(scratch, r->room); /* it never moves: the spans into it stay good */
    size_t at = scratch->len;
    if (!url_unescape(scratch, s, URL_QUERY, bad))
        return false;
    *out = span_from(buf_as_span(scratch), at);
    return true;
}

static enum form_name find(struct span name)
{
    unsigned i = 0;
    while (i < FORM_COUNT && !span_eq(form_text[i], name))
        i++;
    return (enum form_name)i;
}

static void take_pair(struct reading *r, struct url_pair pair)
{
    struct span name, value, bad;
    size_t kept = r->scratch->len;
    if (memchr(pair.name.ptr, ';', pair.name.len) != NULL ||
        (pair.value.len > 0 && memchr(pair.value.ptr, ';', pair.value.len) != NULL)) {
        r->semicolon = true;
        return;
    }
    if (!decode(r, pair.name, &name, &bad)) {
        r->bad = r->bad.ptr != NULL ? r->bad : bad;
        return;
    }
    enum form_name which = find(name);
    r->scratch->len = kept; /* the name has done its work */
    if (!decode(r, pair.value, &value, &bad)) {
        r->bad = r->bad.ptr != NULL ? r->bad : bad;
        return;
    }
    if (which == FORM_COUNT || form_has(r->form, which))
        r->scratch->len = kept;
    else
        r->form->value[which] = value;
}

/* One source of pairs. A semicolon anywhere outdoes a bad escape before it, as in Go. */
static bool read_pairs(struct reading *r, struct span pairs, struct buf *cause)
{
    for (struct url_pair pair; url_next_pair(&pairs, &pair);) {
        if (r->pairs++ == LIMIT_PARAMS) {
            buf_lit(cause, "too many parameters");
            return false;
        }
        take_pair(r, pair);
    }
    if (r->semicolon) {
        buf_lit(cause, "invalid semicolon separator in query");
        return false;
    }
    if (r->bad.ptr != NULL) {
        buf_lit(cause, "invalid URL escape ");
        quote(cause, r->bad);
        return false;
    }
    return true;
}

static bool read_body(struct reading *r, const struct api_request *rq, struct buf *cause)
{
    bool is_form;
    const char *wrong = mime_parse(rq->content_type, &is_form);
    /* quirk: any other type is not an error, its bytes are as if they had not come (content-types,
     * multipart) */
    if (is_form && rq->body_too_large)
        wrong = "http: POST too large";
    if (wrong != NULL) {
        buf_span(cause, span_of(wrong));
        return false;
    }
    return !is_form || read_pairs(r, rq->body, cause);
}

bool form_read(const struct api_request *rq, struct span query, struct form *out,
               struct buf *scratch, struct buf *cause)
{
    bool has_body = rq->method == V2_M_PUT || rq->method == V2_M_POST;
    struct reading r = {
        .form = out,
        .scratch = scratch,
        .room = query.len + (has_body ? rq->body.len : 0),
    };
    *out = (struct form){0};
    if (has_body && !read_body(&r, rq, cause))
        return false;
    return read_pairs(&r, query, cause);
}
