/* gojson: the state machine of encoding/json's scanner, kept for its messages. */
#include "base/gojson.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 10000 /* Go's */

/* What the next byte may be. */
enum state {
    VALUE,        /* a value begins */
    VALUE_OR_END, /* behind `[` */
    NAME_OR_END,  /* behind `{` */
    NAME,         /* behind `,` in an object */
    COLON,        /* behind a name */
    AFTER_VALUE,  /* behind a value in an object or array, or at the top */
};

struct scan {
    struct span s;
    size_t at;
    struct buf open; /* '{' and '[' not yet closed */
    struct buf *why;
};

static bool fail_with(struct scan *p, unsigned char c, const char *context)
{
    buf_lit(p->why, "invalid character ");
    if (c == '\'')
        buf_lit(p->why, "'\\''");
    else if (c == '"')
        buf_lit(p->why, "'\"'");
    else if (c == '\\')
        buf_lit(p->why, "'\\\\'");
    else if (c == '\n' || c == '\r' || c == '\t')
        buf_printf(p->why, "'\\%c'", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
    else if (c < 0x20 || c == 0x7f)
        buf_printf(p->why, "'\\x%02x'", c);
    else if (c < 0x7f)
        buf_printf(p->why, "'%c'", c);
    else if (c <= 0xa0 || c == 0xad)
        buf_printf(p->why, "'\\u%04x'", c);
    else /* Go takes the byte for a rune */
        buf_printf(p->why, "'%c%c'", 0xc0 | c >> 6, 0x80 | (c & 0x3f));
    buf_printf(p->why, " %s", context);
    return false;
}

/* Where blanks may stand, or in a string. */
static bool fail_at(struct scan *p, const char *context)
{
    if (p->at < p->s.len)
        return fail_with(p, (unsigned char)p->s.ptr[p->at], context);
    buf_lit(p->why, "unexpected end of JSON input");
    return false;
}

/* Within a token: Go puts a blank behind the text to learn whether it could end there. */
static bool fail_in(struct scan *p, const char *context)
{
    return fail_with(p, p->at < p->s.len ? (unsigned char)p->s.ptr[p->at] : ' ', context);
}

static int peek(const struct scan *p)
{
    return p->at < p->s.len ? (unsigned char)p->s.ptr[p->at] : -1;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(int c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool scan_string(struct scan *p)
{
    for (p->at++; peek(p) != '"'; p->at++) {
        if (peek(p) < 0x20)
            return fail_at(p, "in string literal");
        if (peek(p) != '\\')
            continue;
        p->at++;
        if (peek(p) < 0 || strchr("bfnrt\\/\"u", peek(p)) == NULL || peek(p) == 0)
            return fail_in(p, "in string escape code");
        if (peek(p) != 'u')
            continue;
        for (int i = 0; i < 4; i++) {
            p->at++;
            if (!is_hex(peek(p)))
                return fail_in(p, "in \\u hexadecimal character escape");
        }
    }
    p->at++;
    return true;
}

static bool scan_digits(struct scan *p, const char *context)
{
    if (!is_digit(peek(p)))
        return fail_in(p, context);
    while (is_digit(peek(p)))
        p->at++;
    return true;
}

static bool scan_number(struct scan *p)
{
    if (peek(p) == '-')
        p->at++;
    if (peek(p) == '0')
        p->at++;
    else if (!scan_digits(p, "in numeric literal"))
        return false;
    if (peek(p) == '.') {
        p->at++;
        if (!scan_digits(p, "after decimal point in numeric literal"))
            return false;
    }
    if (peek(p) == 'e' || peek(p) == 'E') {
        p->at++;
        if (peek(p) == '+' || peek(p) == '-')
            p->at++;
        return scan_digits(p, "in exponent of numeric literal");
    }
    return true;
}

static bool scan_word(struct scan *p, const char *word)
{
    for (size_t i = 0; word[i] != '\0'; i++, p->at++) {
        char context[64];

        if (peek(p) == word[i])
            continue;
        snprintf(context, sizeof(context), "in literal %s (expecting '%c')", word, word[i]);
        return fail_in(p, context);
    }
    return true;
}

static bool scan_value(struct scan *p, enum state *next)
{
    int c = peek(p);

    *next = AFTER_VALUE;
    if (c == '{' || c == '[') {
        if (p->open.len == DEPTH_MAX)
            return fail_at(p, "exceeded max depth");
        buf_char(&p->open, (char)c);
        p->at++;
        *next = c == '{' ? NAME_OR_END : VALUE_OR_END;
        return true;
    }
    if (c == '"')
        return scan_string(p);
    if (c == '-' || is_digit(c))
        return scan_number(p);
    if (c == 't' || c == 'f' || c == 'n')
        return scan_word(p, c == 't' ? "true" : c == 'f' ? "false" : "null");
    return fail_at(p, "looking for beginning of value");
}

static void scan_blanks(struct scan *p)
{
    while (peek(p) == ' ' || peek(p) == '\t' || peek(p) == '\r' || peek(p) == '\n')
        p->at++;
}

static bool close_or(struct scan *p, char open, enum state *next, const char *context)
{
    if (peek(p) == ',') {
        *next = open == '{' ? NAME : VALUE;
    } else if (peek(p) == (open == '{' ? '}' : ']')) {
        p->open.len--;
        *next = AFTER_VALUE;
    } else {
        return fail_at(p, context);
    }
    p->at++;
    return true;
}

static bool scan_after_value(struct scan *p, enum state *next)
{
    char open = p->open.ptr[p->open.len - 1];

    return close_or(p, open, next,
                    open == '{' ? "after object key:value pair" : "after array element");
}

static bool scan_name(struct scan *p, enum state *state)
{
    if (*state == NAME_OR_END && peek(p) == '}')
        return close_or(p, '{', state, "");
    if (peek(p) != '"')
        return fail_at(p, "looking for beginning of object key string");
    *state = COLON;
    return scan_string(p);
}

static bool scan_step(struct scan *p, enum state *state)
{
    switch (*state) {
    case VALUE_OR_END:
        if (peek(p) == ']')
            return close_or(p, '[', state, "");
        return scan_value(p, state);
    case VALUE:
        return scan_value(p, state);
    case NAME:
    case NAME_OR_END:
        return scan_name(p, state);
    case COLON:
        if (peek(p) != ':')
            return fail_at(p, "after object key");
        p->at++;
        *state = VALUE;
        return true;
    case AFTER_VALUE:
        return scan_after_value(p, state);
    }
    return false;
}

bool gojson_check(struct span s, struct buf *why)
{
    struct scan p = {.s = s, .why = why};
    enum state state = VALUE;
    bool good = true;

    do {
        scan_blanks(&p);
        good = scan_step(&p, &state);
    } while (good && !(state == AFTER_VALUE && p.open.len == 0));
    if (good) {
        scan_blanks(&p);
        good = p.at == s.len || fail_at(&p, "after top-level value");
    }
    buf_fini(&p.open);
    return good;
}
