#include "proto/peer_url.h"

#include <stdint.h>

enum part { PART_USER, PART_HOST, PART_ZONE, PART_PATH }; /* what may stand, or be escaped, in it */

struct check {
    struct span text; /* what Go's messages quote */
    struct buf *why;
};

struct parts {
    struct span scheme, host, path;
    bool opaque; /* something else than a path follows the scheme */
};

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static int hex_digit(char c)
{
    char l = lower(c);
    return is_digit(c) ? c - '0' : l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

static size_t first_of(struct span s, char c)
{
    const char *at = s.len > 0 ? memchr(s.ptr, c, s.len) : NULL;
    return at != NULL ? (size_t)(at - s.ptr) : s.len;
}

static size_t last_of(struct span s, char c) /* s.len: none */
{
    const char *at = s.len > 0 ? memrchr(s.ptr, c, s.len) : NULL;
    return at != NULL ? (size_t)(at - s.ptr) : s.len;
}

static struct span head_of(struct span s, size_t n)
{
    return (struct span){s.ptr, n};
}

/* ---- messages ---- */

/* strconv.Quote, for what is printable outside of ASCII. */
static void quote(struct buf *b, struct span s)
{
    static const char letters[] = "abtnvfr"; /* of the bytes 7 to 13 */
    buf_char(b, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == '"' || c == '\\')
            buf_printf(b, "\\%c", c);
        else if (c >= 7 && c <= 13)
            buf_printf(b, "\\%c", letters[c - 7]);
        else if (c < 0x20 || c == 0x7f)
            buf_printf(b, "\\x%02x", c);
        else
            buf_char(b, (char)c);
    }
    buf_char(b, '"');
}

/* False: `parse "URL": BEFORE"WHAT"AFTER`; WHAT may be missing. */
static bool fail(const struct check *c, const char *before, struct span what, const char *after)
{
    buf_lit(c->why, "parse ");
    quote(c->why, c->text);
    buf_printf(c->why, ": %s", before);
    if (what.len > 0)
        quote(c->why, what);
    buf_span(c->why, span_of(after));
    return false;
}

static bool refuse(const struct check *c, struct span url, const char *rule)
{
    buf_printf(c->why, "%s: ", rule);
    buf_span(c->why, url);
    return false;
}

/* ---- net/url ---- */

static bool escape_fits(struct span s, enum part part)
{
    if (s.len < 3 || hex_digit(s.ptr[1]) < 0 || hex_digit(s.ptr[2]) < 0)
        return false;
    if (part != PART_HOST && part != PART_ZONE)
        return true;
    char byte = (char)(hex_digit(s.ptr[1]) << 4 | hex_digit(s.ptr[2]));
    if (span_eq(head_of(s, 3), SPAN("%25")))
        return true;
    if (part == PART_HOST)
        return hex_digit(s.ptr[1]) >= 8; /* ASCII is not to be escaped */
    return byte == ' ' || is_alpha(byte) || is_digit(byte) ||
           is_one_of(byte, "!$&'()*+,;=:[]<>\"-_.~");
}

static bool may_stand(char c, enum part part)
{
    if ((part != PART_HOST && part != PART_ZONE) || (unsigned char)c >= 0x80)
        return true;
    return is_alpha(c) || is_digit(c) || is_one_of(c, "!$&'()*+,;=:[]<>\"-_.~");
}

static bool check_escapes(const struct check *c, struct span s, enum part part)
{
    for (size_t i = 0; i < s.len; i++) {
        struct span rest = span_from(s, i);
        if (s.ptr[i] == '%') {
            if (!escape_fits(rest, part))
                return fail(c, "invalid URL escape ", head_of(rest, rest.len < 3 ? rest.len : 3),
                            "");
            i += 2;
        } else if (!may_stand(s.ptr[i], part)) {
            return fail(c, "invalid character ", head_of(rest, 1), " in host name");
        }
    }
    return true;
}

static bool check_port(const struct check *c, struct span port)
{
    bool good = port.len == 0 || port.ptr[0] == ':';
    for (size_t i = 1; good && i < port.len; i++)
        good = is_digit(port.ptr[i]);
    return good || fail(c, "invalid port ", port, " after host");
}

static size_t find_zone(struct span s) /* s.len: none */
{
    size_t i = 0;
    while (i < s.len && !span_starts(span_from(s, i), SPAN("%25")))
        i++;
    return i;
}

static bool check_host(const struct check *c, struct span host)
{
    if (host.len == 0 || host.ptr[0] != '[') {
        size_t colon = last_of(host, ':');
        return check_port(c, span_from(host, colon)) && check_escapes(c, host, PART_HOST);
    }
    size_t end = last_of(host, ']');
    if (end == host.len)
        return fail(c, "missing ']' in host", (struct span){0}, "");
    struct span address = head_of(host, end);
    size_t zone = find_zone(address);
    return check_port(c, span_from(host, end + 1)) &&
           check_escapes(c, head_of(address, zone), PART_HOST) &&
           check_escapes(c, span_from(address, zone), PART_ZONE) &&
           check_escapes(c, span_from(host, end), PART_HOST);
}

static bool check_user(const struct check *c, struct span user)
{
    for (size_t i = 0; i < user.len; i++)
        if (!is_alpha(user.ptr[i]) && !is_digit(user.ptr[i]) &&
            !is_one_of(user.ptr[i], "-._:~!$&'()*+,;=%@"))
            return fail(c, "net/url: invalid userinfo", (struct span){0}, "");
    size_t colon = first_of(user, ':');
    return check_escapes(c, head_of(user, colon), PART_USER) &&
           check_escapes(c, span_from(user, colon), PART_USER);
}

static bool split_scheme(const struct check *c, struct span url, struct parts *out)
{
    for (size_t i = 0; i < url.len; i++) {
        char b = url.ptr[i];
        if (b == ':') {
            if (i == 0)
                return fail(c, "missing protocol scheme", (struct span){0}, "");
            out->scheme = head_of(url, i);
            out->path = span_from(url, i + 1);
            return true;
        }
        if (!is_alpha(b) && (i == 0 || (!is_digit(b) && !is_one_of(b, "+-."))))
            break;
    }
    out->path = url;
    return true;
}

/* url.Parse of what stands before the '#'. */
static bool parse(const struct check *c, struct parts *out)
{
    struct span url = c->text;
    for (size_t i = 0; i < url.len; i++)
        if ((unsigned char)url.ptr[i] < ' ' || url.ptr[i] == 0x7f)
            return fail(c, "net/url: invalid control character in URL", (struct span){0}, "");
    if (!split_scheme(c, url, out))
        return false;
    struct span rest = head_of(out->path, first_of(out->path, '?'));
    out->path = rest;
    if (rest.len == 0 || rest.ptr[0] != '/') {
        size_t slash = first_of(rest, '/'), colon = first_of(rest, ':');
        out->opaque = out->scheme.len > 0;
        if (!out->opaque && colon < slash)
            return fail(c, "first path segment in URL cannot contain colon", (struct span){0}, "");
        return out->opaque || check_escapes(c, rest, PART_PATH);
    }
    if (span_starts(rest, SPAN("//")) && (out->scheme.len > 0 || !span_starts(rest, SPAN("///")))) {
        struct span authority = span_from(rest, 2);
        size_t slash = first_of(authority, '/');
        out->path = span_from(authority, slash);
        authority = head_of(authority, slash);
        size_t at = last_of(authority, '@');
        bool has_user = at < authority.len;
        out->host = has_user ? span_from(authority, at + 1) : authority;
        if (!check_host(c, out->host) || (has_user && !check_user(c, head_of(authority, at))))
            return false;
    }
    return check_escapes(c, out->path, PART_PATH);
}

/* net.SplitHostPort finds both. */
static bool has_port(struct span host)
{
    size_t colon = last_of(host, ':');
    if (colon == host.len)
        return false;
    size_t from = 0; /* brackets may stand before it only */
    if (host.ptr[0] == '[') {
        from = first_of(host, ']') + 1;
        if (from != colon)
            return false;
        struct span inner = span_make(host.ptr + 1, from - 2);
        if (first_of(inner, '[') < inner.len)
            return false;
    } else if (first_of(host, ':') != colon) {
        return false;
    }
    struct span outer = span_from(host, from);
    return first_of(outer, '[') == outer.len && first_of(outer, ']') == outer.len;
}

static bool equal_fold(struct span a, const char *word)
{
    size_t i = 0;
    while (i < a.len && word[i] != '\0' && lower(a.ptr[i]) == word[i])
        i++;
    return i == a.len && word[i] == '\0';
}

struct span peer_url_trim(struct span s)
{
    while (s.len > 0 && is_one_of(s.ptr[0], " \t\n\v\f\r"))
        s = span_from(s, 1);
    while (s.len > 0 && is_one_of(s.ptr[s.len - 1], " \t\n\v\f\r"))
        s.len--;
    return s;
}

bool peer_url_check(struct span s, struct buf *why)
{
    static const char *const schemes[] = {"http", "https", "unix", "unixs"};
    struct span url = peer_url_trim(s);
    size_t hash = first_of(url, '#');
    struct check c = {.text = head_of(url, hash), .why = why};
    struct parts parts = {.opaque = false};
    if (!parse(&c, &parts))
        return false;
    c.text = url;
    if (!check_escapes(&c, span_from(url, hash), PART_PATH)) /* of the fragment */
        return false;
    bool known = false;
    for (size_t i = 0; i < CP_COUNT(schemes); i++)
        known = known || equal_fold(parts.scheme, schemes[i]);
    if (!known)
        return refuse(&c, url, "URL scheme must be http, https, unix, or unixs");
    if (!has_port(parts.host))
        return refuse(&c, url, "URL address does not have the form \"host:port\"");
    if (parts.path.len > 0)
        return refuse(&c, url, "URL must not contain a path");
    return true;
}

bool peer_url_same(struct span a, struct span b)
{
    size_t colon = first_of(a, ':');
    if (a.len != b.len || colon != first_of(b, ':'))
        return false;
    for (size_t i = 0; i < colon; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return span_eq(span_from(a, colon), span_from(b, colon));
}

void peer_url_fold(char *url, size_t n)
{
    for (size_t i = 0; i < n && url[i] != ':'; i++)
        url[i] = lower(url[i]);
}
