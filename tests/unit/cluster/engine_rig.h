/* engine_rig: one member in a directory of its own, without HTTP; the test waits on cond until a
 * callback has come. */
#pragma once

#include "cluster/engine.h"

#include <check.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct fixture {
    char path[64], snap[96];
    struct datadir dir;
    struct engine *engine;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    struct proposal *done[4096]; /* guarded by lock */
    unsigned n_done;
    struct event *seen[64];
    unsigned n_seen, n_opened, n_closed;
    uint64_t snapshot_count, segment_bytes;
    unsigned forget_entries;
    const struct diskio *io;
    const struct wire *wire; /* not NULL: the engine takes its turns by engine_step */
    struct watch watch;
};

extern struct fixture fx;

/* A clock that stands still until a test moves it; the engine reads it meanwhile. */
struct fx_clock {
    _Atomic uint64_t mono;
    _Atomic int64_t wall;
};

extern struct fx_clock fx_fake;
extern const struct clock fx_fake_clock;

/* A fresh member that runs, and no trace of it. */
void fx_setup(void);
void fx_setup_on(const struct diskio *io, uint64_t segment_bytes);
/* With other members, as far as the engine can tell; the test calls engine_step. */
void fx_setup_stepped(const struct wire *wire);
void fx_teardown(void);
void fx_start(void);
void fx_start_on(const struct clock *clock);
void fx_stop(void);
/* How many files of member/DIR end with SUFFIX. */
unsigned fx_files(const char *dir, const char *suffix);

struct store_op fx_put(const char *path, const char *value);
/* One that the log takes and the store refuses: as large as need be, and costs no more. */
struct store_op fx_refused(const char *value);
void fx_propose(struct store_op op);
/* Until N proposals came back. */
void fx_wait_done(unsigned n);
void fx_free_done(void);
/* Proposes OP alone and waits for it; gives it until the next run or fx_free_done. */
struct proposal *fx_run(struct store_op op);
/* Writes until there are COUNT snapshots, and no more than that needs: it waits while one is taken.
 */
void fx_write_until_snapshot(unsigned count, unsigned *written);
/* The value at PATH as a reader thread of slot 0 sees it; false when it is missing. */
bool fx_get(const char *path, char *value, size_t room);

void fx_watch(const char *path, uint64_t since, bool recursive);
void fx_unwatch(void);
/* Until N events were pushed. */
void fx_wait_seen(unsigned n);

Suite *engine_suite(void);
Suite *engine_events_suite(void);
Suite *engine_inbox_suite(void);
Suite *engine_parts_suite(void);
Suite *engine_room_suite(void);
Suite *engine_steps_suite(void);
