/* proven: which pairs of user and password were found right, so that each costs bcrypt once. What
 * is kept is a keyed hash over user, password and the account's own hash, under a key drawn once a
 * process: a new password, or a user made anew, is another pair. Any thread, without locks. */
#pragma once

#include "base/span.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PROVEN_WAYS 4
#define PROVEN_SETS 1024 /* a power of two */

struct proven_mark {
    uint64_t half[2];
};

struct proven {
    uint64_t key[2][2]; /* fixed */
    struct {
        /* Any thread, relaxed: a pair that is half of one and half of another is nobody's. */
        _Atomic uint64_t half[PROVEN_WAYS][2];
        _Atomic unsigned next;
    } set[PROVEN_SETS];
};

void proven_init(struct proven *p);
struct proven_mark proven_mark(const struct proven *p, struct span user, struct span password,
                               struct span hash);
bool proven_has(const struct proven *p, struct proven_mark m);
void proven_add(struct proven *p, struct proven_mark m);
