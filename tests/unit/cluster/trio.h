/* trio: three members or more in one process, each with its threads, files and an engine of its
 * own, joined by a wire in memory whose links the test cuts. What a test waits for is asked for
 * again and again; nothing is timed. */
#pragma once

#include "cluster/engine.h"
#include "codec/command.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { TRIO_MAX = 5 };

struct trio_member {
    uint64_t id;
    char path[80];
    struct datadir dir;
    struct wire *wire;
    pthread_rwlock_t lock;
    struct engine *engine;        /* guarded by lock; NULL: down */
    atomic_bool knows[TRIO_MAX];  /* was told where that member is: others are not reached */
    atomic_bool cut[TRIO_MAX];    /* frames to that member are lost on the way */
    atomic_bool refuse[TRIO_MAX]; /* frames to that member are not taken */
    atomic_uint frames[16];       /* sent, by type */
    atomic_bool removed;
};

struct trio {
    unsigned n, n_founders;
    unsigned n_later;        /* set before trio_setup: made behind the founders, and not started */
    uint64_t snapshot_count; /* set before trio_setup; 0: none are taken */
    size_t history_events;   /* likewise; 0: 1000 */
    unsigned forget_entries; /* likewise; 0: as the engine does */
    unsigned election_ms;    /* of members that start, 1000 or more; 0: 200 */
    bool untold;             /* members that start are not told of the others */
    bool force_new;          /* a member that starts goes on alone */
    const struct diskio *io; /* set before trio_setup; NULL: the system's */
    struct trio_member m[TRIO_MAX];
};

extern struct trio trio;

/* N founders; these are started. */
void trio_setup(unsigned n);
/* Three of them, and nothing else set. */
void trio_three(void);
/* A snapshot every few entries, and few of them kept behind it: who was away gets one. */
void trio_three_with_snapshots(void);
void trio_teardown(void);
void trio_start(unsigned i);
void trio_stop(unsigned i);
/* Nothing passes between member I and the others, or all again. */
void trio_cut(unsigned i, bool cut);
/* Until there is a leader that a majority follows; gives its place. */
unsigned trio_leader(void);
/* Until the leader is one other than I. */
unsigned trio_other_leader(unsigned i);
/* Between two looks at a condition. */
void trio_pause(void);

/* Hands a command to member I; complete after trio_wait; trio_free. */
struct proposal *trio_propose(unsigned i, const struct command *c);
/* The same for a write. */
struct proposal *trio_begin(unsigned i, const char *path, const char *value);
void trio_wait(struct proposal *p);
void trio_free(struct proposal *p);
/* Both. */
struct proposal *trio_put(unsigned i, const char *path, const char *value);
/* One that has to succeed. */
void trio_put_well(unsigned i, const char *path, const char *value);
/* Asks member I for a change of KIND (enum command_kind) concerning member N, and waits; gives the
 * outcome (enum member_outcome). */
int trio_change(unsigned i, int kind, unsigned n);
/* Until member I knows of a configuration of VOTERS voters, and no other members. */
void trio_await_voters(unsigned i, unsigned voters);
/* A quorum read of member I. */
enum v2_code trio_read(unsigned i);
bool trio_get(unsigned i, const char *path, char *value, size_t room);
/* Until member I has VALUE at PATH. */
void trio_await(unsigned i, const char *path, const char *value);
/* How many snapshots member I has. */
unsigned trio_snapshots(unsigned i);
/* Until member I has a snapshot. */
void trio_await_snapshot(unsigned i);

enum { TRIO_EVENTS = 1024 };

/* A watch of member I, from the next event on. */
struct trio_watch {
    struct watch w;
    unsigned member;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool opened, ended, closed; /* guarded by lock */
    uint64_t seen[TRIO_EVENTS]; /* indexes */
    unsigned n;
};
void trio_watch(struct trio_watch *t, unsigned i, const char *path);
/* Until it has been told of INDEX, or was ended (false). */
bool trio_watch_until(struct trio_watch *t, uint64_t index);
void trio_unwatch(struct trio_watch *t);

/* One more of S: SETUP, and all that runs is torn down. */
TCase *trio_case(Suite *s, const char *name, void (*setup)(void));
Suite *cluster_alone_suite(void);
Suite *cluster_members_suite(void);
