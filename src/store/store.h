/* store: the key space. One writer edits a private version of the tree and publishes it; readers
 * pin a published version through a slot of their own and read without locks.
 *
 * Pure: no clock, no JSON, no log. The same operations with the same times give the same tree, bit
 * for bit.
 *
 * Threads: everything is for the writer (the engine), except what is marked "any thread" below and
 * the functions of read.h. */
#pragma once

#include "base/check.h"
#include "base/span.h"
#include "proto/v2.h"
#include "store/op.h"

#include <stdbool.h>
#include <stdint.h>

struct accounts; /* see account.h */
struct store;
struct version; /* see read.h */

#define STORE_SLOTS     64        /* short pins: one a reader thread */
#define STORE_LONG_PINS 64        /* snapshots, streamed listings */
#define STORE_NEVER     INT64_MAX /* no expiry */

/* Set and create: an earlier deadline counts as none (contract, keys 7). */
#define STORE_YEAR_2000_NS INT64_C(946684800000000000)

struct store *store_new(void);
/* No reader may be pinned any more. */
void store_free(struct store *s);
/* Makes what FROM holds the open version of S, for the next publish, and frees FROM. All that S had
 * is dropped, but readers keep what they have pinned. S has no unpublished changes; FROM is fresh
 * from bulk_finish, and its index is beyond that of S. */
void store_take_over(struct store *s, struct store *from);

/* A node as an event shows it. Borrowed from the store, see store_apply. */
struct node_view {
    struct span value; /* files */
    bool dir;
    uint64_t created, modified;
    int64_t expires_ns; /* 0: permanent */
};

/* What one operation did, or why it was refused. */
struct store_result {
    enum v2_code code;
    enum v2_action action;
    uint64_t index;        /* store index: the event's, or the unchanged one of a refusal */
    struct span path;      /* key of the event; for a POST with the generated name */
    struct span cause;     /* of a refusal; may be empty */
    struct node_view node; /* as the event shows it (delete-like: value empty, dir of the victim) */
    struct node_view prev; /* valid when has_prev */
    bool has_prev;
    bool refresh; /* no watcher is told */
};

/* Applies one operation at the cluster's time NOW_NS (ns since 1970, never the local clock).
 *
 *   op   borrows
 *   out  spans in it are the store's: valid until the next store_apply, store_expire_next,
 *        store_burn or store_publish
 *
 * Returns out->code: V2_OK, or KEY_NOT_FOUND, TEST_FAILED, NOT_FILE, NOT_DIR, NODE_EXIST,
 * ROOT_READ_ONLY, DIR_NOT_EMPTY. A refused operation changes nothing at all: neither the index nor
 * the tree. Source: contract, keys 6; etcd 3.4 store.go, apply_v2.go. */
enum v2_code store_apply(struct store *s, const struct store_op *op, int64_t now_ns,
                         struct store_result *out);

/* Removes the node with the smallest (expiration, created index, depth) that is due at CUTOFF_NS;
 * false when none is. */
bool store_expire_next(struct store *s, int64_t cutoff_ns, struct store_result *out);
/* Expiration of the node due first, or STORE_NEVER. A lower bound is fine: it may be early, never
 * late. */
int64_t store_next_expiry(const struct store *s);

/* Raises the index by one without a change to the tree (member and cluster entries count, as in
 * v2). */
uint64_t store_burn(struct store *s);
/* The index of the open version. */
uint64_t store_index(const struct store *s);

/* The accounts of the open version, borrowed; NULL: none yet. */
const struct accounts *store_accounts(const struct store *s);
/* Takes the reference. Burn the indexes that the change costs before. */
void store_set_accounts(struct store *s, const struct accounts *a);

/* Makes the open version the one that readers get; reclaims what nobody can see any more. Call it
 * also when idle. */
void store_publish(struct store *s);
/* Frees at most BUDGET items of what waits to be freed; true when more is left. */
bool store_reclaim(struct store *s, unsigned budget);

/* Any thread, each with a SLOT (< STORE_SLOTS) of its own: the newest version, valid until
 * store_unpin. Never blocks. */
const struct version *store_pin(struct store *s, unsigned slot);
void store_unpin(struct store *s, unsigned slot);
/* Any thread: turns the pin of SLOT into a long one, which any thread may release; SLOT is free
 * afterwards. Gives its number, or -1 when all are taken, and then SLOT is pinned as before. */
int store_pin_keep(struct store *s, unsigned slot);
void store_pin_release(struct store *s, int long_pin);
/* Any thread: the index of the oldest version that is pinned; false when it is the newest, or when
 * there is none. */
bool store_oldest_pin(const struct store *s, uint64_t *index);

/* Counters for /v2/stats/store and tests. */
struct store_stats {
    uint64_t files, dirs;  /* the root is not counted */
    uint64_t value_bytes;  /* values and names */
    uint64_t memory_bytes; /* of all versions and timers, without the allocator's own */
    uint64_t dead_items;   /* waiting to be freed */
};
void store_stats(const struct store *s, struct store_stats *out);
/* Tests: walks the whole open version and asserts every invariant. */
void store_check(const struct store *s);
