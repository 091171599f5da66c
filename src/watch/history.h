/* history: the newest events by store index, for watches that begin in the past. Every index has a
 * slot, also one that gave no event (member entries): so it is bounded in indexes, as v2's is; and
 * in bytes, because one event can be as large as a request. */
#pragma once

#include "store/event.h"

#include <stddef.h>
#include <stdint.h>

struct history {
    struct event **slot; /* of index i: slot[i % cap]; NULL: no event */
    size_t cap, kept;
    size_t bytes_max, bytes; /* of paths and JSON; bytes_max 0: no bound */
    size_t events;           /* slots in use that have one */
    uint64_t last;           /* newest index; the kept ones end with it */
};

/* CAP indexes (≥ 1) and BYTES_MAX bytes are kept, but always the newest event. */
void history_init(struct history *y, size_t cap, size_t bytes_max);
void history_fini(struct history *y);
/* Takes the next slot; shares E, which may be NULL. Indexes only grow; those left out get empty
 * slots. */
void history_add(struct history *y, uint64_t index, struct event *e);
/* Nothing up to LAST is kept. */
void history_reset(struct history *y, uint64_t last);

/* The oldest index kept; last + 1 when there is none. */
static inline uint64_t history_oldest(const struct history *y)
{
    return y->last + 1 - y->kept;
}

/* Borrowed; INDEX must be kept. */
static inline struct event *history_at(const struct history *y, uint64_t index)
{
    return y->slot[index % y->cap];
}
