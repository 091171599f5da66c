/* sim: up to nine members, each the real consensus on a disk, a network and a clock of the
 * simulation. One process, one thread, everything from one seed: a run repeats exactly. sim_world
 * time, randomness, the queue of events, options sim_disk     a log that loses any part of its tail
 * that was not synced sim_net      delay, loss, reordering, duplicates, partitions sim_node     a
 * member: what consensus asks of its driver sim_check    what must never happen, and what must have
 * happened at the end sim_chaos    clients, crashes, partitions, changes of membership */
#pragma once

#include "base/check.h"
#include "cluster/consensus.h"
#include "cluster/consensus_msg.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

enum { NODES = 9, INDEX_MAX = 60000, TERM_MAX = 100000, PROPOSALS = 4096 };

enum event_type {
    EV_MESSAGE = 1,
    EV_FSYNC,
    EV_TIMER,
    EV_SNAPSHOT_DONE,
    EV_INSTALL_DONE,
    EV_RESTART,
    EV_CLIENT,
    EV_CHAOS,
};

struct event_item {
    uint64_t at, order;
    enum event_type type;
    unsigned node;
    uint64_t life; /* of the node; events of an earlier life are dropped */
    uint64_t arg;
    struct peer_message *message; /* owned */
    struct snapshot_mark *mark;   /* owned */
};

enum record_type { REC_STATE, REC_ENTRY, REC_MARK };

struct record {
    enum record_type type;
    uint64_t a, b; /* term and vote; index and term */
    struct log_entry entry;
};

struct disk {
    struct record *records;
    uint64_t n, cap;
    uint64_t durable; /* records */
    bool syncing;
    uint64_t syncing_to;
    struct snapshot_mark snapshot; /* index 0: none */
};

/* A member's log as consensus told it: all since the base. */
struct mirror {
    struct log_entry *entries; /* [index - base - 1] */
    uint64_t cap;
    uint64_t base, base_term, last;
};

struct node {
    unsigned id;
    bool exists, up;
    uint64_t life;
    struct disk disk;
    /* lost at a crash */
    struct consensus *consensus;
    struct mirror log;
    uint64_t applied, applied_term, state;
    struct consensus_members members; /* as of applied */
    uint64_t members_index;
    bool leads;
    bool installing, taking;
    struct snapshot_mark install;
    uint64_t timer;
    struct {
        uint64_t index, term;
    } proposals[PROPOSALS];
    unsigned n_proposals;
};

/* What was committed, as the first member applied it. */
struct truth {
    uint64_t term, value, hash, commit_term;
    enum entry_type type;
};

struct sim_options {
    uint32_t guards_off;
    bool reorder, small, calm;
    int verbose;
};

struct world {
    struct sim_options opt;
    uint64_t seed, random, now, events_pushed;
    struct event_item *queue;
    size_t queued, queue_cap;
    struct node nodes[NODES + 1]; /* from 1 */
    unsigned nodes_used;
    /* weather */
    bool spikes, fifo;
    unsigned drop_pm, dup_pm, delay_min, delay_max, fsync_max;
    unsigned trailing, snapshot_every, forget, inflight;
    unsigned partition[NODES + 1];
    bool slow[NODES + 1];
    uint64_t last_delivery[NODES + 1][NODES + 1];
    /* schedule */
    bool chaos, crashes_on, partitions_on, members_on;
    uint64_t end, hard_end, quiet_from;
    /* truth */
    struct truth truth[INDEX_MAX];
    uint64_t committed;
    unsigned term_leader[TERM_MAX];
    uint64_t acked, acked_max, next_value;
    uint64_t late_elections, stall_from, stall_seen, stall_max;
    /* totals of all runs */
    struct {
        uint64_t calls, committed, acked, elections, changes, transfers, installs, crashes,
            forgotten;
    } total;
    jmp_buf broken;
    char why[256];
};

/* The one world; the checks reach it from the callbacks of consensus. */
extern struct world *const sim;

/* sim_world.c */
uint64_t sim_random(void);
unsigned sim_below(unsigned n); /* 0 … n - 1; 0 for 0 */
bool sim_chance(unsigned permille);
uint64_t sim_mix(uint64_t h, uint64_t v);
void sim_push(struct event_item e);
bool sim_pop(struct event_item *out);
void sim_drop(struct event_item *e); /* frees what it owns */
void sim_fail(const char *fmt, ...) CP_PRINTF(1, 2) CP_NORETURN;
void sim_say(int level, const char *fmt, ...) CP_PRINTF(2, 3);

/* sim_disk.c */
uint64_t disk_append(struct disk *d,
                     struct record r); /* shares the payload; returns the number of records */
void disk_begin_sync(struct node *n);
/* Whether INDEX with TERM would be there after a crash, as an entry or in the snapshot. */
bool disk_holds(const struct disk *d, uint64_t index, uint64_t term);
void disk_crash(struct disk *d);
void disk_reset(struct disk *d);
/* Reads the disk into the mirror; gives term and vote. */
void disk_replay(struct node *n, uint64_t *term, uint64_t *vote);
void mirror_reset(struct mirror *m, uint64_t base, uint64_t base_term);
void mirror_put(struct mirror *m, uint64_t index, const struct log_entry *e);
void mirror_trim(struct mirror *m, uint64_t base);
const struct log_entry *mirror_get(const struct mirror *m, uint64_t index);
uint64_t mirror_term(const struct mirror *m, uint64_t index);

/* sim_net.c */
void net_send(struct peer_message *m);
bool net_connected(unsigned a, unsigned b);

/* sim_node.c */
void node_create(unsigned id, const struct log_entry *first); /* NULL: joins */
void node_start(unsigned id);
void node_crash(unsigned id);
void node_reset(struct node *n);
/* After each call into consensus. */
void node_after(struct node *n);
void node_message(struct node *n, struct peer_message *m);
void node_synced(struct node *n);
void node_lost(struct node *n, uint64_t peer);
void node_timer(struct node *n);
void node_snapshot_done(struct node *n, const struct snapshot_mark *mark);
void node_install_done(struct node *n);

/* sim_check.c */
uint64_t check_value(const struct log_entry *e);
void check_stored(struct node *n, uint64_t index, const struct log_entry *e);
void check_leader(struct node *n, uint64_t term);
void check_applied(struct node *n, uint64_t index, const struct log_entry *e);
void check_members(struct node *n);
void check_progress(void);
void check_end(void);
void check_reset(void);

/* sim_chaos.c */
void chaos_weather(void);
void chaos_strike(void);
void chaos_client(void);
void chaos_heal(void);
unsigned chaos_founders(struct consensus_members *out);
unsigned sim_leader(void); /* of the highest term; 0: none */
