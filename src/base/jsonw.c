/* jsonw: strings and times as Go's encoding/json writes them. */
#include "base/jsonw.h"

#include "base/clock.h"

#include <stdbool.h>

enum byte_class {
    CLEAN = 0,
    ESCAPED = 1, /* quote, backslash, controls, < > & */
    WIDE = 2,    /* part of a UTF-8 sequence, or invalid */
};

static const unsigned char class_of[256] = {
    [0x00 ... 0x1f] = ESCAPED, ['"'] = ESCAPED, ['\\'] = ESCAPED,       ['<'] = ESCAPED,
    ['>'] = ESCAPED,           ['&'] = ESCAPED, [0x80 ... 0xff] = WIDE,
};

/* The offset of the first byte from AT on that is not clean. */
static size_t skip_clean(const unsigned char *p, size_t at, size_t len)
{
    for (; len - at >= 8; at += 8) {
        const unsigned char *q = p + at;

        if ((class_of[q[0]] | class_of[q[1]] | class_of[q[2]] | class_of[q[3]] | class_of[q[4]] |
             class_of[q[5]] | class_of[q[6]] | class_of[q[7]]) != 0)
            break;
    }
    while (at < len && class_of[p[at]] == CLEAN)
        at++;
    return at;
}

static void add_escape(struct buf *b, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";

    switch (c) {
    case '"':
    case '\\':
        buf_char(b, '\\');
        buf_char(b, (char)c);
        return;
    case '\n':
        buf_lit(b, "\\n");
        return;
    case '\r':
        buf_lit(b, "\\r");
        return;
    case '\t':
        buf_lit(b, "\\t");
        return;
    default:
        buf_lit(b, "\\u00");
        buf_char(b, hex[c >> 4]);
        buf_char(b, hex[c & 15]);
    }
}

static bool is_continuation(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

size_t jsonw_wide_len(const unsigned char *p, size_t left)
{
    unsigned char lead = p[0];
    unsigned char low = 0x80, high = 0xbf;

    if (lead < 0xc2 || lead > 0xf4 || left < 2)
        return 0;
    if (lead == 0xe0)
        low = 0xa0;
    else if (lead == 0xed)
        high = 0x9f;
    else if (lead == 0xf0)
        low = 0x90;
    else if (lead == 0xf4)
        high = 0x8f;
    if (p[1] < low || p[1] > high)
        return 0;
    if (lead < 0xe0)
        return 2;
    if (left < 3 || !is_continuation(p[2]))
        return 0;
    if (lead < 0xf0)
        return 3;
    return left >= 4 && is_continuation(p[3]) ? 4 : 0;
}

void jsonw_str(struct buf *b, struct span s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    size_t run = 0; /* first byte not yet written */
    size_t at = 0;

    buf_reserve(b, s.len + 2);
    buf_char(b, '"');
    while ((at = skip_clean(p, at, s.len)) < s.len) {
        size_t n = 1;

        if (class_of[p[at]] == WIDE) {
            n = jsonw_wide_len(p + at, s.len - at);

            bool separator =
                n == 3 && p[at] == 0xe2 && p[at + 1] == 0x80 && (p[at + 2] | 1) == 0xa9;

            if (n > 0 && !separator) {
                at += n;
                continue;
            }
        }
        buf_span(b, span_from((struct span){s.ptr, at}, run));
        if (class_of[p[at]] == ESCAPED) {
            add_escape(b, p[at]);
        } else if (n == 0) {
            buf_lit(b, "\\ufffd");
            n = 1;
        } else {
            buf_lit(b, "\\u202");
            buf_char(b, p[at + 2] == 0xa8 ? '8' : '9');
        }
        at += n;
        run = at;
    }
    buf_span(b, span_from(s, run));
    buf_char(b, '"');
}

/* Writes V as exactly N digits. */
static void add_digits(struct buf *b, uint64_t v, size_t n)
{
    buf_reserve(b, n);
    for (size_t i = n; i-- > 0; v /= 10)
        b->ptr[b->len + i] = (char)('0' + v % 10);
    b->len += n;
}

void jsonw_utc(struct buf *b, int64_t wall_ns, unsigned digits)
{
    CP_ASSERT(digits <= 9);

    int64_t second = wall_ns / NS_PER_S;
    int64_t fraction = wall_ns % NS_PER_S;

    if (fraction < 0) {
        fraction += NS_PER_S;
        second--;
    }

    int64_t day = second / 86400;
    int64_t of_day = second % 86400;

    if (of_day < 0) {
        of_day += 86400;
        day--;
    }

    /* Civil date from days: years begin in March, so that the leap day is the last one; eras of 400
     * years. All values are positive, as 64 bit nanoseconds reach back to 1677 only. */
    uint64_t shifted = (uint64_t)(day + 719468);
    uint64_t era = shifted / 146097;
    uint64_t of_era = shifted % 146097;
    uint64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint64_t march_month = (5 * of_year + 2) / 153;
    uint64_t month = march_month < 10 ? march_month + 3 : march_month - 9;

    add_digits(b, year_of_era + era * 400 + (month <= 2), 4);
    buf_char(b, '-');
    add_digits(b, month, 2);
    buf_char(b, '-');
    add_digits(b, of_year - (153 * march_month + 2) / 5 + 1, 2);
    buf_char(b, 'T');
    add_digits(b, (uint64_t)of_day / 3600, 2);
    buf_char(b, ':');
    add_digits(b, (uint64_t)of_day / 60 % 60, 2);
    buf_char(b, ':');
    add_digits(b, (uint64_t)of_day % 60, 2);
    if (digits > 0) {
        uint64_t shown = (uint64_t)fraction;

        for (unsigned i = digits; i < 9; i++)
            shown /= 10;
        buf_char(b, '.');
        add_digits(b, shown, digits);
    }
    buf_char(b, 'Z');
}

void jsonw_time(struct buf *b, int64_t wall_ns)
{
    int64_t fraction = wall_ns % NS_PER_S;
    unsigned digits = fraction == 0 ? 0 : 9;

    while (digits > 0 && fraction % 10 == 0) {
        fraction /= 10;
        digits--;
    }
    buf_char(b, '"');
    jsonw_utc(b, wall_ns, digits);
    buf_char(b, '"');
}
