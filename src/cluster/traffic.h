/* traffic: the appends that go between members, as /v2/stats counts them: what this member has sent
 * and received, and how its followers answer while it leads. Heartbeats are timed and not counted.
 * Private to cluster. */
#pragma once

#include "proto/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;
struct peer_message;

#define TRAFFIC_WINDOW 200 /* appends that a rate is taken over, as etcd */

struct traffic_rate {
    uint64_t count; /* since the start */
    struct {
        uint64_t at_ns;
        size_t bytes;
    } last[TRAFFIC_WINDOW]; /* append number k stands at k % TRAFFIC_WINDOW */
};

/* What a leader knows of one follower, times in ns. */
struct traffic_follower {
    uint64_t id, match;
    uint64_t sent_ns; /* of the append that is timed; 0: none */
    uint64_t open;    /* appends not answered yet, … */
    uint64_t open_ns; /* … since when; begun anew after a while: some may be lost */
    uint64_t success, fail;
    uint64_t n, now, least, most; /* answers that were timed */
    double sum, squares;
};

/* Guarded by the engine's lock; the engine writes. */
struct traffic {
    struct traffic_rate sent, received;
    unsigned n;
    struct traffic_follower followers[LIMIT_MEMBERS];
};

/* Engine thread. An append of so many entries goes to TO, or could not. */
void traffic_sent(struct engine *e, uint64_t to, unsigned entries, size_t bytes, bool sent);
/* Of the payloads of an append. */
size_t traffic_bytes(const struct peer_message *m);
/* A message has come. */
void traffic_received(struct engine *e, const struct peer_message *m);
/* This member has just become leader. */
void traffic_begin(struct engine *e);
