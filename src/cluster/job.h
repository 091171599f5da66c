/* job: work beside the engine, such as writing a snapshot: a thread of its own each, or, in a
 * stepped engine, a queue that whoever steps it works off. Private to cluster; engine thread, but
 * for run(). */
#pragma once

#include "base/mailbox.h"

#include <pthread.h>

struct engine;

/* Embedded in what the work needs. */
struct job {
    struct mail mail; /* of a kind of the owner's: posted to the engine when run() has returned */
    struct engine *engine;
    void (*run)(struct job *j);
    int nice;         /* of its thread */
    pthread_t thread; /* job */
    struct job *next; /* job: stepped, behind this one */
    bool waits;       /* job: stepped, and not run yet */
};

/* Not engine thread's business any more until its mail comes. 0 or -errno. */
int job_start(struct job *j) CP_MUST_CHECK;
/* Waits until run() has returned; the mail may still be in the box. To be called once for each that
 * was started. */
void job_join(struct job *j);
/* Stepped: runs the oldest one that waits. False: none does. */
bool job_step(struct engine *e);
