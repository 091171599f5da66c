/* kept: which segments of the log are there, and removing the oldest. Segments go in front, one by
 * one and each durably before the next, so that what is there has no gap at any moment. Private to
 * disk. */
#pragma once

#include "disk/segment.h"

#include <pthread.h>

struct kept_segment {
    uint64_t sequence, first_index;
};

struct kept {
    /* Guarded by lock. */
    pthread_mutex_t lock;
    struct kept_segment *v; /* in order; owned */
    size_t n, cap;
};

void kept_init(struct kept *k);
void kept_fini(struct kept *k);
/* A segment has its lasting name. In the order of sequences. */
void kept_add(struct kept *k, uint64_t sequence, uint64_t first_index);
/* Removes, from the oldest on, each segment whose successor begins with INDEX + 1 or before. Never
 * the last. Gives how many went. A failed unlink ends it with a log line: nothing is lost by that,
 * and the next one tries again. A failed sync is that of the log. Any one thread at a time. */
int kept_purge(struct kept *k, const struct diskio *io, const char *dir, uint64_t index,
               size_t *removed) CP_MUST_CHECK;
