/* gate: stands between an engine and its fault files, and lets one trouble happen at one call: the
 * N-th of a kind, on log or snapshot files or both. Any thread. */
#pragma once

#include "faultio.h"

#include <pthread.h>

enum gate_trouble { GATE_NONE, GATE_FAIL_ONCE, GATE_FAIL_ON, GATE_POWER };
enum gate_where { GATE_ANY, GATE_LOG, GATE_SNAP };

/* Kinds that faultio does not know. */
#define GATE_PREAD  FAULT_CALLS
#define GATE_SIZE   (FAULT_CALLS + 1)
#define GATE_LIST   (FAULT_CALLS + 2)
#define GATE_KINDS  (FAULT_CALLS + 3)
#define GATE_FD_MAX 128

struct gate_plan {
    enum gate_trouble trouble;
    enum gate_where where;
    unsigned call; /* enum fault_call, or one of the above */
    unsigned n;    /* from now, 1: the next */
    int errnum;
};

struct gate {
    struct faultio *files;
    struct diskio below;
    pthread_rwlock_t open; /* read: a call is under way; write: closed for good */
    pthread_mutex_t sync;  /* one sync at a time: a lie is for one */
    /* Guarded by lock. */
    pthread_mutex_t lock;
    struct gate_plan plan;
    bool met; /* the call came */
    bool snap[GATE_FD_MAX];
};

const char *gate_call_name(unsigned call);
void gate_init(struct gate *g, struct faultio *files);
void gate_fini(struct gate *g);
struct diskio gate_io(struct gate *g);
void gate_set(struct gate *g, struct gate_plan plan);
bool gate_met(struct gate *g);
/* The process ends: nobody gets through any more, and whoever is inside is waited for. */
void gate_close(struct gate *g);
