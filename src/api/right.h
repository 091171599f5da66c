/* right: what a watch was let in for, kept as long as it is open: when the accounts change it is
 * asked anew, so that nobody hears what they may no longer read. */
#pragma once

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct accounts;
struct api_call;
struct grant_ask;

enum right_claim {
    RIGHT_OF_NOBODY,   /* a password that nobody has proven: there were no accounts */
    RIGHT_OF_PASSWORD, /* a user's, proven */
    RIGHT_OF_SILENCE,  /* no password: the certificate's user, if there is one, or a guest */
};

struct right {
    struct buf text; /* key, user, and the hash of the proven password */
    uint32_t key_bytes, user_bytes;
    enum right_claim claim;
    bool recursive;
};

/* USER and HASH may be empty. */
void right_set(struct right *r, const struct grant_ask *ask, enum right_claim claim,
               struct span user, struct span hash);
void right_fini(struct right *r);
/* Would A still let it in? */
bool right_holds(const struct right *r, const struct accounts *a);
