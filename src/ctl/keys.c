/* keys: see keys.h. */
#include "ctl/keys.h"
#include "base/err.h"
#include "ctl/print.h"
#include "proto/url.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES 65536

/* quirk: arguments are looked at only when the cluster has answered (endpoints). */
enum exit_status keys_begin(struct session *s, const struct opts *o, const char **key)
{
    enum exit_status status = session_open(s, true);

    if (status != EXIT_FINE)
        return status;
    if (o->args_count == 0)
        return session_fail_text("key required", EXIT_ARGUMENTS);
    *key = o->args[0];
    session_start_clock(s);
    return EXIT_FINE;
}

void keys_pair(struct buf *pairs, const char *name, struct span value)
{
    buf_printf(pairs, "%s%s=", pairs->len > 0 ? "&" : "", name);
    url_escape_query(pairs, value);
}

void keys_pair_bool(struct buf *pairs, const char *name, bool value)
{
    keys_pair(pairs, name, value ? SPAN("true") : SPAN("false"));
}

void keys_pair_number(struct buf *pairs, const char *name, uint64_t value)
{
    buf_printf(pairs, "%s%s=%llu", pairs->len > 0 ? "&" : "", name, (unsigned long long)value);
}

void keys_pair_ttl(struct buf *pairs, int64_t ttl)
{
    if (ttl > 0)
        keys_pair_number(pairs, "ttl", (uint64_t)ttl);
}

void key_request_fini(struct key_request *r)
{
    buf_fini(&r->query);
    buf_fini(&r->form);
}

int keys_send(struct session *s, const struct key_request *r, struct event_reply *out, bool *empty,
              struct fail *f)
{
    struct buf path = {0}, query = {0};
    struct http_reply reply = {0};

    buf_printf(&path, "/v2/keys%s%s", r->key[0] == '/' || r->key[0] == '\0' ? "" : "/", r->key);
    buf_span(&query, buf_as_span(&r->query));

    struct client_request request = {
        .method = r->method,
        .path = buf_as_span(&path),
        .keep_slash = true,
        .query = buf_cstr(&query),
        .body = r->has_form ? (r->form.len > 0 ? r->form.ptr : "") : NULL,
        .body_bytes = r->form.len,
        .content_type = "application/x-www-form-urlencoded",
        .once = r->once,
        .wait = r->wait,
    };

    *empty = false;

    int rc = client_do(&s->client, &request, &reply, f);

    if (rc == 0)
        rc = reply_event(&reply, out, empty, f);
    http_reply_fini(&reply);
    buf_fini(&path);
    buf_fini(&query);
    return rc;
}

enum exit_status keys_ask(struct session *s, struct key_request *r, struct event_reply *out)
{
    struct fail f = {0};
    bool empty;
    int rc = keys_send(s, r, out, &empty, &f);
    enum exit_status status = rc == 0 ? EXIT_FINE : session_fail(&f, EXIT_SERVER);

    key_request_fini(r);
    fail_fini(&f);
    return status;
}

enum exit_status keys_ask_and_show(struct session *s, struct key_request *r, enum keys_show show)
{
    struct event_reply e;
    enum exit_status status = keys_ask(s, r, &e);

    if (status != EXIT_FINE)
        return status;
    if (show == SHOW_ALWAYS || strcmp(s->output, "simple") != 0 ||
        (show == SHOW_FILES && !node_is_dir(e.node)))
        print_show_event(&e, s->output);
    event_reply_fini(&e);
    return EXIT_FINE;
}

enum exit_status keys_value(const struct opts *o, size_t i, struct buf *out)
{
    if (i < o->args_count) {
        buf_span(out, span_of(o->args[i]));
        return EXIT_FINE;
    }
    for (;;) {
        buf_reserve(out, READ_BYTES);

        ssize_t n = read(STDIN_FILENO, out->ptr + out->len, READ_BYTES);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return session_fail_text(strerror(errno), EXIT_ARGUMENTS);
        if (n == 0)
            break;
        out->len += (size_t)n;
    }
    return out->len > 0 ? EXIT_FINE : session_fail_text("value required", EXIT_ARGUMENTS);
}
