/* lead: who leads, as far as this member has a say in it: it hands over when it is stopped, or when
 * its disk holds everybody up; and what a member does that has had no leader for long. Engine
 * thread unless said. Private to cluster. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct engine;

struct leading {
    atomic_bool stepping_down; /* engine_hand_over sets */
    bool down;                 /* guarded by the engine's lock: it does not lead any more */
    uint64_t lsn;              /* newest record given to the log */
    uint64_t stuck_lsn;        /* as far as the log is durable, … */
    uint64_t stuck_ms;         /* … since when; 0: it is not behind */
    uint64_t retry_ms;         /* stepping down: not before this is leadership offered again, … */
    uint64_t rest_ms;          /* … nor before this because of the disk */
    uint64_t lost_ms;          /* since when there is no leader; 0: there is one */
    bool alone;                /* there has been none for so long that watches were ended */
};

/* The beginning of engine_hand_over, which waits so long for `down`. Any thread. */
void lead_step_down(struct engine *e);
uint64_t lead_step_down_ms(const struct engine *e);
void lead_turn(struct engine *e);
/* When a turn is due for it, monotonic ms; UINT64_MAX: not by time. */
uint64_t lead_deadline_ms(const struct engine *e);
/* True while what this member shows may be old, and nobody knows for how long: no new watches. */
bool lead_is_alone(const struct engine *e);
