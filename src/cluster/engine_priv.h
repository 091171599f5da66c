/* What the files of the engine share; no other folder includes it. */
#pragma once

#include "cluster/consensus.h"
#include "cluster/engine.h"
#include "cluster/forward.h"
#include "cluster/install.h"
#include "cluster/job.h"
#include "cluster/lead.h"
#include "cluster/member.h"
#include "cluster/peers.h"
#include "cluster/reads.h"
#include "cluster/reshape.h"
#include "cluster/snapshot.h"
#include "cluster/status.h"
#include "cluster/timekeeper.h"
#include "cluster/traffic.h"
#include "cluster/waiting.h"
#include "cluster/wire.h"
#include "codec/command.h"
#include "disk/wal.h"

#include <pthread.h>

#define ENGINE_SLOT (STORE_SLOTS - 1) /* the engine's own reader slot */
#define EVENTS_MAX  4096              /* events announced and published at once */

/* What /metrics tells, beside what the other fields have. */
struct figures {
    /* engine writes, relaxed */
    _Atomic uint64_t now[ENGINE_FIGURES];
    struct histogram snapshot; /* how long one took */
    uint64_t looked_ms;        /* engine: when it last looked for the oldest pin */
    /* guarded by lock */
    uint64_t pin; /* oldest that is behind the newest version; UINT64_MAX: none */
    uint64_t pin_since_ms;
};

struct engine {
    /* fixed after start */
    struct engine_conf conf;
    uint64_t member_id, cluster_id;
    struct store *store;
    pthread_t thread;

    int64_t start_ns; /* wall clock */

    /* guarded by lock; the engine writes, nobody on the way of a key request reads */
    pthread_mutex_t lock;
    pthread_cond_t stepped_down; /* for engine_hand_over, monotonic */
    struct member_table members;
    struct traffic traffic;
    uint64_t leader_id;
    int64_t leader_since_ns;

    /* any thread */
    _Atomic uint64_t counters[COUNT_N]; /* engine writes, relaxed */
    struct {
        _Atomic uint64_t found, missing;
        char apart[48];  /* a cache line each */
    } gets[STORE_SLOTS]; /* the reader thread of each slot writes, relaxed */
    struct mailbox box;
    atomic_size_t frame_bytes; /* of frames in it, as they came */
    atomic_bool stopping;
    atomic_int log_trouble;          /* log thread writes: why it has no room, or 0 */
    _Atomic uint64_t pub_raft_index; /* engine writes, relaxed: figures for headers and health */
    _Atomic uint64_t pub_raft_term;
    atomic_bool pub_has_leader;
    atomic_bool pub_alone; /* engine writes */
    struct timekeeper time;
    struct figures figures;

    /* engine only */
    struct wal *wal;
    struct consensus *consensus;
    struct hub *hub;
    struct waiting waiting;
    struct mail *done_first,
        **done_last;    /* completed proposals of this turn, answered after publish */
    struct batch batch; /* commands of this turn, and those that could not go yet */
    struct forwarding forwarding;
    struct reading reading;
    struct hearsay hearsay;
    uint64_t applied_index, applied_term;
    struct gather *replay;            /* boot.c, while the log is read */
    struct event *events[EVENTS_MAX]; /* of this turn, not yet announced; one reference each */
    size_t events_n;
    struct job *jobs; /* stepped: those that wait, oldest first */
    struct snapshotter snapshots;
    struct install_job *install; /* under way, or NULL */
    struct reshaper reshaper;
    struct leading leading;
    int64_t boot_stamp_ns;
    uint64_t introduce_ms; /* not before this does this member say again who it is */
    bool introduced;       /* the cluster knows who it is */
    bool peers_changed;    /* the wire has to be told */
    bool expiring;         /* an expire entry is in the log and not yet applied */
    bool reclaiming;       /* the store has more to free */
    bool dirty;            /* the tree was changed since the last publish */
};

/* engine.c: without log and consensus; for copy.c too. */
struct engine *engine_new(const struct engine_conf *conf, struct err *err);
void engine_free(struct engine *e);

/* boot.c: log and consensus, up to the point where committed entries have been applied. */
int engine_boot(struct engine *e, struct err *err) CP_MUST_CHECK;

/* restore.c: the table of members becomes that of a snapshot. */
struct dump_head;
void adopt_members(struct engine *e, const struct dump_head *head);

/* applier.c */
extern const struct consensus_ops engine_consensus_ops;
/* Answers P with an error of the cluster, index 0. */
void engine_fail(struct engine *e, struct proposal *p, const char *cause);
void engine_done(struct engine *e, struct proposal *p);
/* overdue.c */
/* From engine_propose to the answer, as etcd. */
uint64_t engine_write_timeout_ns(const struct engine *e);
/* Refuses P, which is not in the log: there is no room for it, and TROUBLE says why. */
void engine_fail_no_room(struct engine *e, struct proposal *p, int trouble);
/* Answers what waits beyond its time. */
void engine_fail_overdue(struct engine *e);
/* When there will be something to answer; UINT64_MAX: never. */
uint64_t engine_overdue_ns(struct engine *e);

/* applier.c */
/* Hands the events that were gathered to the hub and the changes to the readers. */
void engine_publish(struct engine *e);
/* The hub asks whether PATH stood below the directory that EVENT removed. */
bool engine_existed(void *ctx, const struct event *event, struct span path);

/* introduce.c: publishes this member's name and URLs, and the cluster's level, until they are
 * known; costs store indexes only when something is new. */
void introduce_turn(struct engine *e);
uint64_t introduce_deadline_ms(const struct engine *e);

/* figures.c: once a turn, before its answers leave: who has one finds itself counted. */
void figures_turn(struct engine *e);
void figures_store(struct engine *e);
void figures_count(struct engine *e, enum engine_figure which);

static inline uint64_t engine_mono_ms(const struct engine *e)
{
    return clock_mono_ns(e->conf.clock) / NS_PER_MS;
}
