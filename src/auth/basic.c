#include "auth/basic.h"

#include <stdint.h>
#include <strings.h>

#define SCHEME "Basic "

static int digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Go's base64.StdEncoding: padded, newlines passed over, bits behind the last byte may be set. */
static bool decode(struct span s, struct buf *out)
{
    uint32_t bits = 0;
    unsigned digits = 0, pads = 0;

    buf_reserve(out, s.len / 4 * 3 + 3);
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        int v = digit(c);

        if (c == '\r' || c == '\n')
            continue;
        if (c == '=') {
            if (digits % 4 < 2 || ++pads > 4 - digits % 4)
                return false;
            continue;
        }
        if (v < 0 || pads > 0)
            return false;
        bits = bits << 6 | (uint32_t)v;
        if (++digits % 4 == 0) {
            buf_char(out, (char)(bits >> 16 & 0xff));
            buf_char(out, (char)(bits >> 8 & 0xff));
            buf_char(out, (char)(bits & 0xff));
        }
    }
    if (digits % 4 + pads != (pads > 0 ? 4 : 0))
        return false;
    if (pads > 0)
        buf_char(out, (char)(bits >> (pads == 2 ? 4 : 10) & 0xff));
    if (pads == 1)
        buf_char(out, (char)(bits >> 2 & 0xff));
    return true;
}

bool basic_parse(struct span header, struct buf *scratch, struct span *user, struct span *password)
{
    size_t scheme = sizeof(SCHEME) - 1;

    if (header.len < scheme || strncasecmp(header.ptr, SCHEME, scheme) != 0)
        return false;
    buf_clear(scratch);
    if (!decode(span_from(header, scheme), scratch) || scratch->len == 0)
        return false;

    const char *colon = memchr(scratch->ptr, ':', scratch->len);

    if (colon == NULL)
        return false;
    *user = span_make(scratch->ptr, (size_t)(colon - scratch->ptr));
    *password = span_from(buf_as_span(scratch), user->len + 1);
    return true;
}

void basic_wipe(struct buf *b)
{
    if (b->ptr != NULL)
        explicit_bzero(b->ptr, b->cap);
    buf_fini(b);
}
