#include "cluster/member.h"

#include "base/mem.h"
#include "proto/peer_url.h"

void member_table_fini(struct member_table *t)
{
    for (unsigned i = 0; i < t->n; i++)
        blob_unref(t->m[i].info);
    for (unsigned i = 0; i < t->n_leaving; i++)
        blob_unref(t->leaving[i].info);
    mem_free(t->removed);
    *t = (struct member_table){.n = 0};
}

static unsigned place_of(const struct member_table *t, uint64_t id) /* where it is or belongs */
{
    unsigned i = 0;
    while (i < t->n && t->m[i].id < id)
        i++;
    return i;
}

static struct member *find(struct member_table *t, uint64_t id)
{
    unsigned i = place_of(t, id);
    return i < t->n && t->m[i].id == id ? &t->m[i] : NULL;
}

const struct member *member_find(const struct member_table *t, uint64_t id)
{
    unsigned i = place_of(t, id);
    return i < t->n && t->m[i].id == id ? &t->m[i] : NULL;
}

static unsigned removed_place(const struct member_table *t, uint64_t id)
{
    unsigned from = 0, to = t->n_removed;
    while (from < to) {
        unsigned middle = from + (to - from) / 2;
        if (t->removed[middle] < id)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

bool member_was_removed(const struct member_table *t, uint64_t id)
{
    unsigned i = removed_place(t, id);
    return i < t->n_removed && t->removed[i] == id;
}

bool member_forbid(struct member_table *t, uint64_t id)
{
    unsigned at = removed_place(t, id);
    if (at < t->n_removed && t->removed[at] == id)
        return true;
    if (t->n_removed == LIMIT_REMOVED)
        return false;
    t->removed = mem_realloc(t->removed, (t->n_removed + 1) * sizeof(*t->removed));
    memmove(t->removed + at + 1, t->removed + at, (t->n_removed - at) * sizeof(*t->removed));
    t->removed[at] = id;
    t->n_removed++;
    return true;
}

bool member_add(struct member_table *t, uint64_t id)
{
    unsigned at = place_of(t, id);
    if ((at < t->n && t->m[at].id == id) || t->n == LIMIT_MEMBERS)
        return false;
    memmove(t->m + at + 1, t->m + at, (t->n - at) * sizeof(t->m[0]));
    t->m[at] = (struct member){.id = id};
    t->n++;
    return true;
}

const struct member *member_leaving(const struct member_table *t, uint64_t id)
{
    for (unsigned i = 0; i < t->n_leaving; i++)
        if (t->leaving[i].id == id)
            return &t->leaving[i];
    return NULL;
}

void member_left(struct member_table *t, uint64_t id)
{
    unsigned at = 0;
    while (at < t->n_leaving && t->leaving[at].id != id)
        at++;
    if (at == t->n_leaving)
        return;
    blob_unref(t->leaving[at].info);
    t->n_leaving--;
    memmove(t->leaving + at, t->leaving + at + 1, (t->n_leaving - at) * sizeof(t->leaving[0]));
}

/* Takes the reference in M. */
static void keep_leaving(struct member_table *t, struct member m)
{
    if (t->n_leaving == LIMIT_MEMBERS)
        member_left(t, t->leaving[0].id);
    t->leaving[t->n_leaving++] = m;
}

static void drop(struct member_table *t, struct member *m)
{
    unsigned at = (unsigned)(m - t->m);
    keep_leaving(t, *m);
    memmove(m, m + 1, (t->n - at - 1) * sizeof(*m));
    t->n--;
}

void member_restore(struct member_table *t, uint64_t id, struct blob *info)
{
    struct member *m = find(t, id);
    if (m == NULL) {
        CP_ASSERT(member_was_removed(t, id));
        keep_leaving(t, (struct member){.id = id, .info = blob_ref(info)});
        return;
    }
    blob_unref(m->info);
    m->info = blob_ref(info);
}

void member_read(struct blob *info, struct command_member *out)
{
    struct command c;
    *out = (struct command_member){.id = 0};
    if (info == NULL)
        return;
    int rv = command_decode(blob_span(info), &c, NULL);
    CP_ASSERT(rv ==
              0); /* the table holds nothing else than what it encoded, or a snapshot checked */
    *out = c.member;
}

/* The command in the table's form: address and stamp stay those of the entry. */
static struct blob *as_info(const struct command *c)
{
    struct command info = *c;
    info.kind = COMMAND_MEMBER;
    return command_encode(&info);
}

static void replace(struct member *m, const struct command *c)
{
    struct blob *info = as_info(c); /* may borrow from the one before */
    blob_unref(m->info);
    m->info = info;
}

static void take_peer_urls(struct command_member *to, const struct command_member *from)
{
    to->n_peer_urls = from->n_peer_urls;
    memcpy(to->peer_urls, from->peer_urls, sizeof(to->peer_urls));
}

static bool url_in_use(const struct member_table *t, const struct command_member *of)
{
    for (unsigned i = 0; i < t->n; i++) {
        struct command_member m;
        member_read(t->m[i].info, &m);
        for (unsigned k = 0; k < m.n_peer_urls && t->m[i].id != of->id; k++)
            for (unsigned u = 0; u < of->n_peer_urls; u++)
                if (peer_url_same(m.peer_urls[k], of->peer_urls[u]))
                    return true;
    }
    return false;
}

static enum member_outcome apply_add(struct member_table *t, const struct command *c,
                                     unsigned *indexes)
{
    struct member *m = find(t, c->member.id);
    if (member_was_removed(t, c->member.id))
        return MEMBER_GONE;
    if (m != NULL && m->info != NULL)
        return MEMBER_EXISTS;
    if (url_in_use(t, &c->member))
        return MEMBER_URL_EXISTS;
    if (m == NULL) {
        /* Each of them may have to be remembered one day. */
        if (t->n_removed + t->n >= LIMIT_REMOVED || !member_add(t, c->member.id))
            return MEMBER_FULL;
        m = find(t, c->member.id);
        *indexes = 1;
    }
    replace(m, c);
    return MEMBER_DONE;
}

static enum member_outcome apply_update(struct member_table *t, const struct command *c,
                                        unsigned *indexes)
{
    struct member *m = find(t, c->member.id);
    if (member_was_removed(t, c->member.id))
        return MEMBER_GONE;
    if (m == NULL)
        return MEMBER_UNKNOWN;
    if (url_in_use(t, &c->member))
        return MEMBER_URL_EXISTS;
    struct command now = *c;
    member_read(m->info, &now.member);
    now.member.id = m->id;
    take_peer_urls(&now.member, &c->member);
    replace(m, &now);
    *indexes = 1;
    return MEMBER_DONE;
}

static enum member_outcome apply_remove(struct member_table *t, const struct command *c,
                                        unsigned *indexes)
{
    struct member *m = find(t, c->member.id);
    if (member_was_removed(t, c->member.id))
        return MEMBER_GONE;
    if (m == NULL)
        return MEMBER_UNKNOWN;
    drop(t, m);
    (void)member_forbid(t, c->member.id); /* there is room: ADD sees to it */
    *indexes = 2;
    return MEMBER_DONE;
}

static enum member_outcome apply_publish(struct member_table *t, const struct command *c,
                                         unsigned *indexes)
{
    struct member *m = find(t, c->member.id);
    *indexes = 1;
    if (m == NULL) /* removed meanwhile: what it says of itself concerns nobody */
        return member_was_removed(t, c->member.id) ? MEMBER_GONE : MEMBER_UNKNOWN;
    struct command now = *c;
    struct command_member before;
    member_read(m->info, &before);
    if (before.n_peer_urls > 0)
        take_peer_urls(&now.member, &before);
    replace(m, &now);
    return MEMBER_DONE;
}

enum member_outcome member_apply(struct member_table *t, const struct command *c, unsigned *indexes)
{
    *indexes = 0;
    switch (c->kind) {
    case COMMAND_MEMBER:
        return apply_publish(t, c, indexes);
    case COMMAND_MEMBER_ADD:
        return apply_add(t, c, indexes);
    case COMMAND_MEMBER_REMOVE:
        return apply_remove(t, c, indexes);
    case COMMAND_MEMBER_UPDATE:
        return apply_update(t, c, indexes);
    default:
        CP_NEVER("a command that is not about members");
    }
}

const char *member_command_name(enum command_kind kind)
{
    return kind == COMMAND_MEMBER_ADD      ? "add"
           : kind == COMMAND_MEMBER_REMOVE ? "remove"
           : kind == COMMAND_MEMBER_UPDATE ? "update"
                                           : "publish";
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
    const struct member *known = member_find(t, m->id);
    struct command_member is;
    if (known == NULL)
        return false;
    member_read(known->info, &is);
    return span_eq(is.name, m->name) &&
           same_urls(is.client_urls, is.n_client_urls, m->client_urls, m->n_client_urls);
}
