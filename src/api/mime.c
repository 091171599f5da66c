/* mime: the grammar of RFC 2045 as far as Go reads it, with its leniency: a trailing ";" is fine,
 * blanks may stand around "=". */
#include "api/mime.h"

#include "base/buf.h"

#include <stdlib.h>

#define FORM_TYPE "application/x-www-form-urlencoded"

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_special(char c)
{
    return c != '\0' && strchr("()<>@,;:\\\"/[]?=", c) != NULL;
}

static bool is_token_char(char c)
{
    return c > 0x20 && c < 0x7f && !is_special(c);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static struct span skip_space(struct span s)
{
    while (s.len > 0 && is_space(s.ptr[0]))
        s = span_from(s, 1);
    return s;
}

static struct span trim_space(struct span s)
{
    s = skip_space(s);
    while (s.len > 0 && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

/* Cuts the token off the front of *S; empty when there is none. */
static struct span take_token(struct span *s)
{
    size_t n = 0;
    while (n < s->len && is_token_char(s->ptr[n]))
        n++;
    struct span token = {s->ptr, n};
    *s = span_from(*s, n);
    return token;
}

static bool take_char(struct span *s, char c)
{
    if (s->len == 0 || s->ptr[0] != c)
        return false;
    *s = span_from(*s, 1);
    return true;
}

static bool equal_nocase(struct span s, const char *lower_case)
{
    if (s.len != strlen(lower_case))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (lower(s.ptr[i]) != lower_case[i])
            return false;
    }
    return true;
}

static const char *check_type(struct span type)
{
    if (take_token(&type).len == 0)
        return "mime: no media type";
    if (type.len == 0)
        return NULL;
    if (!take_char(&type, '/'))
        return "mime: expected slash after first token";
    if (take_token(&type).len == 0)
        return "mime: expected token after slash";
    if (type.len > 0)
        return "mime: unexpected content after media subtype";
    return NULL;
}

static bool take_quoted(struct span *s)
{
    for (size_t i = 1; i < s->len; i++) {
        char c = s->ptr[i];
        if (c == '"') {
            *s = span_from(*s, i + 1);
            return true;
        }
        if (c == '\\' && i + 1 < s->len && is_special(s->ptr[i + 1]))
            i++;
        else if (c == '\r' || c == '\n')
            return false;
    }
    return false;
}

/* Cuts "; name=value" off the front of *S; false when what stands there is not one. */
static bool take_param(struct span *s, struct span *name)
{
    struct span rest = skip_space(*s);
    if (!take_char(&rest, ';'))
        return false;
    rest = skip_space(rest);
    *name = take_token(&rest);
    if (name->len == 0)
        return false;
    rest = skip_space(rest);
    if (!take_char(&rest, '='))
        return false;
    rest = skip_space(rest);
    bool quoted = rest.len > 0 && rest.ptr[0] == '"';
    if (quoted ? !take_quoted(&rest) : take_token(&rest).len == 0)
        return false;
    *s = rest;
    return true;
}

static int by_name(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    size_t n = x->len < y->len ? x->len : y->len;
    for (size_t i = 0; i < n; i++) {
        int c = lower(x->ptr[i]) - lower(y->ptr[i]);
        if (c != 0)
            return c;
    }
    return (x->len > y->len) - (x->len < y->len);
}

static bool has_twins(struct buf *names)
{
    size_t n = names->len / sizeof(struct span);
    struct span *name = (struct span *)(void *)names->ptr;
    if (n < 2)
        return false;
    qsort(name, n, sizeof *name, by_name);
    for (size_t i = 1; i < n; i++) {
        if (by_name(&name[i - 1], &name[i]) == 0)
            return true;
    }
    return false;
}

static const char *check_params(struct span rest)
{
    struct buf names = {0};
    struct span name;
    const char *wrong = NULL;
    for (rest = skip_space(rest); rest.len > 0; rest = skip_space(rest)) {
        if (!take_param(&rest, &name)) {
            if (!span_eq(trim_space(rest), SPAN(";")))
                wrong = "mime: invalid media parameter";
            break;
        }
        buf_add(&names, &name, sizeof name);
    }
    if (has_twins(&names)) /* they stand before what ended the loop */
        wrong = "mime: duplicate parameter name";
    buf_fini(&names);
    return wrong;
}

const char *mime_parse(struct span value, bool *is_form)
{
    *is_form = span_eq(value, SPAN(FORM_TYPE)); /* as nearly all clients write it */
    if (*is_form || value.len == 0)
        return NULL;
    const char *semicolon = memchr(value.ptr, ';', value.len);
    size_t n = semicolon != NULL ? (size_t)(semicolon - value.ptr) : value.len;
    struct span type = trim_space((struct span){value.ptr, n});
    const char *wrong = check_type(type);
    if (wrong != NULL)
        return wrong;
    *is_form = equal_nocase(type, FORM_TYPE);
    return check_params(span_from(value, n));
}
