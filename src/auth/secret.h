/* secret: bcrypt, as etcd has it: $2a$, cost 10. Slow on purpose: not for the threads that answer.
 */
#pragma once

#include "base/span.h"
#include "proto/limits.h"

#include <stdbool.h>

/* PASSWORD has no NUL and at most LIMIT_PASSWORD_BYTES. False: the library refuses. */
bool secret_hash(struct span password, char out[LIMIT_HASH_BYTES]);
/* Whether HASH was made of PASSWORD. Takes its time in any case, also for a hash that is none. */
bool secret_check(struct span password, struct span hash);
