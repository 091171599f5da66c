/* mime: the grammar of RFC 2045 as far as Go reads it, with its leniency: a trailing ';' is fine, a
 * parameter may come twice with the same value, blanks may stand around '='. */
#include "api/mime.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stdlib.h>

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

/* A parameter's name in lower case and its value unquoted, at these offsets of the words. */
struct param {
    size_t name, name_len, value, value_len;
};

struct params {
    struct buf words, list;
};

static bool take_quoted(struct span *s, struct buf *words)
{
    for (size_t i = 1; i < s->len; i++) {
        char c = s->ptr[i];
        if (c == '"') {
            *s = span_from(*s, i + 1);
            return true;
        }
        if (c == '\\' && i + 1 < s->len && is_special(s->ptr[i + 1]))
            c = s->ptr[++i];
        else if (c == '\r' || c == '\n')
            return false;
        buf_char(words, c);
    }
    return false;
}

/* Cuts "; name=value" off the front of *S; false when what stands there is not one. */
static bool take_param(struct span *s, struct params *all)
{
    struct buf *words = &all->words;
    struct param p = {.name = words->len};
    struct span rest = skip_space(*s);
    if (!take_char(&rest, ';'))
        return false;
    rest = skip_space(rest);
    struct span name = take_token(&rest);
    if (name.len == 0)
        return false;
    for (size_t i = 0; i < name.len; i++)
        buf_char(words, lower(name.ptr[i]));
    p.name_len = name.len;
    rest = skip_space(rest);
    if (!take_char(&rest, '='))
        return false;
    rest = skip_space(rest);
    p.value = words->len;
    if (rest.len > 0 && rest.ptr[0] == '"') {
        if (!take_quoted(&rest, words))
            return false;
    } else {
        struct span value = take_token(&rest);
        if (value.len == 0)
            return false;
        buf_span(words, value);
    }
    p.value_len = words->len - p.value;
    buf_add(&all->list, &p, sizeof p);
    *s = rest;
    return true;
}

static int by_name(const void *a, const void *b, void *words)
{
    const struct param *x = a, *y = b;
    const char *base = words;
    int c =
        span_cmp(span_make(base + x->name, x->name_len), span_make(base + y->name, y->name_len));
    return c != 0 ? c
                  : span_cmp(span_make(base + x->value, x->value_len),
                             span_make(base + y->value, y->value_len));
}

/* Has one name two values? */
static bool contradicts(struct params *all)
{
    size_t n = all->list.len / sizeof(struct param);
    struct param *p = (struct param *)(void *)all->list.ptr;
    const char *w = all->words.ptr;
    if (n < 2)
        return false;
    qsort_r(p, n, sizeof *p, by_name, all->words.ptr);
    for (size_t i = 1; i < n; i++) {
        if (span_eq(span_make(w + p[i - 1].name, p[i - 1].name_len),
                    span_make(w + p[i].name, p[i].name_len)) &&
            !span_eq(span_make(w + p[i - 1].value, p[i - 1].value_len),
                     span_make(w + p[i].value, p[i].value_len)))
            return true;
    }
    return false;
}

static const char *check_params(struct span rest)
{
    struct params all = {0};
    const char *wrong = NULL;
    for (rest = skip_space(rest); rest.len > 0; rest = skip_space(rest)) {
        if (!take_param(&rest, &all)) {
            if (!span_eq(trim_space(rest), SPAN(";")))
                wrong = "mime: invalid media parameter";
            break;
        }
    }
    if (contradicts(&all)) /* it stands before what ended the loop */
        wrong = "mime: duplicate parameter name";
    buf_fini(&all.words);
    buf_fini(&all.list);
    return wrong;
}

const char *mime_parse(struct span value, bool *is_form)
{
    *is_form = false;
    if (value.len == 0)
        return NULL;
    const char *semicolon = memchr(value.ptr, ';', value.len);
    size_t n = semicolon != NULL ? (size_t)(semicolon - value.ptr) : value.len;
    struct span type = trim_space((struct span){value.ptr, n});
    const char *wrong = check_type(type);
    if (wrong != NULL)
        return wrong;
    *is_form = equal_nocase(type, "application/x-www-form-urlencoded");
    return check_params(span_from(value, n));
}
