/* join: what the members that run already say about who is in their cluster. For the start of a
 * member, before there is an engine. */
#pragma once

#include "cluster/roster.h"
#include "peer/trust.h"

struct join_answer {
    int rv; /* 0: roster is filled in (roster_fini); else err says why not */
    struct roster roster;
    struct span from; /* the URL that answered */
    struct err err;
};

/* Asks all members of WHO at once, each by one URL after the other until one answers; waits for
 * all, JOIN_ASK_MS for each URL at most. */
#define JOIN_ASK_MS 2000L
void join_ask(const struct founder *const *who, unsigned n, const struct peer_trust *trust,
              struct join_answer *out);
