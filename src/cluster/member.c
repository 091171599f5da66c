#include "cluster/member.h"

void member_table_fini(struct member_table *t)
{
    for (unsigned i = 0; i < t->n; i++)
        blob_unref(t->m[i].published);
    t->n = 0;
}

static struct member *member_find(struct member_table *t, uint64_t id)
{
    for (unsigned i = 0; i < t->n; i++)
        if (t->m[i].id == id)
            return &t->m[i];
    return NULL;
}

bool member_add(struct member_table *t, uint64_t id)
{
    if (member_find(t, id) != NULL || t->n == LIMIT_MEMBERS)
        return false;
    unsigned at = t->n;
    for (; at > 0 && t->m[at - 1].id > id; at--)
        t->m[at] = t->m[at - 1];
    t->m[at] = (struct member){.id = id};
    t->n++;
    return true;
}

void member_publish(struct member_table *t, uint64_t id, struct blob *payload)
{
    struct member *m = member_find(t, id);
    if (m == NULL)
        return; /* removed meanwhile: what it says of itself concerns nobody */
    blob_unref(m->published);
    m->published = blob_ref(payload);
}

static bool same_urls(const struct span *a, unsigned na, const struct span *b, unsigned nb)
{
    bool same = na == nb;
    for (unsigned i = 0; same && i < na; i++)
        same = span_eq(a[i], b[i]);
    return same;
}

bool member_has(const struct member_table *t, const struct command_member *m)
{
    for (unsigned i = 0; i < t->n; i++) {
        struct command c;
        if (t->m[i].id != m->id || t->m[i].published == NULL)
            continue;
        if (command_decode(blob_span(t->m[i].published), &c, NULL) != 0)
            return false;
        return span_eq(c.member.name, m->name) &&
               same_urls(c.member.peer_urls, c.member.n_peer_urls, m->peer_urls, m->n_peer_urls) &&
               same_urls(c.member.client_urls, c.member.n_client_urls, m->client_urls,
                         m->n_client_urls);
    }
    return false;
}
