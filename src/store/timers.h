/* timers: who expires when. Nodes are immutable and move, so the state of a timer is a record here,
 * and the node holds its number. A 4-ary heap orders the records by expiration, then created index,
 * then depth. What one operation creates lies on one path, so no two are equal, and the order is
 * the same on every member: the directory goes first and takes what is below it along.
 *
 * Two ways of being lazy, neither of which can be seen from outside:
 *  - an entry of the heap is a lower bound of its record; a later expiration is only noted, and the
 *    entry is raised when it comes up. Refreshing is what leases do all day.
 *  - removing a directory does not visit the timed nodes below it. Their records are stale until
 *    the nodes are freed, or until they come up and the path does not lead to that very node. */
#pragma once

#include "store/place.h"

#include <stdbool.h>
#include <stdint.h>

struct node;

struct timer_record {
    int64_t expires_ns;
    uint64_t created;
    struct node *node; /* NULL: the record is free */
    struct place *place;
    uint32_t at; /* in the heap; of a free record: the next free one */
};

struct timer_entry {
    int64_t expires_ns; /* with created and depth: at most the record's */
    uint64_t created;
    uint32_t depth; /* length of the path of its directory */
    uint32_t record;
};

struct timers {
    struct timer_record *record; /* number 0 is nobody's */
    struct timer_entry *heap;
    uint32_t count; /* in the heap */
    uint32_t used;  /* records ever used, number 0 included */
    uint32_t room;
    uint32_t free; /* first free record, 0: none */
};

void timers_fini(struct timers *t, struct pool *pool);
/* A record for N, which must be timed; shares PLACE, the path of its directory. Writes the number
 * into N. */
void timers_add(struct timers *t, struct node *n, struct place *place);
/* The record of FROM is now that of TO, which has the same expiration (a directory was copied). */
void timers_move(struct timers *t, uint32_t record, const struct node *from, struct node *to);
/* The record of FROM is now that of N, timed and in the same place. Writes the number into N. */
void timers_renew(struct timers *t, uint32_t record, const struct node *from, struct node *n);
void timers_remove(struct timers *t, struct pool *pool, uint32_t record);
/* N is about to be freed: removes the record if it is still that of N. The number may long be
 * another's, or there is none of that number, when all timers were replaced meanwhile. */
void timers_forget(struct timers *t, struct pool *pool, uint32_t record, const struct node *n);
/* The record due first, if that is at CUTOFF_NS or before; 0: none. It may be stale. */
uint32_t timers_due(struct timers *t, int64_t cutoff_ns);
/* INT64_MAX: none. May be early, never late. */
int64_t timers_next(const struct timers *t);
uint64_t timers_bytes(const struct timers *t);
/* Tests: asserts the order of the heap and the ties between its entries and the records. */
void timers_check(const struct timers *t);
