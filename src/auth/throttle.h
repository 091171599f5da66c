/* throttle: how many wrong passwords somebody may try. Each one (a user name, an address) has a
 * number of tries that comes back with time. Of the many that may be, those that were last at work
 * are kept. One thread at a time. */
#pragma once

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

#define THROTTLE_KEPT 1024

struct throttle {
    unsigned tries;   /* at a stretch */
    uint64_t back_ns; /* one more after that time */
    uint64_t key[2];  /* names cannot be chosen so that they meet */
    unsigned n;
    struct throttle_who {
        uint64_t who;
        uint64_t full_ns;  /* monotonic: when all tries are there again */
    } kept[THROTTLE_KEPT]; /* the one at work last comes first */
};

void throttle_init(struct throttle *t, unsigned tries, uint64_t back_ns);
/* Takes a try; false: there is none left. */
bool throttle_take(struct throttle *t, struct span who, uint64_t now_ns);
/* It was no wrong one after all. */
void throttle_give_back(struct throttle *t, struct span who);
