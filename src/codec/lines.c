#include "codec/lines.h"

#include "base/jsonw.h"

#include <inttypes.h>

#define EVERY(byte) (UINT64_C(0x0101010101010101) * (byte))

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* The first byte that is not plain ASCII that a JSON string holds as it is. Eight at a time: the
 * high bit of a byte in the mask says that it is not; a borrow may set it in bytes behind the first
 * such one too, which are looked at one by one. */
static const char *skip_plain(const char *at, const char *end)
{
    for (; end - at >= 8; at += 8) {
        uint64_t w;
        memcpy(&w, at, sizeof(w));

        uint64_t quote = w ^ EVERY('"'), slash = w ^ EVERY('\\');
        uint64_t odd = (w - EVERY(0x20)) | (quote - EVERY(1)) | (slash - EVERY(1)) | w;

        if ((odd & EVERY(0x80)) != 0)
            break;
    }
    while (at < end && is_plain((unsigned char)*at))
        at++;
    return at;
}

bool lines_is_text(struct span s)
{
    if (s.len == 0)
        return true;

    const char *at = s.ptr, *end = s.ptr + s.len;

    while ((at = skip_plain(at, end)) < end) {
        size_t n = 1;

        if ((unsigned char)*at >= 0x80)
            n = jsonw_wide_len((const unsigned char *)at, (size_t)(end - at));
        if (n == 0)
            return false;
        at += n;
    }
    return true;
}

static const char hex_digits[] = "0123456789abcdef";

static void add_escape(struct buf *b, unsigned char c)
{
    const char *pair = c == '"'    ? "\\\""
                       : c == '\\' ? "\\\\"
                       : c == '\n' ? "\\n"
                       : c == '\r' ? "\\r"
                       : c == '\t' ? "\\t"
                                   : NULL;

    if (pair != NULL) {
        buf_add(b, pair, 2);
        return;
    }
    buf_lit(b, "\\u00");
    buf_char(b, hex_digits[c >> 4]);
    buf_char(b, hex_digits[c & 15]);
}

void lines_text(struct buf *b, struct span s)
{
    const char *at = s.ptr, *end = s.len > 0 ? s.ptr + s.len : s.ptr;

    buf_char(b, '"');
    while (at < end) {
        const char *stop = skip_plain(at, end);

        while (stop < end && (unsigned char)*stop >= 0x80)
            stop++;
        buf_add(b, at, (size_t)(stop - at));
        at = stop;
        if (at < end && !is_plain((unsigned char)*at))
            add_escape(b, (unsigned char)*at++);
    }
    buf_char(b, '"');
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void lines_base64(struct buf *b, struct span s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;

    buf_reserve(b, (s.len + 2) / 3 * 4 + 2);
    buf_char(b, '"');
    for (size_t i = 0; i < s.len; i += 3) {
        size_t left = s.len - i;
        uint32_t w = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                     (left > 2 ? p[i + 2] : 0);

        buf_char(b, base64_digits[w >> 18]);
        buf_char(b, base64_digits[w >> 12 & 63]);
        buf_char(b, left > 1 ? base64_digits[w >> 6 & 63] : '=');
        buf_char(b, left > 2 ? base64_digits[w & 63] : '=');
    }
    buf_char(b, '"');
}

void lines_bytes(struct buf *b, struct span s)
{
    buf_reserve(b, s.len + 4);
    if (s.len == 0 || skip_plain(s.ptr, s.ptr + s.len) == s.ptr + s.len) {
        buf_lit(b, "\":\"");
        buf_span(b, s);
        buf_char(b, '"');
    } else if (lines_is_text(s)) {
        buf_lit(b, "\":");
        lines_text(b, s);
    } else {
        buf_lit(b, "64\":");
        lines_base64(b, s);
    }
}

void lines_hex(struct buf *b, uint64_t v, unsigned digits)
{
    buf_char(b, '"');
    while (digits-- > 0)
        buf_char(b, hex_digits[v >> 4 * digits & 15]);
    buf_char(b, '"');
}

void lines_end(struct buf *b, const struct lines_sums *s)
{
    buf_printf(b,
               "{\"end\":%" PRIu64 ",\"files\":%" PRIu64 ",\"dirs\":%" PRIu64 ",\"bytes\":%" PRIu64
               ",\"events\":%" PRIu64 ",\"crc32c\":",
               s->lines, s->files, s->dirs, s->bytes, s->events);
    lines_hex(b, s->crc, 8);
    buf_lit(b, "}\n");
}

bool lines_is_object(struct span json)
{
    if (json.len < 3 || json.ptr[0] != '{' || json.ptr[json.len - 2] != '}' ||
        json.ptr[json.len - 1] != '\n')
        return false;
    json.len--;
    for (size_t i = 0; i < json.len; i++) {
        if ((unsigned char)json.ptr[i] < 0x20)
            return false;
    }
    return lines_is_text(json);
}

bool line_fault(struct line *l, const char *want)
{
    l->want = want;
    return false;
}

bool line_skip(struct line *l, struct span text)
{
    if ((size_t)(l->end - l->at) < text.len || memcmp(l->at, text.ptr, text.len) != 0)
        return false;
    l->at += text.len;
    return true;
}

bool line_text(struct line *l, const char *text)
{
    return line_skip(l, span_of(text)) || line_fault(l, text);
}

bool line_u64(struct line *l, uint64_t *out)
{
    const char *from = l->at;
    uint64_t v = 0;

    for (; l->at < l->end && *l->at >= '0' && *l->at <= '9'; l->at++) {
        uint64_t digit = (uint64_t)(*l->at - '0');

        if (v > (UINT64_MAX - digit) / 10)
            return line_fault(l, "a number of 64 bits");
        v = v * 10 + digit;
    }
    if (l->at == from || (*from == '0' && l->at - from > 1))
        return line_fault(l, "a number");
    *out = v;
    return true;
}

bool line_i64(struct line *l, int64_t *out)
{
    bool negative = line_opt(l, "-");
    uint64_t v;

    if (!line_u64(l, &v))
        return false;
    if (v > (uint64_t)INT64_MAX + negative || (negative && v == 0))
        return line_fault(l, "a signed number of 64 bits");
    *out = (int64_t)(negative ? -v : v);
    return true;
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool line_hex(struct line *l, unsigned digits, uint64_t *out)
{
    uint64_t v = 0;

    if (!line_text(l, "\""))
        return false;
    for (unsigned i = 0; i < digits; i++, l->at++) {
        int digit = l->at < l->end ? hex_value(*l->at) : -1;

        if (digit < 0)
            return line_fault(l, "hexadecimal digits");
        v = v << 4 | (uint64_t)digit;
    }
    *out = v;
    return line_text(l, "\"");
}

/* Behind the backslash; gives the byte that is meant, or -1. */
static int escaped(struct line *l)
{
    char c = l->at < l->end ? *l->at++ : '\0';

    switch (c) {
    case '"':
    case '\\':
        return c;
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'u':
        break;
    default:
        return -1;
    }
    if (l->end - l->at < 4 || l->at[0] != '0' || l->at[1] != '0')
        return -1;

    int high = hex_value(l->at[2]), low = hex_value(l->at[3]);
    int byte = high * 16 + low;

    l->at += 4;
    if (high < 0 || high > 1 || low < 0 || byte == '\n' || byte == '\r' || byte == '\t')
        return -1;
    return byte;
}

/* Behind the opening quote, at the first byte that is not plain. */
static bool string_slow(struct line *l, const char *from, struct buf *scratch, struct span *out)
{
    buf_clear(scratch);
    for (;;) {
        buf_add(scratch, from, (size_t)(l->at - from));
        if (l->at == l->end)
            return line_fault(l, "the end of a string");

        unsigned char c = (unsigned char)*l->at;

        from = l->at;
        if (c == '"') {
            l->at++;
            *out = buf_as_span(scratch);
            return true;
        }
        if (c == '\\') {
            l->at++;

            int byte = escaped(l);

            if (byte < 0)
                return line_fault(l, "an escape");
            buf_char(scratch, (char)byte);
            from = l->at;
        } else if (c < 0x20) {
            return line_fault(l, "no control byte");
        } else {
            size_t n = jsonw_wide_len((const unsigned char *)l->at, (size_t)(l->end - l->at));

            if (n == 0)
                return line_fault(l, "UTF-8");
            l->at += n;
        }
        l->at = skip_plain(l->at, l->end);
    }
}

bool line_string(struct line *l, struct buf *scratch, struct span *out)
{
    if (!line_text(l, "\""))
        return false;

    const char *from = l->at;

    l->at = skip_plain(from, l->end);
    if (l->at == l->end || *l->at != '"')
        return string_slow(l, from, scratch, out);
    *out = span_make(from, (size_t)(l->at - from));
    l->at++;
    return true;
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four digits, the last one or two of which may be padding: appends one to three bytes. */
static bool base64_group(const char *four, struct buf *out)
{
    unsigned pad = four[3] != '=' ? 0 : four[2] != '=' ? 1 : 2;
    uint32_t w = 0;

    for (unsigned i = 0; i < 4; i++) {
        int v = i < 4 - pad ? base64_value(four[i]) : 0;

        if (v < 0)
            return false;
        w = w << 6 | (uint32_t)v;
    }
    if ((w & ((1u << 8 * pad) - 1)) != 0)
        return false; /* bits that no byte has */
    for (unsigned i = 0; i < 3 - pad; i++)
        buf_char(out, (char)(w >> (16 - 8 * i) & 0xff));
    return true;
}

bool line_base64(struct line *l, struct buf *scratch, struct span *out)
{
    if (!line_text(l, "\""))
        return false;

    const char *quote = memchr(l->at, '"', (size_t)(l->end - l->at));

    if (quote == NULL || (quote - l->at) % 4 != 0)
        return line_fault(l, "base64");
    buf_clear(scratch);
    buf_reserve(scratch, (size_t)(quote - l->at) / 4 * 3);
    for (; l->at < quote; l->at += 4) {
        bool last = quote - l->at == 4;

        if ((!last && l->at[3] == '=') || !base64_group(l->at, scratch))
            return line_fault(l, "base64");
    }
    *out = buf_as_span(scratch);
    l->at++;
    return true;
}

bool line_bytes(struct line *l, struct buf *scratch, struct span *out)
{
    if (!line_opt(l, "64\":"))
        return line_text(l, "\":") && line_string(l, scratch, out);
    if (!line_base64(l, scratch, out))
        return false;
    return !lines_is_text(*out) || line_fault(l, "text, which is not written as base64");
}

bool line_action(struct line *line, enum v2_action *out)
{
    for (unsigned a = V2_GET; a <= V2_EXPIRE; a++) {
        struct line ahead = *line;

        if (line_skip(&ahead, span_of(v2_action_name((enum v2_action)a))) &&
            line_opt(&ahead, "\"")) {
            *line = ahead;
            *out = (enum v2_action)a;
            return true;
        }
    }
    return line_fault(line, "the name of an action");
}
