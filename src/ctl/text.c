/* text: see text.h. */
#include "ctl/text.h"

#include <string.h>

/* Length of the UTF-8 sequence at S (1 to 4), 0 if it is not one; *rune is its value. */
static size_t utf8_next(struct span s, uint32_t *rune)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)s.ptr[0];
    size_t n = first < 0x80   ? 1
               : first < 0xc2 ? 0
               : first < 0xe0 ? 2
               : first < 0xf0 ? 3
               : first < 0xf5 ? 4
                              : 0;

    if (n == 0 || n > s.len)
        return 0;
    *rune = n == 1 ? first : first & (0x7fU >> n);
    for (size_t i = 1; i < n; i++) {
        unsigned char c = (unsigned char)s.ptr[i];

        if ((c & 0xc0) != 0x80)
            return 0;
        *rune = *rune << 6 | (c & 0x3fU);
    }
    if (*rune < least[n] || *rune > 0x10ffff || (*rune >= 0xd800 && *rune < 0xe000))
        return 0;
    return n;
}

/* What Go calls printable, as far as it matters on a command line: no controls, no odd spaces, no
 * marks of order. */
static bool is_printable(uint32_t rune)
{
    if (rune < 0x20 || (rune >= 0x7f && rune <= 0xa0) || rune == 0xad)
        return false;
    return !(rune >= 0x2000 && rune <= 0x200f) && !(rune >= 0x2028 && rune <= 0x202f) &&
           !(rune >= 0x205f && rune <= 0x206f) && rune != 0x3000 && rune != 0xfeff &&
           !(rune >= 0xe000 && rune <= 0xf8ff);
}

static void quote_rune(struct buf *out, uint32_t rune)
{
    static const char names[] = "abtnvfr"; /* 7 to 13 */

    if (rune >= 7 && rune <= 13) {
        buf_char(out, '\\');
        buf_char(out, names[rune - 7]);
    } else if (rune < 0x80) {
        buf_printf(out, "\\x%02x", rune);
    } else {
        buf_printf(out, rune < 0x10000 ? "\\u%04x" : "\\U%08x", rune);
    }
}

void text_quote(struct buf *out, struct span s)
{
    buf_char(out, '"');
    while (s.len > 0) {
        uint32_t rune = 0;
        size_t n = utf8_next(s, &rune);

        if (n == 0) {
            buf_printf(out, "\\x%02x", (unsigned char)s.ptr[0]);
            n = 1;
        } else if (rune == '"' || rune == '\\') {
            buf_char(out, '\\');
            buf_char(out, (char)rune);
        } else if (is_printable(rune)) {
            buf_add(out, s.ptr, n);
        } else {
            quote_rune(out, rune);
        }
        s = span_from(s, n);
    }
    buf_char(out, '"');
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 99;
}

static unsigned take_base(const char **s)
{
    if (**s != '0' || (*s)[1] == '\0')
        return 10;

    char mark = (char)((*s)[1] | 0x20);

    *s += mark == 'x' || mark == 'o' || mark == 'b' ? 2 : 1;
    return mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
}

enum text_number text_int(const char *s, int64_t *out)
{
    bool negative = *s == '-';
    bool over = false;
    uint64_t v = 0;

    if (*s == '-' || *s == '+')
        s++;

    unsigned base = take_base(&s);

    if (*s == '\0')
        return TEXT_SYNTAX;
    for (; *s != '\0'; s++) {
        int digit = digit_value(*s);

        if (digit >= (int)base)
            return TEXT_SYNTAX;
        over = over || __builtin_mul_overflow(v, (uint64_t)base, &v) ||
               __builtin_add_overflow(v, (uint64_t)digit, &v);
    }
    if (over || v > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return TEXT_RANGE;
    *out = negative ? (int64_t)(0 - v) : (int64_t)v;
    return TEXT_OK;
}

static size_t take_unit(const char *s, double *unit_ns)
{
    static const struct {
        const char *name;
        double ns;
    } units[] = {
        {"ns", 1},   {"us", 1e3}, {"\302\265s", 1e3}, {"\316\274s", 1e3},
        {"ms", 1e6}, {"s", 1e9},  {"m", 60e9},        {"h", 3600e9},
    };

    /* The longer names stand before those they begin with. */
    for (size_t i = 0; i < CP_COUNT(units); i++) {
        size_t n = strlen(units[i].name);

        if (strncmp(s, units[i].name, n) == 0) {
            *unit_ns = units[i].ns;
            return n;
        }
    }
    return 0;
}

bool text_duration(const char *s, int64_t *out_ns)
{
    bool negative = *s == '-';
    double total = 0;

    if (*s == '-' || *s == '+')
        s++;
    if (strcmp(s, "0") == 0) {
        *out_ns = 0;
        return true;
    }
    if (*s == '\0')
        return false;
    while (*s != '\0') {
        double number = 0, place = 1, unit_ns = 0;
        size_t digits = 0;

        for (; *s >= '0' && *s <= '9'; s++, digits++)
            number = number * 10 + (*s - '0');
        if (*s == '.') {
            for (s++; *s >= '0' && *s <= '9'; s++, digits++)
                number += (*s - '0') * (place /= 10);
        }

        size_t n = take_unit(s, &unit_ns);

        if (digits == 0 || n == 0)
            return false;
        s += n;
        total += number * unit_ns;
        if (total > 9.2e18)
            return false;
    }
    *out_ns = negative ? -(int64_t)(total + 0.5) : (int64_t)(total + 0.5);
    return true;
}
