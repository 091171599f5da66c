/* world: a whole member on fault files, writers that know what they were told, and the comparison
 * of both after a start.
 *
 * Each lane has one write on its way at most and owns its names, so it knows of each what it may
 * hold: the last acknowledged state, or the one that was on its way when everything ended. The
 * books of the lanes are plain memory, which a child process may share. */
#pragma once

#include "gate.h"

#include "cluster/engine.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define LANES     8
#define LANE_KEYS 5
#define LANE_POST 24

enum lane_op {
    LANE_NONE, /* nothing on its way */
    LANE_SET,
    LANE_SET_TTL,   /* far away */
    LANE_SET_FADES, /* gone at any moment */
    LANE_CAS_VALUE,
    LANE_CAS_INDEX,
    LANE_DELETE,
    LANE_CAD,
    LANE_CREATE, /* on what exists: refused */
    LANE_POSTED,
    LANE_CLEAR, /* all that was posted */
    LANE_OPS,
};

struct name_state {
    bool there, ttl, fades;
    uint32_t value; /* world_value renders it */
    uint64_t index;
};

struct lane {
    struct name_state key[LANE_KEYS];
    struct name_state posted[LANE_POST];
    unsigned n_posted;
    /* What is on its way, or its outcome is not known. */
    enum lane_op op;
    unsigned at; /* which key */
    struct name_state then;
    bool stuck; /* answered without an outcome: nothing more until the next start */
};

/* What is known beyond the life of a process. */
struct books {
    struct lane lane[LANES];
    uint64_t random;
    uint64_t index; /* highest acknowledged */
    uint64_t starts, acked, refused, unknown, snapshots;
    uint32_t values;
};

struct world {
    struct books *books;
    struct faultio *files;
    struct gate gate;
    struct diskio io;
    struct datadir dir;
    struct engine *engine; /* NULL: not running */
    struct err err;        /* of the last start */
    uint64_t snapshot_count, segment_bytes;
    char damaged[128];        /* the newest snapshot that a test has damaged */
    _Atomic uint64_t skip_ns; /* added to the clock */
    struct clock clock;
    /* Guarded by lock, as are the books while the engine runs. */
    pthread_mutex_t lock;
    pthread_cond_t answered;
    unsigned waiting; /* writes on their way */
    /* Not guarded. */
    atomic_uint refusals; /* for want of room, since world_start */
};

/* Shared with child processes; freed with world_books_free. */
struct books *world_books(uint64_t seed);
void world_books_free(struct books *b);
void world_init(struct world *w, struct books *books, uint64_t seed);
void world_fini(struct world *w);
uint64_t world_random(struct world *w, uint64_t below);

/* engine_start. */
int world_start(struct world *w);
/* engine_stop; answers that came settle the books. */
void world_stop(struct world *w);
/* Holds the tree against the books, settles what had no outcome; ends the program with a message
 * when they do not agree. */
void world_check(struct world *w);
/* The same, in the middle of it: what is on its way counts as either. */
void world_check_now(struct world *w);
/* Writes until N more are acknowledged, or the power is gone, or a write is refused for want of
 * room, or all lanes are stuck: false. */
bool world_write(struct world *w, unsigned n);
/* How many were acknowledged so far. */
uint64_t world_acked(struct world *w);
/* What is on its way is answered. */
void world_drain(struct world *w);
/* How many files have names that hold SUFFIX; *NEWEST the last of them in order, or NULL. */
unsigned world_files(struct world *w, const char *suffix, const char **newest);

void world_broken(const struct world *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), noreturn));
