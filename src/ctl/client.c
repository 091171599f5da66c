/* client: see client.h. */
#include "ctl/client.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "ctl/members.h"
#include "ctl/text.h"
#include "proto/url.h"

#include <stdio.h>
#include <string.h>

#define REDIRECTS_MAX 10

void client_start_clock(struct client *c, int64_t timeout_ns)
{
    c->has_deadline = true;
    c->deadline_ns = clock_mono_ns(&clock_system) + (timeout_ns > 0 ? (uint64_t)timeout_ns : 0);
}

void client_stop_clock(struct client *c)
{
    c->has_deadline = false;
}

void client_fini(struct client *c)
{
    endpoints_fini(&c->endpoints);
    http_free(c->http);
    mem_free(c->user);
    mem_free(c->password);
    *c = (struct client){0};
}

static void add_url(struct buf *url, const struct endpoint *to, const struct client_request *r)
{
    struct buf path = {0}, clean = {0};

    buf_printf(&path, "%s", to->path);
    buf_span(&path, r->path);
    (void)url_clean_path(&clean, buf_as_span(&path));
    if (!r->keep_slash && clean.len > 1 && clean.ptr[clean.len - 1] == '/')
        clean.len--;
    buf_printf(url, "%s", to->root);
    url_escape_path(url, buf_as_span(&clean));
    if (r->query != NULL && r->query[0] != '\0')
        buf_printf(url, "?%s", r->query);
    buf_fini(&path);
    buf_fini(&clean);
}

static void show_call(const struct client *c, const struct http_call *call)
{
    struct buf line = {0};

    if (!c->debug)
        return;
    buf_printf(&line, "cURL Command: curl -X %s %s", call->method, call->url);
    if (call->body != NULL) {
        buf_lit(&line, " -d ");
        text_quote(&line, span_make(call->body, call->body_bytes));
    }
    fprintf(stderr, "%s\n", buf_cstr(&line));
    buf_fini(&line);
}

/* The scheme of a URL if it is none we speak, as a message; libcurl would try some of them. */
static int refuse_scheme(const char *url, struct fail *f)
{
    const char *end = strstr(url, "://");
    int n = end != NULL ? (int)(end - url) : (int)strcspn(url, ":");

    if (strchr(url, ':') == NULL)
        n = 0;
    if ((n == 4 && strncasecmp(url, "http", 4) == 0) ||
        (n == 5 && strncasecmp(url, "https", 5) == 0)) {
        if (url[n] == ':' && (end == NULL || end[3] == '\0' || end[3] == '/')) {
            buf_lit(&f->text, "http: no Host in request URL");
            return ERR_NET;
        }
        return 0;
    }
    buf_printf(&f->text, "unsupported protocol scheme \"%.*s\"", n, url);
    return ERR_NET;
}

static int one_exchange(struct client *c, const struct endpoint *to, const char *url,
                        const struct client_request *r, struct http_reply *out, struct fail *f)
{
    struct http_call call = {
        .method = r->method,
        .url = url,
        .endpoint = to->text,
        .body = r->body,
        .body_bytes = r->body_bytes,
        .content_type = r->content_type,
        .user = c->user,
        .password = c->password,
        .has_deadline = c->has_deadline,
        .deadline_ns = c->deadline_ns,
        .has_header_deadline = c->header_timeout_ns > 0 && !r->wait,
    };

    show_call(c, &call);
    call.header_deadline_ns = clock_mono_ns(&clock_system) + (uint64_t)c->header_timeout_ns;

    int rc = refuse_scheme(url, f);

    return rc != 0 ? rc : http_do(c->http, &call, out, f);
}

/* One endpoint, and wherever it points. */
static int follow(struct client *c, const struct endpoint *to, const struct client_request *r,
                  struct http_reply *out, struct fail *f)
{
    struct buf url = {0};
    int rc = 0;

    add_url(&url, to, r);
    for (int hops = 0;; hops++) {
        if (hops > REDIRECTS_MAX) {
            buf_lit(&f->text, "client: too many redirects");
            rc = ERR_NET;
            break;
        }
        rc = one_exchange(c, to, buf_cstr(&url), r, out, f);
        if (rc != 0 || out->status / 100 != 3)
            break;
        if (out->location.len == 0) {
            buf_lit(&f->text, "location header not set");
            rc = ERR_NET;
            break;
        }
        buf_clear(&url);
        buf_span(&url, buf_as_span(&out->location));
    }
    buf_fini(&url);
    return rc;
}

static const char *status_words(int status)
{
    switch (status) {
    case 501:
        return "Not Implemented";
    case 502:
        return "Bad Gateway";
    case 504:
        return "Gateway Timeout";
    case 505:
        return "HTTP Version Not Supported";
    case 507:
        return "Insufficient Storage";
    default:
        return "";
    }
}

static int refuse_server_error(const struct endpoint *to, const struct http_reply *reply,
                               struct fail *f)
{
    if (reply->status / 100 != 5)
        return 0;
    buf_printf(&f->text, "client: etcd member %s ", to->text);
    if (reply->status == 500 || reply->status == 503)
        buf_lit(&f->text, "has no leader");
    else
        buf_printf(&f->text, "returns server error [%s]", status_words(reply->status));
    return ERR_NET;
}

/* Whether the server had taken the waiting request when the connection broke. */
static bool is_begun(const struct client_request *r, const struct http_reply *reply, struct fail *f)
{
    f->begun = r->wait && reply->status == 200 && reply->etcd_index.len > 0 &&
               num_u64(buf_as_span(&reply->etcd_index), &f->index);
    return f->begun;
}

static void add_failure(struct fail *all, size_t i, const struct fail *one)
{
    buf_printf(&all->text, "; error #%zu: ", i);
    buf_span(&all->text, buf_as_span(&one->text));
    buf_char(&all->text, '\n');
    buf_printf(&all->detail, "error #%zu: ", i);
    buf_span(&all->detail, buf_as_span(&one->text));
    buf_char(&all->detail, '\n');
    all->connection = all->connection && one->connection;
}

int client_do(struct client *c, const struct client_request *r, struct http_reply *out,
              struct fail *f)
{
    struct fail all = {.connection = true};
    struct fail one = {0};

    buf_lit(&all.text, "client: etcd cluster is unavailable or misconfigured");
    fail_clear(f);
    for (size_t i = 0; i < c->endpoints.count; i++) {
        size_t at = (c->pinned + i) % c->endpoints.count;
        const struct endpoint *to = &c->endpoints.items[at];

        fail_clear(&one);

        int rc = follow(c, to, r, out, &one);

        if (rc == 0)
            rc = refuse_server_error(to, out, &one);
        if (rc == 0) {
            c->pinned = at;
            fail_fini(&all);
            fail_fini(&one);
            return 0;
        }
        if (r->once || one.over) {
            fail_fini(&all);
            *f = one;
            return ERR_NET;
        }
        add_failure(&all, i, &one);
        if (is_begun(r, out, &all)) {
            c->pinned = (at + 1) % c->endpoints.count;
            break;
        }
    }
    fail_fini(&one);
    *f = all;
    return ERR_NET;
}

int client_sync(struct client *c, struct fail *f)
{
    struct members members = {0};
    struct endpoints found = {0};
    int rc = members_list(c, &members, f);

    for (size_t i = 0; rc == 0 && i < members.count; i++) {
        for (size_t j = 0; rc == 0 && j < members.items[i].client_urls.count; j++)
            rc = endpoints_add(&found, span_of(members.items[i].client_urls.items[j]), &f->text);
    }
    if (rc == 0 && found.count == 0) {
        buf_lit(&f->text, "client: no endpoints available");
        f->no_endpoints = true;
        rc = ERR_NET;
    }
    if (rc == 0 && !endpoints_equal(&c->endpoints, &found)) {
        struct endpoints old = c->endpoints;

        endpoints_shuffle(&found);
        c->endpoints = found;
        c->pinned = 0;
        found = old;
    }
    endpoints_fini(&found);
    members_fini(&members);
    return rc;
}
