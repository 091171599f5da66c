/* hash: SipHash-1-3 with a key drawn once a process, so that peers cannot choose colliding keys;
 * and randomness. */
#pragma once

#include "base/span.h"

#include <stdint.h>

uint64_t hash_bytes(struct span s);
/* The same under a key of the caller's. */
uint64_t hash_keyed(const uint64_t key[2], struct span s);
/* Random bytes from the system; never fails (ends the process). */
void rand_bytes(void *p, size_t n);
uint64_t rand_u64(void);
