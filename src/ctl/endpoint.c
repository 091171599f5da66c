/* endpoint: see endpoint.h. The reading of an entry is Go's url.Parse as far as entries can tell.
 */
#include "ctl/endpoint.h"
#include "base/err.h"
#include "base/mem.h"
#include "ctl/text.h"
#include "proto/url.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void endpoints_fini(struct endpoints *e)
{
    for (size_t i = 0; i < e->count; i++) {
        mem_free(e->items[i].text);
        mem_free(e->items[i].scheme);
        mem_free(e->items[i].root);
        mem_free(e->items[i].path);
    }
    mem_free(e->items);
    *e = (struct endpoints){0};
}

static char *copy(struct span s)
{
    char *p = mem_alloc(s.len + 1);

    if (s.len > 0)
        memcpy(p, s.ptr, s.len);
    p[s.len] = '\0';
    return p;
}

static int unreadable(struct buf *why, struct span entry, const char *reason)
{
    buf_lit(why, "parse ");
    text_quote(why, entry);
    buf_printf(why, ": %s", reason);
    return ERR_USAGE;
}

/* Length of the scheme; 0 without one; SIZE_MAX for a colon at the very beginning. */
static size_t scheme_length(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (c == ':')
            return i == 0 ? SIZE_MAX : i;
        if (!isalpha((unsigned char)c) &&
            (i == 0 || (!isdigit((unsigned char)c) && strchr("+-.", c) == NULL)))
            return 0;
    }
    return 0;
}

static size_t find(struct span s, char c)
{
    const char *at = s.len > 0 ? memchr(s.ptr, c, s.len) : NULL;

    return at != NULL ? (size_t)(at - s.ptr) : s.len;
}

/* `h:abc` has a bad port; `[::1]:1` is fine. */
static int check_port(struct span entry, struct span authority, struct buf *why)
{
    size_t from = 0;
    size_t bracket = find(authority, ']');

    if (authority.len > 0 && authority.ptr[0] == '[' && bracket < authority.len)
        from = bracket + 1;

    struct span tail = span_from(authority, from);
    size_t colon = find(tail, ':');

    for (size_t i = colon + 1; i < tail.len; i++) {
        struct buf reason = {0};

        if (isdigit((unsigned char)tail.ptr[i]))
            continue;
        buf_lit(&reason, "invalid port ");
        text_quote(&reason, span_from(tail, colon));
        buf_lit(&reason, " after host");
        (void)unreadable(why, entry, buf_cstr(&reason));
        buf_fini(&reason);
        return ERR_USAGE;
    }
    return 0;
}

static int check_entry(struct span entry, size_t scheme, struct buf *why)
{
    for (size_t i = 0; i < entry.len; i++) {
        if ((unsigned char)entry.ptr[i] < 0x20 || entry.ptr[i] == 0x7f)
            return unreadable(why, entry, "net/url: invalid control character in URL");
    }
    if (scheme == SIZE_MAX)
        return unreadable(why, entry, "missing protocol scheme");
    if (scheme == 0 && (entry.len == 0 || entry.ptr[0] != '/') &&
        find(entry, ':') < find(entry, '/'))
        return unreadable(why, entry, "first path segment in URL cannot contain colon");
    return 0;
}

/* Divides TEXT ("scheme://authority/path") behind its scheme into root and path. */
static int divide(struct endpoint *one, struct span entry, struct span text, size_t scheme,
                  struct buf *why)
{
    struct span rest = span_from(text, scheme + 1);
    struct span authority = {rest.ptr, 0};
    struct buf path = {0};
    struct span bad;

    if (span_starts(rest, SPAN("//"))) {
        rest = span_from(rest, 2);
        authority = (struct span){rest.ptr, find(rest, '/')};
        rest = span_from(rest, authority.len);
        rest.len = find(rest, '?');
    }

    int rc = check_port(entry, authority, why);

    if (rc == 0 && !url_unescape(&path, rest, URL_PATH, &bad)) {
        struct buf reason = {0};

        buf_lit(&reason, "invalid URL escape ");
        text_quote(&reason, bad);
        rc = unreadable(why, entry, buf_cstr(&reason));
        buf_fini(&reason);
    }
    one->root = copy((struct span){text.ptr, (size_t)(authority.ptr + authority.len - text.ptr)});
    one->path = copy(buf_as_span(&path));
    buf_fini(&path);
    return rc;
}

int endpoints_add(struct endpoints *e, struct span entry, struct buf *why)
{
    struct endpoint one = {0};
    struct buf text = {0};
    size_t scheme = scheme_length(entry);
    int rc = check_entry(entry, scheme, why);

    if (rc != 0)
        return rc;
    if (scheme == 0) {
        scheme = 4;
        buf_lit(&text, "http:");
        /* An empty entry stays without a host: such a request fails, as the reference's does. */
        if (entry.len > 0 && !span_starts(entry, SPAN("//")))
            buf_lit(&text, "//");
    }
    buf_span(&text, entry);
    rc = divide(&one, entry, buf_as_span(&text), scheme, why);
    one.scheme = copy((struct span){text.ptr, scheme});
    for (char *p = one.scheme; *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    one.text = copy(buf_as_span(&text));
    buf_fini(&text);
    e->items = mem_realloc(e->items, (e->count + 1) * sizeof(*e->items));
    e->items[e->count++] = one;
    return rc;
}

int endpoints_add_list(struct endpoints *e, const char *list, struct buf *why)
{
    struct span rest = span_of(list);

    for (;;) {
        size_t comma = find(rest, ',');
        int rc = endpoints_add(e, (struct span){rest.ptr, comma}, why);

        if (rc != 0 || comma == rest.len)
            return rc;
        rest = span_from(rest, comma + 1);
    }
}

void endpoints_shuffle(struct endpoints *e)
{
    for (size_t i = e->count; i > 1; i--) {
        uint32_t r = 0;

        /* Without randomness the order given is as good as any. */
        if (getrandom(&r, sizeof(r), 0) != (ssize_t)sizeof(r))
            return;

        size_t j = r % i;
        struct endpoint kept = e->items[i - 1];

        e->items[i - 1] = e->items[j];
        e->items[j] = kept;
    }
}

static size_t count_text(const struct endpoints *e, const char *text)
{
    size_t n = 0;

    for (size_t i = 0; i < e->count; i++)
        n += strcmp(e->items[i].text, text) == 0;
    return n;
}

bool endpoints_equal(const struct endpoints *a, const struct endpoints *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (count_text(a, a->items[i].text) != count_text(b, a->items[i].text))
            return false;
    }
    return true;
}

void endpoints_join(const struct endpoints *e, const char *separator, struct buf *out)
{
    for (size_t i = 0; i < e->count; i++)
        buf_printf(out, "%s%s", i > 0 ? separator : "", e->items[i].text);
}
