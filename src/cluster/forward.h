/* forward: the commands of a turn on their way into the log: the leader submits them as one batch,
 * any other member forwards them to it, and while there is no leader they are kept. A command that
 * was certainly not submitted, or is certainly lost, goes its way again until its deadline; of one
 * that may be in the log nobody tries again. Engine thread only. Private to cluster. */
#pragma once

#include "cluster/entry.h"
#include "cluster/frame.h"
#include "proto/limits.h"

struct engine;
struct proposal;

/* Where a command of the batch comes from. */
struct ticket {
    uint64_t origin; /* the member that waits for it; 0: nobody does */
    uint64_t request;
    uint64_t session, number, term; /* from another member: of the frame it came in */
};

struct batch {
    struct log_entry *entries;
    struct ticket *tickets; /* one each */
    size_t n, cap;
};

struct forwarding {
    uint64_t session, number; /* of the newest frame this member sent */
    uint64_t retry_ms;        /* what is kept: not before this */
    bool lost;                /* an entry of a new term was applied */
    unsigned n_seen;
    struct {
        uint64_t from, session, number;
    } seen[LIMIT_MEMBERS]; /* the newest frame of each member */
};

void forward_init(struct engine *e);
void forward_fini(struct engine *e);

/* P's command joins the batch. */
void forward_add(struct engine *e, struct proposal *p);
/* A command of the engine's own, which nobody waits for: dropped when it cannot go its way now.
 * Takes the reference. */
void forward_add_own(struct engine *e, struct blob *command);
/* Another member's commands join the batch of the leader, or are refused. */
void forward_receive(struct engine *e, struct frame *f);
/* The refusal of all that a FRAME_FORWARD brings (frame_free). Any thread. */
struct frame *forward_refusal(const struct frame *f);
/* The leader has refused commands of ours. */
void forward_refused(struct engine *e, const struct frame *f);
/* Submits, forwards or keeps the batch. */
void forward_turn(struct engine *e);
/* Leadership may have moved, or an entry of another term was applied. */
void forward_look_again(struct engine *e);
/* The state was replaced: what was under way may be in it. */
void forward_unsure(struct engine *e);
/* When what is kept is to be tried again, monotonic ms; UINT64_MAX: not by time. */
uint64_t forward_deadline_ms(const struct engine *e);
