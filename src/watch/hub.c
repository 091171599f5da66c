#include "watch/hub.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "watch/history.h"
#include "watch/registry.h"

struct hub {
    struct history history;
    struct registry registry;
    size_t watchers;
    uint64_t batch; /* number of the running publish; see hub_path.batch */
    hub_existed *existed;
    void *ctx;
    struct buf path; /* scratch of tell_below */
};

struct hub *hub_new(size_t events, size_t bytes, hub_existed *existed, void *ctx)
{
    struct hub *h = mem_zalloc(sizeof *h);
    history_init(&h->history, events, bytes);
    registry_init(&h->registry);
    h->existed = existed;
    h->ctx = ctx;
    return h;
}

static void drop(struct hub *h, struct watcher *w)
{
    list_del(&w->place);
    w->registered = false;
    h->watchers--;
}

static void drop_all(struct hub *h, struct list *watchers)
{
    while (!list_empty(watchers))
        drop(h, CP_CONTAINER_OF(watchers->next, struct watcher, place));
}

void hub_free(struct hub *h)
{
    struct hub_path *p = h->registry.root;
    while (p != NULL) {
        if (!list_empty(&p->children)) {
            p = CP_CONTAINER_OF(p->children.next, struct hub_path, place);
            continue;
        }
        drop_all(h, &p->exact);
        drop_all(h, &p->deep);
        p = registry_trim(&h->registry, p);
    }
    CP_ASSERT(h->watchers == 0);
    registry_fini(&h->registry);
    history_fini(&h->history);
    buf_fini(&h->path);
    mem_free(h);
}

/* The place behind P, each before those below it; NULL: P is the last. */
static struct hub_path *next_path(struct hub_path *p)
{
    if (!list_empty(&p->children))
        return CP_CONTAINER_OF(p->children.next, struct hub_path, place);
    while (p->parent != NULL && p->place.next == &p->parent->children)
        p = p->parent;
    return p->parent != NULL ? CP_CONTAINER_OF(p->place.next, struct hub_path, place) : NULL;
}

static size_t gather(const struct list *watchers, uint64_t index, struct watcher **out)
{
    size_t n = 0;
    LIST_FOREACH (pos, watchers) {
        struct watcher *w = CP_CONTAINER_OF(pos, struct watcher, place);
        if (w->since < index)
            out[n++] = w;
    }
    return n;
}

void hub_end(struct hub *h, uint64_t index, void (*ended)(struct watcher *w))
{
    struct watcher **all = mem_alloc((h->watchers + 1) * sizeof(struct watcher *));
    size_t n = 0;
    for (struct hub_path *p = h->registry.root; p != NULL; p = next_path(p)) {
        n += gather(&p->exact, index, all + n);
        n += gather(&p->deep, index, all + n);
    }
    for (size_t i = 0; i < n; i++) {
        hub_cancel(h, all[i]);
        ended(all[i]);
    }
    mem_free(all);
}

size_t hub_watchers(const struct hub *h)
{
    return h->watchers;
}

/* ---- who is told */

static bool removes(const struct event *e)
{
    return e->action == V2_DELETE || e->action == V2_COMPARE_AND_DELETE || e->action == V2_EXPIRE;
}

/* Offset of the '/' before the last hidden name of PATH; -1 when it has none. A watcher above that
 * name is not told. */
static ptrdiff_t hidden_from(struct span path)
{
    for (size_t i = path.len; i-- > 0;) {
        if (path.ptr[i] == '/' && i + 1 < path.len && path.ptr[i + 1] == '_')
            return (ptrdiff_t)i;
    }
    return -1;
}

/* Length of a clean path with the root counted as empty. */
static size_t path_len(struct span path)
{
    return path.len == 1 ? 0 : path.len;
}

/* PATH lies below DIR (not at it); by names, not by bytes: "/dd" is not below "/d". */
static bool below(struct span path, struct span dir)
{
    size_t n = path_len(dir);
    return path.len > n + 1 && path.ptr[n] == '/' && memcmp(path.ptr, dir.ptr, n) == 0;
}

/* Would W have been told of a past event? The live rule, except that nobody knows any more what
 * existed below a deleted directory: there every path counts (quirk: watch-history-delete-parent).
 */
static bool matches(const struct watcher *w, const struct event *e)
{
    struct span path = event_path(e);
    if (e->refresh)
        return false;
    if (span_eq(w->path, path))
        return true;
    if (e->dir && removes(e) && below(w->path, path))
        return true;
    return w->recursive && below(path, w->path) && hidden_from(path) < (ptrdiff_t)path_len(w->path);
}

/* ---- live events */

static void tell(struct hub *h, struct list *watchers, struct event *e)
{
    LIST_FOREACH_SAFE (pos, next, watchers) {
        struct watcher *w = CP_CONTAINER_OF(pos, struct watcher, place);
        if (e->index < w->since)
            continue;
        if (!w->stream)
            drop(h, w);
        w->push(w, e, false);
    }
}

static bool stands_at(struct hub *h, const struct hub_path *p, const struct event *e,
                      struct span path)
{
    if (p->batch == h->batch)
        return p->exists;
    return h->existed(h->ctx, e, path);
}

static void set_exists(const struct hub *h, struct hub_path *p, bool exists)
{
    p->batch = h->batch;
    p->exists = exists;
}

/* The directory TOP was removed by E: tells the watchers of what stood below it. Where a name did
 * not stand, nothing stood below that either. */
static void tell_below(struct hub *h, struct hub_path *top, struct event *e)
{
    struct buf *path = &h->path;
    struct hub_path *p = top;
    bool enter = true;
    buf_clear(path);
    buf_span(path, event_path(e));
    for (;;) {
        if (enter && !list_empty(&p->children)) {
            p = CP_CONTAINER_OF(p->children.next, struct hub_path, place);
        } else {
            if (p == top)
                return;
            struct list *next = p->place.next;
            path->len -= (size_t)p->name_len + 1;
            p = registry_trim(&h->registry, p);
            enter = false;
            if (next == &p->children)
                continue;
            p = CP_CONTAINER_OF(next, struct hub_path, place);
        }
        buf_char(path, '/');
        buf_span(path, hub_path_name(p));
        enter = stands_at(h, p, e, buf_as_span(path));
        if (enter) {
            tell(h, &p->exact, e);
            tell(h, &p->deep, e);
            set_exists(h, p, false);
        }
    }
}

/* Walks down the watched part of the event's path, then tells upwards. */
static void deliver(struct hub *h, struct event *e)
{
    struct span path = event_path(e), rest = path, name;
    ptrdiff_t hidden = hidden_from(path);
    struct hub_path *p = h->registry.root;
    size_t len = 0;
    bool whole = true;

    while (registry_next_name(&rest, &name)) {
        struct hub_path *child = registry_child(&h->registry, p, name);
        if (child == NULL) {
            whole = false;
            break;
        }
        p = child;
        len += name.len + 1;
        set_exists(h, p, true); /* whatever happened here or below: it stood, or stands now */
    }
    if (whole && removes(e)) {
        if (e->dir && h->existed != NULL)
            tell_below(h, p, e);
        set_exists(h, p, false);
    }
    while (p != NULL) {
        size_t above = p->parent != NULL ? len - p->name_len - 1 : 0;
        if (!e->refresh && len == path_len(path))
            tell(h, &p->exact, e);
        if (!e->refresh && (ptrdiff_t)len > hidden)
            tell(h, &p->deep, e);
        p = registry_trim(&h->registry, p);
        len = above;
    }
}

void hub_publish(struct hub *h, struct event *const *events, size_t n)
{
    h->batch++;
    for (size_t i = 0; i < n; i++) {
        history_add(&h->history, events[i]->index, events[i]);
        if (h->watchers > 0)
            deliver(h, events[i]);
    }
}

void hub_skip(struct hub *h, uint64_t index)
{
    history_add(&h->history, index, NULL);
}

void hub_reset(struct hub *h, uint64_t last)
{
    history_reset(&h->history, last);
}

struct event **hub_history(const struct hub *h, uint64_t *oldest, size_t *n)
{
    const struct history *y = &h->history;
    struct event **events = mem_alloc((y->events + 1) * sizeof *events);
    *oldest = history_oldest(y);
    *n = 0;
    for (uint64_t i = *oldest; i <= y->last; i++)
        if (history_at(y, i) != NULL)
            events[(*n)++] = history_at(y, i);
    return events;
}

void hub_restore(struct hub *h, uint64_t oldest, uint64_t last, struct event *const *events,
                 size_t n)
{
    history_reset(&h->history, oldest > 0 ? oldest - 1 : 0);
    for (size_t i = 0; i < n; i++)
        history_add(&h->history, events[i]->index, events[i]);
    if (h->history.last < last)
        history_add(&h->history, last, NULL);
}

/* ---- subscribers */

/* Pushes what the history has for W; true when W needs no more. */
static bool replay(struct hub *h, struct watcher *w)
{
    for (uint64_t i = w->since; i <= h->history.last; i++) {
        struct event *e = history_at(&h->history, i);
        if (e == NULL || !matches(w, e))
            continue;
        w->push(w, e, true);
        if (!w->stream)
            return true;
    }
    return false;
}

enum v2_code hub_subscribe(struct hub *h, struct watcher *w, uint64_t *oldest)
{
    CP_ASSERT(w->path.len > 0 && w->path.ptr[0] == '/');
    w->registered = false;
    *oldest = history_oldest(&h->history);
    if (w->since > 0 && w->since <= h->history.last) {
        if (w->since < *oldest)
            return V2_EVENT_INDEX_CLEARED;
        if (replay(h, w))
            return V2_OK;
    }
    w->node = registry_place(&h->registry, w->path);
    list_add_tail(w->recursive ? &w->node->deep : &w->node->exact, &w->place);
    w->registered = true;
    h->watchers++;
    return V2_OK;
}

void hub_cancel(struct hub *h, struct watcher *w)
{
    if (!w->registered)
        return;
    drop(h, w);
    registry_trim_up(&h->registry, w->node);
}
