#include "cluster/roster.h"

#include "base/gojson.h"
#include "base/gojson_walk.h"
#include "base/num.h"

#include <inttypes.h>

/* ---- reading ---- */

/* The bytes never move: there is room for all of the text, three times for what is not UTF-8. */
static bool read_string(struct gojson_walk *w, struct buf *bytes, struct span *out)
{
    size_t from = bytes->len;
    if (gojson_kind(w) != GOJSON_STRING)
        return false;
    gojson_string(w, bytes);
    *out = span_make(bytes->ptr + from, bytes->len - from);
    return true;
}

static bool read_urls(struct gojson_walk *w, struct buf *bytes, struct span *urls, unsigned *n)
{
    if (gojson_kind(w) == GOJSON_NULL) {
        gojson_skip(w);
        return true;
    }
    if (gojson_kind(w) != GOJSON_ARRAY)
        return false;
    gojson_enter(w);
    while (gojson_next_item(w)) {
        if (*n == COMMAND_MEMBER_URLS || !read_string(w, bytes, &urls[*n]))
            return false;
        (*n)++;
    }
    return true;
}

static bool read_id(struct gojson_walk *w, uint64_t *out)
{
    if (gojson_kind(w) != GOJSON_NUMBER)
        return false;
    struct span text = w->rest;
    gojson_skip(w);
    text.len -= w->rest.len;
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t' || text.ptr[0] == '\n'))
        text = span_from(text, 1);
    return num_u64(text, out);
}

static bool read_member(struct gojson_walk *w, struct roster *r, struct buf *name)
{
    if (r->n == LIMIT_MEMBERS || gojson_kind(w) != GOJSON_OBJECT)
        return false;
    struct command_member *m = &r->m[r->n];
    *m = (struct command_member){.name = SPAN("")};
    bool ok = true;
    gojson_enter(w);
    while (ok && gojson_next_member(w, name)) {
        if (span_eq(buf_as_span(name), SPAN("id")))
            ok = read_id(w, &m->id);
        else if (span_eq(buf_as_span(name), SPAN("name")))
            ok = read_string(w, &r->bytes, &m->name);
        else if (span_eq(buf_as_span(name), SPAN("peerURLs")))
            ok = read_urls(w, &r->bytes, m->peer_urls, &m->n_peer_urls);
        else if (span_eq(buf_as_span(name), SPAN("clientURLs")))
            ok = read_urls(w, &r->bytes, m->client_urls, &m->n_client_urls);
        else
            gojson_skip(w);
    }
    r->n += ok && m->id != 0;
    return ok && m->id != 0;
}

int roster_parse(struct roster *r, struct span body, uint64_t cluster_id, struct err *e)
{
    struct gojson_walk w = {body};
    struct buf name = {0};
    *r = (struct roster){.cluster_id = cluster_id};
    bool ok = body.len <= ROSTER_BYTES_MAX && gojson_check(body, &name) &&
              gojson_kind(&w) == GOJSON_ARRAY;
    if (ok) {
        buf_reserve(&r->bytes, 3 * body.len + 1);
        gojson_enter(&w);
        while (ok && gojson_next_item(&w))
            ok = read_member(&w, r, &name);
    }
    ok = ok && r->n > 0 && cluster_id != 0;
    buf_fini(&name);
    if (!ok)
        roster_fini(r);
    return ok ? 0 : err_set(e, ERR_MALFORMED, "that is no list of members");
}

void roster_fini(struct roster *r)
{
    buf_fini(&r->bytes);
    *r = (struct roster){.n = 0};
}

/* ---- judging ---- */

static const struct command_member *find_id(const struct roster *r, uint64_t id)
{
    for (unsigned i = 0; i < r->n; i++)
        if (r->m[i].id == id)
            return &r->m[i];
    return NULL;
}

static int bootstrapped(uint64_t id, struct span name, struct err *e)
{
    return err_set(e, ERR_FOREIGN,
                   "member %" PRIx64 " has already been bootstrapped, and its data directory is "
                   "empty: what it promised the others is lost. Bring its data back; or on another "
                   "member: copse member remove %" PRIx64 ", then copse member add %.*s URL, and "
                   "start here with what that prints",
                   id, id, (int)name.len, name.ptr);
}

int roster_may_found(const struct roster *r, struct span from, const struct founding *f,
                     const struct founder *self, struct err *e)
{
    if (r->cluster_id != f->cluster_id)
        return err_set(e, ERR_FOREIGN,
                       "%.*s belongs to cluster %" PRIx64 ", and --initial-cluster with "
                       "--initial-cluster-token makes cluster %" PRIx64 ": give all founders the "
                       "same of both; or, to join that cluster: copse member add %.*s URL there, "
                       "and start with --initial-cluster-state=existing",
                       (int)from.len, from.ptr, r->cluster_id, f->cluster_id, (int)self->name.len,
                       self->name.ptr);
    const struct command_member *m = find_id(r, self->id);
    if (m == NULL)
        return err_set(e, ERR_FOREIGN,
                       "member %" PRIx64 " was removed from cluster %" PRIx64 " (says %.*s), which "
                       "is for ever: to come back as another member: copse member add %.*s URL "
                       "there, and start with --initial-cluster-state=existing",
                       self->id, r->cluster_id, (int)from.len, from.ptr, (int)self->name.len,
                       self->name.ptr);
    return m->n_client_urls > 0 ? bootstrapped(self->id, self->name, e) : 0;
}

static const struct founder *founder_of(const struct founding *f, const struct command_member *m)
{
    for (unsigned i = 0; i < f->n; i++)
        if (founding_same_urls(f->founders[i].peer_urls, f->founders[i].n_peer_urls, m->peer_urls,
                               m->n_peer_urls))
            return &f->founders[i];
    return NULL;
}

int roster_may_join(const struct roster *r, struct span from, const struct founding *f,
                    const struct founder *self, uint64_t log_of, uint64_t *id, struct err *e)
{
    const struct command_member *own = NULL, *unnamed = NULL;
    for (unsigned i = 0; i < r->n; i++) {
        const struct founder *is = founder_of(f, &r->m[i]);
        if (is == self)
            own = &r->m[i];
        if (is == NULL)
            unnamed = &r->m[i];
    }
    if (own == NULL)
        return err_set(e, ERR_FOREIGN,
                       "%.*s has not been added to cluster %" PRIx64 " (says %.*s): on one of its "
                       "members: copse member add %.*s %.*s, and start with what that prints",
                       (int)self->name.len, self->name.ptr, r->cluster_id, (int)from.len, from.ptr,
                       (int)self->name.len, self->name.ptr, (int)self->peer_urls[0].len,
                       self->peer_urls[0].ptr);
    *id = own->id;
    /* Let in before: the cluster may have changed since, or who answers may be behind. */
    if (own->id == log_of)
        return 0;
    if (own->n_client_urls > 0)
        return bootstrapped(own->id, self->name, e);
    if (unnamed != NULL)
        return err_set(e, ERR_FOREIGN,
                       "PeerURLs: no match found for existing member (%" PRIx64 ", %.*s, %.*s) in "
                       "--initial-cluster: it must name all members of the cluster, as copse "
                       "member list shows them",
                       unnamed->id, (int)unnamed->name.len, unnamed->name.ptr,
                       unnamed->n_peer_urls > 0 ? (int)unnamed->peer_urls[0].len : 0,
                       unnamed->n_peer_urls > 0 ? unnamed->peer_urls[0].ptr : "");
    if (r->n != f->n)
        return err_set(e, ERR_FOREIGN,
                       "member count is unequal: --initial-cluster names %u, the cluster has %u; "
                       "name just its members, as copse member list shows them",
                       f->n, r->n);
    return 0;
}

int roster_first_to_join(const struct roster_said *said, unsigned n, const struct founding *f,
                         const struct founder *self, uint64_t log_of, uint64_t *id, struct err *e)
{
    CP_ASSERT(n > 0);
    for (unsigned i = 0; i < n; i++)
        if (roster_may_join(said[i].roster, said[i].from, f, self, log_of, id, i == 0 ? e : NULL) ==
            0)
            return (int)i;
    return ERR_FOREIGN;
}
