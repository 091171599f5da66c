/* progress: a start or an installation that takes long says how far it is, once a second. One
 * thread. Private to cluster. */
#pragma once

#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

#define PROGRESS_NS UINT64_C(1000000000)

struct progress {
    const struct clock *clock;
    const char *file; /* or directory; borrowed */
    uint64_t said_ns;
};

void progress_begin(struct progress *p, const struct clock *clock, const char *file);
/* DONE of ALL bytes are read (ALL 0: nobody knows of how many). Gives whether it was time to say
 * so. */
bool progress_note(struct progress *p, uint64_t done, uint64_t all);
