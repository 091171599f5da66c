/* engines: clusters of whole members, each a real engine with its store, log, snapshots, hub and
 * consensus, on a clock, a disk and a wire of the simulation. One process, one thread, everything
 * from one seed: a run repeats exactly.
 *   engines          options, one run, the words for a failure
 *   engines_world    time, randomness, the queue of what is going to happen
 *   engines_member   starting, stepping and crashing a member; its clock and its disk
 *   engines_wire     streams between members that delay, break and repeat
 *   engines_ops      what consensus tells a member to do, seen on its way
 *   engines_truth    what was committed, and what must therefore be so everywhere
 *   engines_time     expirations against the time of the world
 *   engines_client   writes and reads, and what their answers must be
 *   engines_watch    watches, and what they must be told
 *   engines_members  adding and removing members
 *   engines_chaos    weather, crashes, partitions, changes of membership; the end
 *   engines_planted  mistakes, to see them found */
#pragma once

#include "cluster/engine_priv.h"
#include "cluster/frame.h"
#include "cluster/wire.h"
#include "disk/wal.h"
#include "faultio.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    MEMBERS = 9, /* numbered from 1 */
    CLIENTS = 12,
    WATCHES = 8,
    INDEX_MAX = 40000, /* of the log */
    EVENT_MAX = 40000, /* index of the store */
    TERM_MAX = 4000,
    OPS_MAX = 40000,
    KEYS = 24,
};

#define MS      (UINT64_C(1000000))
#define SECOND  (1000 * MS)
#define NEVER   UINT64_MAX
#define WALL_NS INT64_C(1700000000000000000) /* at world time 0 */

enum happening {
    HAPPEN_STEP = 1, /* a turn of a member's engine */
    HAPPEN_LOG,      /* its disk has finished a group of records */
    HAPPEN_SPARE,
    HAPPEN_JOB,
    HAPPEN_END, /* its time to hand over is up */
    HAPPEN_CRASH,
    HAPPEN_FRAME,
    HAPPEN_RESTART,
    HAPPEN_CLIENT,
    HAPPEN_WATCH,
    HAPPEN_CHAOS,
    HAPPEN_PROBE,
};

struct item {
    uint64_t at, order;
    enum happening what;
    unsigned who; /* member, client or watch */
    uint64_t
        life; /* of the member, or visit of the watch: what is from an earlier one is dropped */
    struct parcel *parcel;
};

/* ---- a member ---- */

struct member_clock {
    uint64_t mono_at; /* monotonic time at world time 0 */
    double rate;
    int64_t wall_off; /* beside the world's wall clock */
};

struct sim_member {
    unsigned n;
    uint64_t id;
    bool exists, up, founder;
    bool leaving; /* its removal is committed */
    bool removed; /* it knows, and is down for good */
    bool told;    /* it wants to end */
    struct founder founders[MEMBERS];
    bool unproven; /* its state came from a file, and no tree was compared since */
    uint64_t life;
    struct member_clock time;
    struct clock clock;
    struct wire wire;
    struct faultio *files;
    struct diskio io;
    struct datadir dir;
    uint64_t stop_at;    /* told to end: not later than this; 0: not told */
    bool healthy;        /* … and the cluster was, so it must hand over first */
    uint64_t stall;      /* how much longer the next sync takes */
    uint64_t full_until; /* the disk has no room */
    unsigned refusals;   /* since it has none */
    bool slow;           /* disk */
    uint64_t frozen_until;
    /* lost at a crash */
    struct engine *engine;
    const struct consensus_ops *ops; /* the engine's */
    bool muted;                      /* it is being torn down: nothing it says is heard */
    uint64_t step_at, log_at, job_at;
    uint64_t appended; /* log sequence number */
    uint64_t applied, chain;
    uint64_t read_index; /* highest store index a reader saw */
    bool leads;
    uint64_t contact; /* how fresh its knowledge of the cluster's time is; 0: it has none */
    uint64_t lead_term, lead_since;
    uint64_t stored_term[INDEX_MAX]; /* of each entry of its log */
    uint64_t stored_last;
    uint64_t base;
};

/* ---- the wire ---- */

struct parcel {
    struct frame *frame;
    uint64_t stream;      /* it is lost with it */
    uint64_t index, term; /* with a snapshot file: its name */
    uint8_t *file;
    size_t file_bytes;
    bool again; /* a duplicate */
};

struct stream {
    uint64_t epoch; /* grows when it breaks */
    uint64_t up_at; /* not before */
    uint64_t last;  /* arrival of the newest frame on it */
    uint64_t slow;  /* its delay is longer by up to this */
    bool cut;       /* this direction is partitioned */
    bool sending;   /* a snapshot is under way */
};

/* ---- truth ---- */

struct truth {
    uint64_t term, value, chain, tree;
    uint64_t at; /* first applied */
    uint64_t store_index, commit_term;
    unsigned op; /* of a client; 0: none */
};

struct told {
    struct event *event; /* owned */
    unsigned key;        /* KEYS: none of ours */
};

enum op_kind {
    DO_SET,
    DO_SET_TTL,
    DO_REFRESH,
    DO_CAS,
    DO_CREATE,
    DO_DELETE,
    DO_CAD,
    DO_POST,
    DO_KINDS,
};

struct client_op {
    enum op_kind kind;
    unsigned key, client, member;
    uint64_t began, floor; /* raft index that was acknowledged to somebody when it began */
    uint64_t prev;         /* prevIndex */
    uint64_t applied;      /* raft index; 0: not */
    bool answered, acked, did;
};

struct client {
    unsigned member;
    uint64_t busy_since; /* 0: not waiting */
    unsigned op;
    uint64_t floor;  /* of a read */
    unsigned streak; /* answered without error, since healed */
};

struct watch_client {
    struct watch w;
    unsigned n, member;
    uint64_t life;
    bool open, live, ended; /* asked for; subscribed; not any more */
    bool closing;
    unsigned key; /* KEYS: the directory */
    char path[32];
    uint64_t next; /* first store index it has not been told of; 0: any from now on */
    bool told;
    uint64_t visit;
};

struct sim_options {
    unsigned members; /* 0: by seed */
    unsigned planted;
    unsigned seconds;
    bool no_snapshots;
    int verbose;
};

struct weather {
    unsigned delay_us, jitter_us, drop_pm, dup_pm, overlap_pm, break_pm;
    unsigned fsync_us, stall_pm, job_ms, step_us;
    unsigned snapshot_every, trailing, forget, history, segment;
    unsigned think_ms, rate_ppm, strike_ms, restart_ms, fragile_pm;
    bool crashes, partitions, members, transfers, full, clock_steps, honest_clocks, freezes,
        slow_links;
};

struct totals {
    uint64_t runs, events, entries, acked, unknown, refused, reads, quorum_reads, watched, expired,
        elections, crashes, installs, snapshots, changes, transfers, ends, forgotten, owed,
        virtual_ns;
};

struct sim_world {
    struct sim_options opt;
    uint64_t seed, random, now, order;
    uint64_t chaos_end, settle_at, end;
    bool reshaping;        /* a command about members is under way */
    bool healed, settling; /* no faults any more; no requests any more */
    uint64_t roll_at;      /* healed: the leader is told to end; NEVER: not in this run */
    struct item *queue;
    size_t queued, queue_cap;
    struct weather weather;
    unsigned founders, used;
    uint64_t cluster_id;
    struct sim_member *member; /* MEMBERS + 1 */
    struct sim_member *inside; /* whose code is running; NULL: none */
    struct stream stream[MEMBERS + 1][MEMBERS + 1];
    struct client client[CLIENTS];
    struct watch_client watch[WATCHES];
    unsigned clients, watches;
    /* truth */
    struct truth truth[INDEX_MAX];
    uint64_t committed;
    struct told told[EVENT_MAX];
    uint64_t told_last; /* store index */
    struct client_op ops[OPS_MAX];
    unsigned n_ops;
    uint64_t key_modified[KEYS]; /* 0: absent */
    uint64_t floor;              /* raft index that somebody was told of */
    uint64_t term_leader[TERM_MAX];
    uint64_t jumped_at; /* the cluster's time began anew */
    uint64_t stamped_at;
    struct totals total;
    jmp_buf broken, ended;
    bool may_end; /* `ended` is set */
    char why[400];
};

/* The one world; the checks reach it from the callbacks of the engines. */
extern struct sim_world *const sim;

/* engines_world.c */
uint64_t sim_random(void);
uint64_t sim_below(uint64_t n); /* 0 … n - 1; 0 for 0 */
bool sim_chance(unsigned permille);
uint64_t sim_mix(uint64_t h, uint64_t v);
uint64_t sim_hash(uint64_t h, struct span s);
void sim_push(struct item it);
bool sim_pop(struct item *out);
void sim_fail(const char *fmt, ...) CP_PRINTF(1, 2) CP_NORETURN;
void sim_say(int level, const char *fmt, ...) CP_PRINTF(2, 3);

/* engines_member.c */
void member_create(unsigned n);
void member_start(unsigned n);
void member_crash(unsigned n, bool power); /* power: what is not synced may be lost */
void member_stop(unsigned n);              /* the orderly way */
/* As by SIGTERM: it hands over if it leads, then it stops, and comes back. HEALTHY: the cluster is,
 * so there is time enough for it. */
void member_terminate(unsigned n, bool healthy);
void member_end(struct sim_member *m);
void member_forget(unsigned n);
void member_post(struct sim_member *m);       /* mail was posted: a step follows */
void member_disk_heals(struct sim_member *m); /* quick, and with room; what stands still goes on */
void member_step(struct sim_member *m);
void member_log(struct sim_member *m);
void member_spare(struct sim_member *m);
void member_job(struct sim_member *m);
struct sim_member *member_by_id(uint64_t id);
struct sim_member *member_of(const struct engine *e);
/* When its monotonic clock shows MONO. */
uint64_t member_world_time(const struct sim_member *m, uint64_t mono);
/* The member that leads in the highest term, or NULL. */
struct sim_member *member_leader(void);
/* A running member, or NULL. */
struct sim_member *member_any(void);

struct span member_url(unsigned n);

/* engines_members.c */
void members_strike(void);
void members_probe(void);
void members_applied(const struct command *c);
bool members_let_in(struct sim_member *to, struct sim_member *from);

/* engines_wire.c */
struct wire wire_of(struct sim_member *m);
void wire_arrive(struct parcel *p);
void wire_break(unsigned from, unsigned to);
void wire_member_gone(unsigned n);
void parcel_free(struct parcel *p);
/* Puts F on its way, as if its sender had sent it. */
void wire_post(struct frame *f);

/* engines_truth.c */
void truth_reset(void);
void truth_stored(struct sim_member *m, uint64_t index, const struct log_entry *e);
void truth_booted(struct sim_member *m, const struct consensus_boot *boot);
void truth_role(struct sim_member *m, bool leads, uint64_t term);
void truth_event(struct sim_member *m, struct event *event);
void truth_before(struct sim_member *m, uint64_t index, const struct log_entry *e);
void truth_applied(struct sim_member *m, uint64_t index, const struct log_entry *e);
/* The state of M came from a file: it stands at M's applied index. */
void truth_adopt(struct sim_member *m);
void truth_after_step(struct sim_member *m);
bool truth_together(void);
void truth_converged(void);
uint64_t truth_tree(struct sim_member *m);
unsigned truth_key(struct span path);

/* engines_time.c */
void time_submitted(struct sim_member *m, uint64_t first, unsigned n);
void time_applied(uint64_t index, const struct command *c, bool changed);
void time_expired(unsigned key, uint64_t index, uint64_t term);
void time_late(void);
void time_reset(void);
/* M takes P, which FROM has sent. */
void time_heard(struct sim_member *m, unsigned from, const struct peer_message *p);
/* M sends P. */
void time_said(const struct sim_member *m, const struct peer_message *p);

/* engines_client.c */
void client_turn(unsigned n);
/* A key changed; OP UINT32_MAX: its value did not. */
void client_changed(unsigned key, uint64_t index, unsigned op);
void client_settle(void);
void client_reset(void);
void client_probe(void);
void client_end(void);
void client_key_path(unsigned key, char path[32]);

/* engines_watch.c */
void watch_begin(unsigned n);
void watch_turn(unsigned n, uint64_t visit);
void watch_member_gone(unsigned member);
void watch_check(struct sim_member *m, uint64_t index);

/* engines_chaos.c */
void chaos_weather(void);
void chaos_begin(void);
void chaos_strike(void);
void chaos_heal(void);
/* Healed: the leader ends in order, as when members are restarted one after the other. */
void chaos_roll(void);
void chaos_probe(void);
void chaos_elected(const struct sim_member *m);
void chaos_crash(unsigned n);

/* engines_planted.c */
enum planted {
    PLANT_NOTHING,
    PLANT_VOTE_NOT_PERSISTED,
    PLANT_ANSWER_BEFORE_SYNC,
    PLANT_COMMIT_OLD_TERM,
    PLANT_READ_UNCONFIRMED,
    PLANT_LOCAL_CLOCK,
    PLANT_DUPLICATE_APPLY,
    PLANT_FORWARD_RETRIED,
    PLANT_INSTALL_WITHOUT_MARK,
    PLANT_HISTORY_GAP,
    PLANT_TRANSFER_FORGOTTEN,
    PLANT_PURGE_FORGOTTEN,
    PLANT_FORGET_UNAPPLIED,
    PLANT_SNAPSHOT_NOT_OWED,
    PLANTS,
};
extern const char *const planted_names[PLANTS];
void planted_reset(void);
/* The wire's part. True: F was dealt with. */
bool planted_wire(struct sim_member *m, struct sim_member *to, struct frame *f);
void planted_arrived(struct frame *f, struct frame *(*copy)(const struct frame *));
/* A frame that FROM sends, its stream being broken; or NULL. */
struct frame *planted_broken(unsigned from);
/* That of consensus. */
uint64_t planted_state(struct sim_member *m, uint64_t term, uint64_t vote);
void planted_forgotten(struct sim_member *m, struct consensus *c);
void planted_stored(struct sim_member *m, uint64_t index, const struct log_entry *e);
bool planted_done(const struct sim_member *m, uint64_t index);
void planted_submitted(struct consensus *c, const struct log_entry *e, uint64_t now_ms);
static inline bool planted(enum planted which)
{
    return sim->opt.planted == (unsigned)which;
}
