/* head: one walk over target and headers. The words are those of Go's server. */
#include "http/head.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define BAD_REQUEST "400 Bad Request"

static const struct head_refusal fine = {0, NULL, false};
static const struct head_refusal bad = {MHD_HTTP_BAD_REQUEST, BAD_REQUEST, false};

struct headers {
    unsigned hosts, codings;
    bool other_coding, other_expect, bad_host, bad_name, bad_value, lengths_differ;
    bool odd_connection; /* anything but keep-alive is asked for */
    struct span type, origin, authorization, length, host;
    size_t bytes;
};

enum kind {
    TOKEN = 1, /* of a method and of a header's name (RFC 9110) */
    HOST = 2,  /* of a Host header, as Go's server takes it */
};

static const unsigned char kinds[256] = {
    /* clang-format off */
    ['0' ... '9'] = TOKEN | HOST, ['A' ... 'Z'] = TOKEN | HOST, ['a' ... 'z'] = TOKEN | HOST,
    ['!'] = TOKEN | HOST, ['$'] = TOKEN | HOST, ['%'] = TOKEN | HOST, ['&'] = TOKEN | HOST,
    ['\''] = TOKEN | HOST, ['*'] = TOKEN | HOST, ['+'] = TOKEN | HOST, ['-'] = TOKEN | HOST,
    ['.'] = TOKEN | HOST, ['_'] = TOKEN | HOST, ['~'] = TOKEN | HOST,
    ['#'] = TOKEN, ['^'] = TOKEN, ['`'] = TOKEN, ['|'] = TOKEN,
    ['('] = HOST, [')'] = HOST, [','] = HOST, [':'] = HOST, [';'] = HOST, ['='] = HOST,
    ['['] = HOST, [']'] = HOST,
    /* clang-format on */
};

static bool consists_of(enum kind kind, const char *s, size_t n)
{
    unsigned all = kind;

    for (size_t i = 0; i < n; i++)
        all &= kinds[(unsigned char)s[i]];
    return all != 0;
}

/* Is a byte below LEAST, or DEL, among the N? Eight at a time: when LEAST is taken from each byte
 * of X, then just if one of them was smaller, a byte has its top bit set that had not in X. */
static bool has_control(const char *s, size_t n, unsigned char least)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t found = 0;
    size_t i = 0;

    for (; n - i >= 8; i += 8) {
        uint64_t x, del;

        memcpy(&x, s + i, 8);
        del = x ^ 0x7f * each;
        found |= ((x - least * each) & ~x) | ((del - each) & ~del);
    }
    found &= 0x80 * each;
    for (; i < n; i++)
        found |= (unsigned char)s[i] < least || s[i] == 0x7f;
    return found != 0;
}

/* A header's value has no control character but TAB. */
static bool is_text(const char *s, size_t n)
{
    unsigned odd = 0;

    if (!has_control(s, n, ' '))
        return true;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];

        odd |= (c < ' ' && c != '\t') || c == 0x7f;
    }
    return odd == 0;
}

static bool is_token(const char *s, size_t n)
{
    return n > 0 && consists_of(TOKEN, s, n);
}

static bool equal_fold(const char *s, size_t n, const char *word)
{
    return strlen(word) == n && (memcmp(s, word, n) == 0 || strncasecmp(s, word, n) == 0);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void keep_first(struct span *out, struct span value)
{
    if (out->ptr == NULL)
        *out = value;
}

/* False: none of those that matter here. SENT_SIZE is the value's with the blanks behind it. */
static bool take_header(struct headers *h, struct span key, struct span value, size_t sent_size)
{
    const char *name = key.ptr;

    switch (key.len) {
    case 4:
        if (!equal_fold(name, 4, "Host"))
            return false;
        h->hosts++;
        h->host = value;
        h->bad_host = !consists_of(HOST, value.ptr, value.len);
        return true;
    case 6:
        if (equal_fold(name, 6, "Expect"))
            h->other_expect = !equal_fold(value.ptr, value.len, "100-continue");
        else if (equal_fold(name, 6, "Origin"))
            keep_first(&h->origin, value);
        else
            return false;
        return true;
    case 10:
        if (!equal_fold(name, 10, "Connection"))
            return false;
        h->odd_connection = !equal_fold(value.ptr, value.len, "keep-alive");
        return true;
    case 12:
        if (!equal_fold(name, 12, "Content-Type"))
            return false;
        keep_first(&h->type, value);
        return true;
    case 13:
        if (!equal_fold(name, 13, "Authorization"))
            return false;
        keep_first(&h->authorization, value);
        return true;
    case 14:
        if (!equal_fold(name, 14, "Content-Length"))
            return false;
        h->lengths_differ =
            h->lengths_differ || (h->length.ptr != NULL && !span_eq(h->length, value));
        h->length = value;
        return true;
    case 17:
        if (!equal_fold(name, 17, "Transfer-Encoding"))
            return false;
        h->codings++;
        /* With a blank behind it, it is no coding that libmicrohttpd knows. */
        h->other_coding = h->other_coding || !equal_fold(value.ptr, sent_size, "chunked");
        return true;
    default:
        return false;
    }
}

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *key,
                                 size_t key_size, const char *value, size_t value_size)
{
    struct headers *h = cls;
    size_t sent_size = value_size;

    (void)kind;
    h->bytes += key_size + value_size + LIMIT_HEAD_COST;
    while (value_size > 0 && is_blank(value[value_size - 1]))
        value_size--; /* those before the value libmicrohttpd leaves out itself */
    if (!take_header(h, span_make(key, key_size), span_make(value, value_size), sent_size))
        h->bad_name = h->bad_name || !is_token(key, key_size);
    h->bad_value = h->bad_value || !is_text(value, value_size);
    return MHD_YES;
}

static enum v2_method method_of(const char *m, size_t n)
{
    static const struct {
        const char *name;
        size_t len;
        enum v2_method method;
    } known[] = {
        {"GET", 3, V2_M_GET},   {"PUT", 3, V2_M_PUT},       {"HEAD", 4, V2_M_HEAD},
        {"POST", 4, V2_M_POST}, {"DELETE", 6, V2_M_DELETE}, {"OPTIONS", 7, V2_M_OPTIONS},
    };

    for (size_t i = 0; i < CP_COUNT(known); i++) {
        if (known[i].len == n && memcmp(known[i].name, m, n) == 0)
            return known[i].method;
    }
    return V2_M_OTHER;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* No blank or control byte anywhere; in the path only whole percent escapes. */
static bool is_clean_target(struct span t)
{
    if (t.len == 0 || has_control(t.ptr, t.len, ' ' + 1))
        return false;

    const char *query = memchr(t.ptr, '?', t.len);
    const char *at = t.ptr, *end = query != NULL ? query : t.ptr + t.len;

    while ((at = memchr(at, '%', (size_t)(end - at))) != NULL) {
        if (end - at < 3 || !is_hex(at[1]) || !is_hex(at[2]))
            return false;
        at += 3;
    }
    return true;
}

/* The path and query of "/path", "scheme://host/path" or "*"; an empty span for anything else. */
static struct span path_of(struct span t)
{
    size_t i = 0;

    if (t.ptr[0] == '/' || span_eq(t, SPAN("*")))
        return t;
    if (!isalpha((unsigned char)t.ptr[0]))
        return (struct span){0};
    while (i < t.len && (isalnum((unsigned char)t.ptr[i]) || strchr("+-.", t.ptr[i]) != NULL))
        i++;
    if (!span_starts(span_from(t, i), SPAN("://")))
        return (struct span){0};
    for (i += 3; i < t.len && t.ptr[i] != '/'; i++) {
        if (t.ptr[i] == '?')
            return (struct span){0};
    }
    return i < t.len ? span_from(t, i) : SPAN("/");
}

/* The host and port of "scheme://host/path" that path_of has let pass; of others nothing. */
static struct span authority_of(struct span t)
{
    size_t from, to;

    if (!isalpha((unsigned char)t.ptr[0]))
        return (struct span){0};
    for (from = 0; t.ptr[from] != '/'; from++)
        ;
    from += 2;
    for (to = from; to < t.len && t.ptr[to] != '/'; to++)
        ;
    return span_make(t.ptr + from, to - from);
}

/* Digits only: libmicrohttpd has refused everything else. */
static uint64_t length_of(struct span s)
{
    uint64_t n = 0;

    for (size_t i = 0; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9'; i++) {
        if (n > UINT64_MAX / 16)
            return UINT64_MAX;
        n = n * 10 + (uint64_t)(s.ptr[i] - '0');
    }
    return n;
}

/* libmicrohttpd 0.9 takes the target for a C string; VERSION stands behind it in the same buffer.
 */
static bool has_nul(const struct conn *k, const char *version)
{
#if MHD_VERSION < 0x01000000
    return (uintptr_t)version != k->target_end + 1;
#else
    (void)k;
    (void)version;
    return false; /* refused by itself */
#endif
}

/* Hosts, names and values, in the order of Go's server. */
static const char *misfit(const struct headers *h, bool http10)
{
    if (h->hosts == 0 && !http10)
        return BAD_REQUEST ": missing required Host header";
    if (h->hosts > 1)
        return BAD_REQUEST ": too many Host headers";
    if (h->bad_host)
        return BAD_REQUEST ": malformed Host header";
    if (h->bad_name)
        return BAD_REQUEST ": invalid header name";
    if (h->bad_value)
        return BAD_REQUEST ": invalid header value";
    return NULL;
}

struct head_refusal head_check(struct conn *k, const char *method, const char *version,
                               uint64_t *length)
{
    struct headers h = {0};
    struct span target = buf_as_span(&k->target);
    size_t method_len = strlen(method);

    *length = 0;
    k->http10 = strcmp(version, MHD_HTTP_VERSION_1_0) == 0;
    k->method = method_of(method, method_len);
    if (k->method == V2_M_OTHER && !is_token(method, method_len))
        return bad;
    if (target.len > k->worker->door->conf.head_bytes)
        return (struct head_refusal){MHD_HTTP_URI_TOO_LONG, "414 URI Too Long", true};
    if (!is_clean_target(target) || has_nul(k, version))
        return bad;
    k->path_query = path_of(target);
    if (k->path_query.len == 0)
        return bad;
    MHD_get_connection_values_n(k->mhd, MHD_HEADER_KIND, on_header, &h);
    k->head_bytes = target.len + h.bytes;
    if (k->head_bytes > k->worker->door->conf.head_bytes)
        return (struct head_refusal){MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE,
                                     "431 Request Header Fields Too Large", true};
    if (h.lengths_differ)
        return bad;
    /* 1.0 has no codings; what lies behind such a head is anybody's guess. */
    if (h.codings > 0 && k->http10)
        return bad;
    if (h.codings > 0) {
        if (h.codings > 1 || h.other_coding)
            return (struct head_refusal){MHD_HTTP_NOT_IMPLEMENTED, "Unsupported transfer encoding",
                                         false};
    } else {
        *length = length_of(h.length);
    }

    const char *why = misfit(&h, k->http10);

    if (why != NULL)
        return (struct head_refusal){MHD_HTTP_BAD_REQUEST, why, false};
    if (h.other_expect && !k->http10)
        return (struct head_refusal){MHD_HTTP_EXPECTATION_FAILED, NULL, false};
    k->host = authority_of(target);
    if (k->host.len == 0)
        k->host = h.host;
    k->content_type = h.type;
    k->origin = h.origin;
    k->authorization = h.authorization;
    k->plain = k->tls == NULL && !k->http10 && !h.odd_connection;
    return fine;
}
