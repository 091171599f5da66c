/* pins: published versions, who reads them, and when what they alone can see is freed.
 *
 * A version's number is the store index. Each object lives from the version it was born in to the
 * one it was dropped in; it may be freed when no pin lies between. Whoever pins says so in a slot;
 * at each publish the writer looks at the slots once. What a pin p still sees goes into p's dead
 * list; when p has gone, each item of the list is freed, or goes into the list of the next older
 * pin that sees it. Newer pins need no look: the item was dropped before them. A dropped subtree is
 * one item and is taken apart bit by bit, for things below it may be older than its top. */
#pragma once

#include "store/draft.h"
#include "store/version.h"

#include <stdatomic.h>

struct pin_slot {
    _Alignas(64) _Atomic uint64_t at; /* number of the pinned version, or PIN_NONE */
};

/* Stored by the writer in this order, loaded by readers; all sequentially consistent, see
 * pins_take. */
struct pin_front {
    _Alignas(64) _Atomic uint64_t begun;
    _Atomic(struct version *) now;
    _Atomic uint64_t done;
};

#define PIN_NONE UINT64_MAX

/* What only one pin sees. */
struct dead {
    uint64_t pin;
    struct bag items;
};

struct pins {
    /* fixed after init */
    void *shared_block; /* holds the next two, each in cache lines of its own */
    struct pin_front *front;
    struct pin_slot *slot; /* STORE_SLOTS short ones, then STORE_LONG_PINS */
    /* writer only */
    struct dead *dead; /* ascending by pin */
    size_t dead_count, dead_room;
    struct bag work; /* being taken apart or freed */
};

/* Tests that compile with STORE_PIN_PAUSE say what happens between the steps of a pin. */
#ifdef STORE_PIN_PAUSE
void store_pin_pause(void);
#else
static inline void store_pin_pause(void)
{
}
#endif

/* Publishes the draft as the first version. */
void pins_init(struct pins *p, struct draft *d);
/* Frees all versions with everything in them, and what waits. */
void pins_fini(struct pins *p, struct draft *d);
/* Frees the head of the only version, but nothing in it: it has another owner now. */
void pins_discard(struct pins *p, struct draft *d);

/* Makes the draft the newest version, unless nothing has changed. */
void pins_publish(struct pins *p, struct draft *d);
/* Frees at most BUDGET items; true when more could be freed now. */
bool pins_reclaim(struct pins *p, struct draft *d, unsigned budget);
/* The number of the version that what waits was born in. */
uint64_t pins_item_born(struct bag_item item);
size_t pins_waiting(const struct pins *p);
/* Calls VISIT for each item that waits. */
void pins_each(const struct pins *p, void (*visit)(void *ctx, struct bag_item item), void *ctx);

/* Any thread, each with a slot of its own. */
const struct version *pins_take(struct pins *p, unsigned slot);
void pins_release(struct pins *p, unsigned slot);
/* Moves the pin of SLOT to a long slot and gives its number, or -1. */
int pins_keep(struct pins *p, unsigned slot);
/* Any thread: the oldest pin, when it is of a version that is not the newest. */
bool pins_oldest(const struct pins *p, uint64_t *at);
