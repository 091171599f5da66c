/* hub: who waits for which path; hands each of them the events of a new version; keeps the history.
 * Engine thread only. Knows nothing of HTTP, JSON or raft: a watcher is a path and a push callback.
 * Source: contract, keys 9; DESIGN 6 and 12. */
#pragma once

#include "base/list.h"
#include "base/span.h"
#include "proto/v2.h"
#include "store/event.h"

struct hub;

/* Embedded in the subscriber's record. The hub keeps it from hub_subscribe until hub_cancel, or
 * until a one-shot watcher has got its event (registered is then false and the hub has forgotten
 * it). */
struct watcher {
    struct list place;     /* hub: among the watchers of its path */
    struct hub_path *node; /* hub */
    struct span path;      /* subscriber's bytes, alive while subscribed; clean, absolute */
    uint64_t since;        /* first index of interest; 0: the next event */
    bool recursive, stream;
    bool registered; /* hub: true while the hub holds it */
    /* Called for each event, in order, on the engine thread; must not call the hub. Shares EVENT
     * (ref it to keep it). HISTORIC tells that it comes out of the history. */
    void (*push)(struct watcher *w, struct event *event, bool historic);
};

/* Did a node stand at PATH (clean, absolute) just before the running hub_publish, that is in the
 * version before the first of its events? E is the deletion of a directory above PATH. What the
 * events of the same publish made or removed is the hub's own business: the answer is about the
 * version before them, always. */
typedef bool hub_existed(void *ctx, const struct event *e, struct span path);

/* The newest EVENTS (≥ 1) of history are kept, and of these no more than fit into BYTES of paths
 * and JSON (0: no bound), but always the newest one. EXISTED is called from hub_publish only; NULL:
 * nobody below a deleted directory is told. */
struct hub *hub_new(size_t events, size_t bytes, hub_existed *existed, void *ctx);
/* Forgets the watchers that are left. */
void hub_free(struct hub *h);

/* The events between two versions, in index order and all of them (refreshes too); shares them.
 * While it runs, EXISTED must be able to look into the version before: call it before
 * store_publish, or hold a pin taken before. Indexes that gave no event may lie between: they take
 * their place by themselves. */
void hub_publish(struct hub *h, struct event *const *events, size_t n);
/* An index without event took its place in the history. */
void hub_skip(struct hub *h, uint64_t index);
/* The history begins anew behind LAST: all up to it is cleared. For a tree that came whole, without
 * its history. */
void hub_reset(struct hub *h, uint64_t last);

/* Forgets all watchers whose first index of interest is before INDEX, and calls ENDED for each; it
 * must not call the hub. */
void hub_end(struct hub *h, uint64_t index, void (*ended)(struct watcher *w));

/* Gives what the history keeps, in index order: an array (mem_free) of N borrowed events; *OLDEST =
 * oldest index kept. */
struct event **hub_history(const struct hub *h, uint64_t *oldest, size_t *n);
/* Before anything else: a history from OLDEST to LAST with the N events of it; shares them. */
void hub_restore(struct hub *h, uint64_t oldest, uint64_t last, struct event *const *events,
                 size_t n);

/* Replays the history from since on, then registers, without a gap. One-shot: the first match is
 * pushed and the watcher is not registered. V2_OK, or EVENT_INDEX_CLEARED with *oldest = oldest
 * index kept. */
enum v2_code hub_subscribe(struct hub *h, struct watcher *w, uint64_t *oldest);
/* Forgets W; fine when it is not registered. */
void hub_cancel(struct hub *h, struct watcher *w);
size_t hub_watchers(const struct hub *h);
