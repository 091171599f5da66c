#include "cluster/founding.h"

#include "base/buf.h"
#include "base/mem.h"
#include "cluster/identity.h"
#include "codec/command.h"
#include "proto/peer_url.h"

#include <stdlib.h>

struct item {
    struct span name, url;
};

/* Cuts S at the first SEP; gives the part before it, S becomes the rest. */
static struct span cut(struct span *s, char sep)
{
    const char *at = s->len > 0 ? memchr(s->ptr, sep, s->len) : NULL;
    struct span part = {s->ptr, at != NULL ? (size_t)(at - s->ptr) : s->len};
    *s = at != NULL ? span_from(*s, part.len + 1) : span_from(*s, s->len);
    return part;
}

static int by_name_and_url(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    int names = span_cmp(x->name, y->name);
    return names != 0 ? names : span_cmp(x->url, y->url);
}

static int take_item(struct span text, struct item *out, const char *flag, struct err *e)
{
    struct buf why = {0};
    out->url = text;
    out->name = peer_url_trim(cut(&out->url, '='));
    out->url = peer_url_trim(out->url);
    int rv = 0;
    if (!peer_url_check(out->url, &why))
        rv = err_set(e, ERR_USAGE, "--%s: %.*s: %s; write NAME=http://HOST:PORT,...", flag,
                     (int)text.len, text.ptr, buf_cstr(&why));
    buf_fini(&why);
    return rv;
}

/* Gives the items, sorted. As etcd, nothing between two commas is no item. */
static int take_items(char *bytes, const char *flag, struct item **out, size_t *n, struct err *e)
{
    struct span text = span_of(bytes);
    struct item *items = NULL;
    int rv = 0;
    *n = 0;
    while (rv == 0 && text.len > 0) {
        struct span item = cut(&text, ',');
        if (item.len == 0)
            continue;
        items = mem_realloc(items, (*n + 1) * sizeof(*items));
        struct item *last = &items[*n];
        rv = take_item(item, last, flag, e);
        if (rv != 0)
            break;
        peer_url_fold(bytes + (last->url.ptr - bytes), last->url.len);
        (*n)++;
    }
    if (rv == 0 && *n == 0)
        rv = err_set(e, ERR_USAGE, "--%s names no member", flag);
    if (rv == 0)
        qsort(items, *n, sizeof(*items), by_name_and_url);
    *out = items;
    return rv;
}

static int check_urls(const struct item *items, size_t n, const char *flag, struct err *e)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (peer_url_same(items[i].url, items[k].url))
                return err_set(e, ERR_USAGE,
                               "--%s has duplicate url %.*s; each member needs its own", flag,
                               (int)items[i].url.len, items[i].url.ptr);
    return 0;
}

static int group(struct founding *f, const struct item *items, size_t n, const char *flag,
                 struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        f->urls[i] = items[i].url;
        if (i == 0 || items[i].name.len == 0 || !span_eq(items[i].name, items[i - 1].name)) {
            if (f->n == LIMIT_MEMBERS)
                return err_set(e, ERR_USAGE, "--%s: more than %d members", flag, LIMIT_MEMBERS);
            f->founders[f->n++] = (struct founder){.name = items[i].name, .peer_urls = &f->urls[i]};
        }
        struct founder *last = &f->founders[f->n - 1];
        if (last->n_peer_urls++ == COMMAND_MEMBER_URLS)
            return err_set(e, ERR_USAGE, "--%s: more than %d URLs of %.*s", flag,
                           COMMAND_MEMBER_URLS, (int)last->name.len, last->name.ptr);
    }
    return 0;
}

static void identify(struct founding *f, struct span token)
{
    uint64_t ids[LIMIT_MEMBERS];
    for (unsigned i = 0; i < f->n; i++)
        ids[i] = f->founders[i].id =
            identity_member(f->founders[i].peer_urls, f->founders[i].n_peer_urls, token, 0);
    f->cluster_id = identity_cluster(ids, f->n);
}

int founding_parse(struct founding *f, const char *text, struct span token, const char *flag,
                   struct err *e)
{
    struct item *items = NULL;
    size_t n;
    *f = (struct founding){.text = mem_strdup(text)};
    int rv = take_items(f->text, flag, &items, &n, e);
    if (rv == 0)
        rv = check_urls(items, n, flag, e);
    if (rv == 0) {
        f->urls = mem_alloc(n * sizeof(*f->urls));
        rv = group(f, items, n, flag, e);
    }
    if (rv == 0)
        identify(f, token);
    else
        founding_fini(f);
    mem_free(items);
    return rv;
}

void founding_fini(struct founding *f)
{
    mem_free(f->text);
    mem_free(f->urls);
    *f = (struct founding){.n = 0};
}

bool founding_same_urls(const struct span *a, unsigned na, const struct span *b, unsigned nb)
{
    if (na != nb)
        return false;
    for (unsigned i = 0; i < na; i++) {
        unsigned k = 0;
        while (k < nb && !peer_url_same(a[i], b[k]))
            k++;
        if (k == nb)
            return false;
    }
    return true;
}

int founding_self(const struct founding *f, const char *text, struct span name,
                  const struct span *advertised, unsigned n, const struct founder **self,
                  struct err *e)
{
    *self = NULL;
    for (unsigned i = 0; i < f->n; i++)
        if (span_eq(f->founders[i].name, name))
            *self = &f->founders[i];
    if (*self == NULL)
        return err_set(e, ERR_USAGE,
                       "couldn't find local name \"%.*s\" in the initial cluster configuration: "
                       "--initial-cluster=%s; give --name one of its names, or add "
                       "%.*s=URL to it",
                       (int)name.len, name.ptr, text, (int)name.len, name.ptr);
    if (founding_same_urls((*self)->peer_urls, (*self)->n_peer_urls, advertised, n))
        return 0;
    struct buf has = {0}, says = {0};
    for (unsigned i = 0; i < (*self)->n_peer_urls; i++)
        buf_printf(&has, "%s%.*s=%.*s", i > 0 ? "," : "", (int)name.len, name.ptr,
                   (int)(*self)->peer_urls[i].len, (*self)->peer_urls[i].ptr);
    for (unsigned i = 0; i < n; i++)
        buf_printf(&says, "%s%.*s", i > 0 ? "," : "", (int)advertised[i].len, advertised[i].ptr);
    int rv = err_set(e, ERR_USAGE,
                     "--initial-cluster has %s but missing from --initial-advertise-peer-urls=%s; "
                     "make them the same",
                     buf_cstr(&has), buf_cstr(&says));
    buf_fini(&has);
    buf_fini(&says);
    return rv;
}
