#include "http_oracle.h"

#include <string.h>
#include <strings.h>

#define HEAD_MAX   1024 /* of a plain request; limits have tests of their own */
#define FIELDS_MAX 8
#define CRLF       SPAN("\r\n")

static bool is_token_char(char c)
{
    return c > ' ' && c < 0x7f && strchr("\"(),/:;<=>?@[\\]{}", c) == NULL;
}

static bool is_token(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_token_char(s.ptr[i]))
            return false;
    }
    return s.len > 0;
}

static bool is_visible(struct span s, char from)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < from || s.ptr[i] >= 0x7f)
            return false;
    }
    return true;
}

static bool fold_eq(struct span s, const char *word)
{
    return s.len == strlen(word) && strncasecmp(s.ptr, word, s.len) == 0;
}

static bool contains(struct span s, struct span part)
{
    return memmem(s.ptr, s.len, part.ptr, part.len) != NULL;
}

/* Takes the next line off S, without its CRLF; false when there is no whole one. */
static bool take_line(struct span *s, struct span *line)
{
    const char *end = s->len > 0 ? memmem(s->ptr, s->len, "\r\n", 2) : NULL;

    if (end == NULL)
        return false;
    *line = (struct span){s->ptr, (size_t)(end - s->ptr)};
    *s = span_from(*s, line->len + 2);
    return true;
}

/* "Name: value", the value without blanks around. */
static bool split_field(struct span line, struct span *name, struct span *value)
{
    const char *colon = line.len > 0 ? memchr(line.ptr, ':', line.len) : NULL;

    if (colon == NULL)
        return false;
    *name = (struct span){line.ptr, (size_t)(colon - line.ptr)};
    *value = span_from(line, name->len + 1);
    while (value->len > 0 && value->ptr[0] == ' ')
        *value = span_from(*value, 1);
    while (value->len > 0 && value->ptr[value->len - 1] == ' ')
        value->len--;
    return is_token(*name);
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

/* At most six digits. */
static bool number(struct span s, int base, size_t *out)
{
    *out = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (digit(s.ptr[i]) >= base)
            return false;
        *out = *out * (size_t)base + (size_t)digit(s.ptr[i]);
    }
    return s.len > 0 && s.len <= 6;
}

/* Takes a chunked body off S. */
static enum answer_kind take_chunks(struct span *s)
{
    for (;;) {
        struct span line;
        size_t n;

        if (!take_line(s, &line))
            return s->len <= 7 ? ANSWER_PART : ANSWER_NONE;
        if (!number(line, 16, &n))
            return ANSWER_NONE;
        if (s->len < n + 2)
            return ANSWER_PART;
        if (!span_starts(span_from(*s, n), CRLF))
            return ANSWER_NONE;
        *s = span_from(*s, n + 2);
        if (n == 0)
            return ANSWER_WHOLE;
    }
}

/* -- requests -- */

static bool is_plain_target(struct span t)
{
    if (t.len == 0 || t.ptr[0] != '/' || !is_visible(t, '!'))
        return false;
    for (size_t i = 0; i < t.len && t.ptr[i] != '?'; i++) {
        if (t.ptr[i] == '%' &&
            (t.len - i < 3 || digit(t.ptr[i + 1]) > 15 || digit(t.ptr[i + 2]) > 15))
            return false;
    }
    return true;
}

static bool may_wait(struct span target)
{
    const char *query = memchr(target.ptr, '?', target.len);

    if (query == NULL)
        return false;
    target = span_from(target, (size_t)(query - target.ptr));
    return contains(target, SPAN("wait")) || contains(target, SPAN("%"));
}

static bool take_request_line(struct span *s, struct plain_request *out)
{
    static const char *const methods[] = {"GET ", "PUT ", "POST ", "HEAD ", "DELETE ", "OPTIONS "};
    struct span line, version = SPAN(" HTTP/1.1");

    if (!take_line(s, &line) || line.len < version.len)
        return false;
    line.len -= version.len;
    if (!span_eq((struct span){line.ptr + line.len, version.len}, version))
        return false;
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (!span_starts(line, span_of(methods[i])))
            continue;
        line = span_from(line, strlen(methods[i]));
        out->head = methods[i][0] == 'H';
        out->watch = (out->head || methods[i][0] == 'G') && is_plain_target(line) && may_wait(line);
        return is_plain_target(line);
    }
    return false;
}

struct framing {
    unsigned hosts, lengths, codings, connections, expects;
    size_t length;
};

/* False: something that a server might object to. */
static bool take_field(struct span line, struct framing *f, struct plain_request *out)
{
    struct span name, value;

    if (!split_field(line, &name, &value) || !is_visible(value, ' '))
        return false;
    if (fold_eq(name, "Host")) {
        f->hosts++;
        return is_token(value);
    }
    if (fold_eq(name, "Content-Length")) {
        f->lengths++;
        /* libmicrohttpd 0.9.75 refuses a blank behind the number, with two heads (doc/compat.md). */
        return line.ptr[line.len - 1] != ' ' && number(value, 10, &f->length);
    }
    if (fold_eq(name, "Transfer-Encoding")) {
        f->codings++;
        return fold_eq(value, "chunked");
    }
    if (fold_eq(name, "Connection")) {
        f->connections++;
        out->close = fold_eq(value, "close");
        return out->close || fold_eq(value, "keep-alive");
    }
    if (fold_eq(name, "Expect")) {
        f->expects++;
        return fold_eq(value, "100-continue");
    }
    return !fold_eq(name, "Upgrade") && !fold_eq(name, "Trailer");
}

bool plain_request(struct span s, struct plain_request *out)
{
    struct framing f = {0};
    struct span rest = s, line;
    unsigned fields = 0;

    *out = (struct plain_request){0};
    if (!take_request_line(&rest, out))
        return false;
    for (;;) {
        if (!take_line(&rest, &line) || fields++ > FIELDS_MAX)
            return false;
        if (line.len == 0)
            break;
        if (!take_field(line, &f, out))
            return false;
    }
    if (s.len - rest.len > HEAD_MAX || f.hosts != 1 || f.lengths + f.codings > 1 ||
        f.connections > 1 || f.expects > 1)
        return false;
    if (f.codings > 0 && take_chunks(&rest) != ANSWER_WHOLE)
        return false;
    if (f.length > rest.len)
        return false;
    out->bytes = s.len - rest.len + f.length;
    return true;
}

/* -- answers -- */

struct answer_head {
    bool chunked, has_length;
    size_t length;
};

static bool answer_field(struct span line, struct answer_head *h, struct answer *out)
{
    struct span name, value;

    if (!split_field(line, &name, &value))
        return false;
    if (fold_eq(name, "Connection") && fold_eq(value, "close"))
        out->close = true;
    if (fold_eq(name, "Transfer-Encoding")) {
        if (h->chunked || !fold_eq(value, "chunked"))
            return false;
        h->chunked = true;
    }
    if (fold_eq(name, "Content-Length")) {
        if (h->has_length || !number(value, 10, &h->length))
            return false;
        h->has_length = true;
    }
    return true;
}

static bool status_line(struct span line, struct answer *out)
{
    size_t status;

    if (line.len < 12 ||
        !(span_starts(line, SPAN("HTTP/1.1 ")) || span_starts(line, SPAN("HTTP/1.0 "))) ||
        !number((struct span){line.ptr + 9, 3}, 10, &status) ||
        (line.len > 12 && line.ptr[12] != ' ') || status < 100 || status > 599)
        return false;
    out->status = (int)status;
    return true;
}

enum answer_kind answer_read(struct span s, bool head_only, bool ended, struct answer *out)
{
    static const char begin[] = "HTTP/1.";
    struct answer_head h = {0};
    struct span rest = s, line;

    *out = (struct answer){0};
    if (memcmp(s.ptr != NULL ? s.ptr : "", begin, s.len < strlen(begin) ? s.len : strlen(begin)) !=
        0)
        return ANSWER_NONE;
    if (!take_line(&rest, &line))
        return ANSWER_PART;
    if (!status_line(line, out))
        return ANSWER_NONE;

    int status = out->status;

    out->status = 0;
    do {
        if (!take_line(&rest, &line))
            return ANSWER_PART;
        if (line.len > 0 && !answer_field(line, &h, out))
            return ANSWER_NONE;
    } while (line.len > 0);
    if (status == 100) { /* the real one follows */
        size_t before = s.len - rest.len;
        enum answer_kind kind = answer_read(rest, head_only, ended, out);

        out->bytes += before;
        return kind;
    }
    out->status = status;
    out->body = rest;
    if (h.chunked && h.has_length)
        return ANSWER_NONE;
    if (head_only || status == 204 || status == 304) {
        out->body.len = 0;
    } else if (h.chunked) {
        enum answer_kind kind = take_chunks(&rest);

        if (kind != ANSWER_WHOLE)
            return kind;
        out->body.len -= rest.len;
    } else if (h.has_length) {
        if (rest.len < h.length)
            return ANSWER_PART;
        out->body.len = h.length;
    } else {
        out->close = out->bare = true;
        if (!ended)
            return ANSWER_PART;
    }
    out->bytes = (size_t)(out->body.ptr - s.ptr) + out->body.len;
    return ANSWER_WHOLE;
}
