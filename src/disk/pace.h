/* pace: for work beside the log that can take its time: it goes in small steps, and rests behind
 * each, so that the log has most of the disk and the requests most of the processors. One thread.
 * Private to disk. */
#pragma once

#include <stdint.h>

/* What is written before the next rest. */
#define PACE_STEP_BYTES ((uint64_t)128 << 10)
/* What is pushed to the disk before it is synced: a sync of the log never has more before it. */
#define PACE_SYNC_BYTES ((uint64_t)8 << 20)

struct pace {
    int64_t begun_ns;  /* monotonic: the step's writing */
    int64_t worked_ns; /* of the processor, up to the step before */
};

void pace_begin(struct pace *p);
/* The disk gets its step from here on. */
void pace_step(struct pace *p);
/* It has it. */
void pace_rest(struct pace *p);
