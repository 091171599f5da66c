/* timekeeper: the cluster's time. It never jumps with a wall clock (DESIGN 3). Whoever leads has
 * it: it runs on that member's monotonic clock and leans towards its wall clock by at most a tenth.
 * The others carry on from what the leader's messages say, so that each of them could take over;
 * one that has just started only guesses until a member that knows has spoken to it, or until it
 * leads. Engine thread, except timekeeper_peek. */
#pragma once

#include "base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>

struct timekeeper {
    const struct clock *clock;
    int64_t at_ns;    /* engine: cluster time at mono_ns */
    uint64_t mono_ns; /* engine */
    _Atomic int64_t
        offset_ns; /* engine writes, any thread reads: cluster time minus monotonic time */
    /* engine only */
    bool known, leads;
    int64_t stamp_ns;  /* newest stamp applied: the time is not before it */
    int64_t logged_ns; /* of the newest entry of the log, which may never be committed */
    int64_t heard_ns;  /* what the leader said … */
    uint64_t heard_at; /* … and when, monotonic */
};

/* A cold start: guesses the later of LAST_STAMP_NS and the wall clock. That stamp is of the log, so
 * it may never be committed and binds nobody who knows better. */
void timekeeper_start(struct timekeeper *t, const struct clock *clock, int64_t last_stamp_ns);
/* This member leads, or does not any more: its time counts, a guess too. */
void timekeeper_lead(struct timekeeper *t, bool leads);
/* A message says TIME_NS (0: nothing); of the leader of this term: others are listened to only by
 * one that guesses. */
void timekeeper_hear(struct timekeeper *t, int64_t time_ns, bool of_leader);
/* The time now, moved on. */
int64_t timekeeper_now(struct timekeeper *t);
/* The time now for others to go by; 0: this is a guess. */
int64_t timekeeper_known(struct timekeeper *t);
/* The log ends with an entry of that stamp: if this member leads, its time is not before it, so
 * that no stamp in a log is lower than one before it. */
void timekeeper_logged(struct timekeeper *t, int64_t stamp_ns);
/* A stamp is committed: the time is not before it. */
void timekeeper_saw(struct timekeeper *t, int64_t stamp_ns);
/* Any thread: the time now. */
int64_t timekeeper_peek(const struct timekeeper *t);
