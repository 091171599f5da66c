/* status: what the member knows of itself and the cluster, for the read-only endpoints. Any thread
 * unless said. */
#pragma once

#include "base/blob.h"
#include "proto/limits.h"

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct histogram;
struct wal_figures;

/* Operations on the key space since the start, by what they were; local to this member (contract,
 * server 2). */
enum engine_counter {
    COUNT_SET_OK,
    COUNT_SET_FAIL,
    COUNT_DELETE_OK,
    COUNT_DELETE_FAIL,
    COUNT_UPDATE_OK,
    COUNT_UPDATE_FAIL,
    COUNT_CREATE_OK,
    COUNT_CREATE_FAIL,
    COUNT_CAS_OK,
    COUNT_CAS_FAIL,
    COUNT_CAD_OK,
    COUNT_CAD_FAIL,
    COUNT_EXPIRE,
    COUNT_WATCHERS, /* now, not since the start */
    COUNT_N,
};

uint64_t engine_count(const struct engine *e, enum engine_counter which);
/* Reader thread of SLOT: one GET was answered. */
void engine_count_get(struct engine *e, unsigned slot, bool found);
void engine_count_gets(const struct engine *e, uint64_t *found, uint64_t *missing);

/* For /metrics. */
enum engine_figure {
    FIGURE_COMMITTED,      /* index of the last entry that is committed, */
    FIGURE_APPLIED,        /* and of the last one that is applied */
    FIGURE_PENDING,        /* writes that wait for their entry */
    FIGURE_FAILED,         /* writes that were given up, since the start */
    FIGURE_LEADER_CHANGES, /* since the start */
    FIGURE_IS_LEADER,
    FIGURE_FILES, /* of the newest version */
    FIGURE_DIRS,
    FIGURE_VALUE_BYTES,  /* values and names */
    FIGURE_MEMORY_BYTES, /* of all versions */
    FIGURE_DEAD_ITEMS,
    FIGURE_WATCH_REQUESTS,   /* since the start */
    FIGURE_SNAPSHOT_INDEX,   /* of the newest durable one; 0: none */
    FIGURE_SNAPSHOT_BYTES,   /* its size */
    FIGURE_SNAPSHOT_FAILED,  /* since the start */
    FIGURE_SNAPSHOT_RUNNING, /* 1: one is being written */
    FIGURE_TURNS,            /* of the engine, since the start */
    FIGURE_VOTERS,           /* in consensus' configuration, as this member has it */
    FIGURE_STANDBYS,         /* in it, without a vote yet */
    ENGINE_FIGURES,
};

struct engine_figures {
    uint64_t now[ENGINE_FIGURES];
    uint64_t queue;         /* messages the engine has not taken yet */
    uint64_t oldest_pin_ms; /* for how long the oldest reader has kept an old version */
    bool log_full;
    /* valid until engine_stop */
    const struct histogram *snapshot;
    const struct wal_figures *log;
};
void engine_figures(struct engine *e, struct engine_figures *out);
/* Makes an idle engine take a turn, which FIGURE_TURNS counts if it is well. */
void engine_poke(struct engine *e);

struct engine_status {
    struct blob *name;                         /* one reference */
    uint64_t member_id, cluster_id, leader_id; /* leader 0: none */
    bool leading;
    int64_t start_ns, leader_since_ns; /* wall clock, since 1970 */
};
void engine_status(struct engine *e, struct engine_status *out);

/* One member of the table. */
struct member_ref {
    uint64_t id;
    struct blob *published; /* encoded COMMAND_MEMBER, one reference; NULL: has not started yet */
};
/* Fills OUT in the order of the ids; gives their number. */
unsigned engine_members(struct engine *e, struct member_ref out[LIMIT_MEMBERS]);
/* Was ID a member, and is it removed for good, so that nobody waits for it any more? */
bool engine_was_removed(struct engine *e, uint64_t id);

/* Appends between members, as etcd counts them. */
struct traffic_figures {
    uint64_t count;        /* since the start */
    double packets, bytes; /* a second; 0: none lately */
};
struct engine_traffic {
    struct traffic_figures sent, received;
};
void engine_traffic(struct engine *e, struct engine_traffic *out);

/* What the leader knows of a follower, since it leads. */
struct follower_status {
    uint64_t id, match;                 /* match: last entry that it is known to have */
    uint64_t success, fail;             /* appends answered, and not sent */
    uint64_t now_ns, least_ns, most_ns; /* from an append to its answer */
    double mean_ms, deviation_ms;
};
/* Fills OUT with all other members, in the order of their ids; gives their number: none unless this
 * member leads. */
unsigned engine_followers(struct engine *e, struct follower_status out[LIMIT_MEMBERS]);
