/* waiting: the writes that were submitted and not yet answered, found by their request number.
 * Engine thread only. Numbers are given in order and deadlines rise with them, so the table is a
 * ring and the oldest is due first. */
#pragma once

#include "cluster/engine.h"

struct waiting {
    struct proposal **slot; /* ring of cap; request r stands at r % cap */
    size_t cap;             /* power of two */
    uint64_t oldest, next;  /* requests oldest ≤ r < next may be there */
    uint64_t waits;         /* that many are */
};

/* FIRST: the first number; drawn at random, so that entries of an earlier run of this member match
 * nothing. */
void waiting_init(struct waiting *w, uint64_t first);
void waiting_fini(struct waiting *w);
/* Keeps P until it is taken; returns its number. */
uint64_t waiting_add(struct waiting *w, struct proposal *p);
/* The proposal of that number, which stays; or NULL. */
struct proposal *waiting_get(const struct waiting *w, uint64_t request);
/* Gives the proposal of that number, or NULL. */
struct proposal *waiting_take(struct waiting *w, uint64_t request);
/* Gives the oldest one whose deadline is not after NOW_NS, or NULL. */
struct proposal *waiting_expired(struct waiting *w, uint64_t now_ns);
/* Deadline of the oldest, or UINT64_MAX. */
uint64_t waiting_deadline_ns(struct waiting *w);
