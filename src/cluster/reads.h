/* reads: quorum reads, many at a time. The leader notes its commit index, once an entry of its own
 * term is committed, and asks the voters whether they still follow it in this term; when a majority
 * says so, no later leader can have committed anything before the question, and all reads that were
 * waiting when it was asked may run as soon as that index is applied where they are. Other members
 * ask the leader for the index. Nothing is written. Source: raft dissertation 6.4. Engine thread
 * only. Private to cluster. */
#pragma once

#include "base/mailbox.h"
#include "cluster/frame.h"
#include "proto/limits.h"

struct engine;
struct quorum_read;

/* Oldest first. */
struct read_queue {
    struct mail *first, **last;
};

/* Another member that waits for an index. */
struct read_asker {
    uint64_t id, session, number;
};

struct reading {
    struct read_queue fresh;  /* no index is asked for yet */
    struct read_queue asked;  /* the index is on its way */
    struct read_queue ready;  /* each waits until its index is applied */
    uint64_t session, number; /* of the newest question to the leader, or the newest round */
    uint64_t term, leader;    /* in which, and whom it was put to */
    uint64_t again_ms;        /* not before this is a question put again */
    /* Leader. */
    bool round; /* one is under way, for what is in asked and for the askers */
    uint64_t round_index;
    unsigned n_confirmed, n_askers, n_next;
    uint64_t confirmed[LIMIT_MEMBERS];       /* ids */
    struct read_asker askers[LIMIT_MEMBERS]; /* one a member */
    struct read_asker next[LIMIT_MEMBERS];   /* of the next round */
};

void reads_init(struct engine *e);
void reads_add(struct engine *e, struct quorum_read *r);
/* FRAME_READ, FRAME_READ_INDEX, FRAME_CONFIRM, FRAME_CONFIRMED. */
void reads_receive(struct engine *e, const struct frame *f);
/* Asks for what is not asked for yet, or again. */
void reads_turn(struct engine *e);
/* After the publish: gives back what may run, and what is overdue. */
void reads_finish(struct engine *e);
/* Gives all back with an error. */
void reads_fail(struct engine *e, const char *cause);
/* When there is something to do by time, monotonic ms; UINT64_MAX: never. */
uint64_t reads_deadline_ms(const struct engine *e);
