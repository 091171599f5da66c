#include "codec/dump.h"

#include "base/crc32c.h"
#include "base/mem.h"
#include "codec/dump_accounts.h"
#include "codec/dump_head.h"
#include "store/node.h"

/* A directory on the way to the node written last. */
struct level {
    struct read_cursor cursor;
    size_t path_len;
};

struct dump {
    const struct node *root;
    const struct accounts *accounts; /* the version's */
    uint32_t users_done, roles_done;
    struct dump_head head;
    struct event **events;
    size_t n_events, events_done;
    enum { DUMPING_HEAD, DUMPING_ACCOUNTS, DUMPING_NODES } part; /* nodes, and all behind them */
    struct buf path; /* of the node written last; empty: the root */
    struct level *levels;
    size_t n_levels, cap_levels;
    struct lines_sums sums;
};

struct dump *dump_new(const struct dump_head *head, const struct version *v,
                      struct event *const *history, size_t n)
{
    struct dump *d = mem_zalloc(sizeof(*d));

    CP_ASSERT(head->n_counters <= DUMP_COUNTERS && head->n_members <= DUMP_MEMBERS);
    d->root = version_root(v);
    d->accounts = version_accounts(v);
    d->head = *head;
    d->head.index = version_index(v);
    d->head.removed = mem_dup(head->removed, head->n_removed * sizeof(*head->removed));
    CP_ASSERT(head->history_oldest <= d->head.index + 1);
    for (unsigned i = 0; i < head->n_members; i++) {
        CP_ASSERT(i == 0 || head->members[i - 1].id < head->members[i].id);
        if (head->members[i].published != NULL)
            blob_ref(head->members[i].published);
    }
    d->n_events = n;
    d->events = mem_alloc(n * sizeof(struct event *));
    for (size_t i = 0; i < n; i++) {
        CP_ASSERT(history[i]->index >= (i > 0 ? history[i - 1]->index + 1 : head->history_oldest));
        d->events[i] = event_ref(history[i]);
    }
    CP_ASSERT(n == 0 || history[n - 1]->index <= d->head.index);
    return d;
}

void dump_free(struct dump *d)
{
    if (d == NULL)
        return;
    for (unsigned i = 0; i < d->head.n_members; i++)
        blob_unref(d->head.members[i].published);
    mem_free(d->head.removed);
    for (size_t i = 0; i < d->n_events; i++)
        event_unref(d->events[i]);
    mem_free(d->events);
    mem_free(d->levels);
    buf_fini(&d->path);
    mem_free(d);
}

static void open_dir(struct dump *d, const struct node *dir)
{
    if (d->n_levels == d->cap_levels) {
        d->cap_levels = d->cap_levels > 0 ? 2 * d->cap_levels : 4;
        d->levels = mem_realloc(d->levels, d->cap_levels * sizeof(*d->levels));
    }

    struct level *l = &d->levels[d->n_levels++];

    l->path_len = d->path.len;
    read_children(&l->cursor, dir);
}

/* The node at d->path, and what comes next to it below: its children. */
static void add_node(struct dump *d, struct buf *b, const struct node *n)
{
    bool dir = node_is_dir(n);

    buf_reserve(b, 128 + d->path.len + n->value_len);
    if (dir)
        buf_lit(b, "{\"dir");
    else
        buf_lit(b, "{\"file");
    lines_bytes(b, d->path.len > 0 ? buf_as_span(&d->path) : SPAN("/"));
    buf_lit(b, ",\"c\":");
    buf_u64(b, n->created);
    buf_lit(b, ",\"m\":");
    buf_u64(b, n->modified);
    if (n->version != 1) {
        buf_lit(b, ",\"n\":");
        buf_u64(b, n->version);
    }
    if (node_is_timed(n)) {
        buf_lit(b, ",\"x\":");
        buf_i64(b, node_expires_ns(n));
    }
    if (dir) {
        buf_lit(b, ",\"t\":");
        buf_u64(b, node_body(n)->tree);
        open_dir(d, n);
    } else {
        buf_lit(b, ",\"v");
        lines_bytes(b, node_value(n));
        d->sums.files++;
    }
    buf_lit(b, "}\n");
    d->sums.lines++;
    d->sums.bytes += n->name_len + (uint64_t)n->value_len;
}

/* The next node; false when there is none. */
static bool step_node(struct dump *d, struct buf *b)
{
    const struct node *n = NULL;

    while (d->n_levels > 0) {
        struct level *l = &d->levels[d->n_levels - 1];

        d->path.len = l->path_len;
        n = read_next(&l->cursor);
        if (n != NULL)
            break;
        d->n_levels--;
    }
    if (n == NULL)
        return false;
    buf_char(&d->path, '/');
    buf_span(&d->path, node_key(n));
    d->sums.dirs += node_is_dir(n);
    add_node(d, b, n);
    return true;
}

static void add_event(struct buf *b, const struct event *e)
{
    struct span json = event_json(e);

    buf_reserve(b, 128 + e->path_len + json.len);
    buf_lit(b, "{\"event\":");
    buf_u64(b, e->index);
    buf_lit(b, ",\"action\":\"");
    buf_span(b, span_of(v2_action_name(e->action)));
    buf_char(b, '"');
    if (e->dir)
        buf_lit(b, ",\"dir\":true");
    if (e->refresh)
        buf_lit(b, ",\"refresh\":true");
    if (e->replaced)
        buf_lit(b, ",\"replaced\":true");
    buf_lit(b, ",\"path");
    lines_bytes(b, event_path(e));
    if (lines_is_object(json)) {
        buf_lit(b, ",\"json\":");
        buf_add(b, json.ptr, json.len - 1);
    } else {
        buf_lit(b, ",\"json64\":");
        lines_base64(b, json);
    }
    buf_lit(b, "}\n");
}

static void add_start(struct dump *d, struct buf *b)
{
    dump_write_head(b, &d->head);
    for (unsigned i = 0; i < d->head.n_members; i++)
        dump_write_member(b, &d->head.members[i]);
    for (unsigned i = 0; i < d->head.n_removed; i++)
        dump_write_removed(b, d->head.removed[i]);
    d->sums.lines = 1 + d->head.n_members + d->head.n_removed;
    if (d->accounts != NULL) {
        dump_write_auth(b, d->accounts->enabled);
        d->sums.lines++;
    }
    d->part = DUMPING_ACCOUNTS;
}

/* The next user or role; behind the last one, the root. */
static void step_account(struct dump *d, struct buf *b)
{
    const struct accounts *a = d->accounts;

    if (a != NULL && d->users_done < a->n_users) {
        dump_write_user(b, a->users[d->users_done++]);
        d->sums.lines++;
    } else if (a != NULL && d->roles_done < a->n_roles) {
        dump_write_role(b, a->roles[d->roles_done++]);
        d->sums.lines++;
    } else {
        d->part = DUMPING_NODES;
        add_node(d, b, d->root);
    }
}

/* False when all but the last line is there. */
static bool step(struct dump *d, struct buf *b)
{
    if (d->part == DUMPING_HEAD) {
        add_start(d, b);
        return true;
    }
    if (d->part == DUMPING_ACCOUNTS) {
        step_account(d, b);
        return true;
    }
    if (d->n_levels > 0 && step_node(d, b))
        return true;
    if (d->events_done == d->n_events)
        return false;
    add_event(b, d->events[d->events_done++]);
    d->sums.lines++;
    d->sums.events++;
    return true;
}

bool dump_more(struct dump *d, struct buf *out, size_t max)
{
    size_t before = out->len;
    bool more = true;

    do
        more = step(d, out);
    while (more && out->len - before < max);
    d->sums.crc = crc32c(d->sums.crc, out->ptr + before, out->len - before);
    if (!more)
        lines_end(out, &d->sums);
    return more;
}
