/* reshape: consensus' configuration follows the table of members. Whoever leads makes one change at
 * a time: removes those that are not in the table any more, takes new ones in as standbys, makes
 * voters of those that have caught up; itself it never removes, but hands over to one who will.
 * Nothing of this is remembered: the table says what is wanted, the configuration what is, so that
 * the next leader goes on. Engine only; private to cluster. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct engine;

struct reshaper {
    bool wanted;       /* the configuration may differ from the table */
    uint64_t retry_ms; /* not before */
    uint64_t ask_ms;   /* this member is removed: when it asks the others next; 0: it is not */
    bool left;         /* conf.removed was called */
    atomic_bool told;  /* a peer says that it was removed; any thread sets */
};

/* The table or the configuration was changed, or the leader: as soon as there is nothing to wait
 * for. */
void reshape_want(struct engine *e);
/* Once a turn, before the log is flushed. */
void reshape_turn(struct engine *e);
/* Once a turn, after the answers: a member that was removed says so and goes, once the others can
 * do without it. */
void reshape_leave(struct engine *e);
/* When a turn is due for it, monotonic ms; UINT64_MAX: not by time. */
uint64_t reshape_deadline_ms(const struct engine *e);
