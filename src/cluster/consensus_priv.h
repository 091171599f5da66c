/* What the files of consensus share. The only header that includes raft.h. */
#pragma once

#include "base/list.h"
#include "cluster/consensus.h"
#include "cluster/consensus_msg.h"
#include "cluster/guards.h"
#include "cluster/logcache.h"

#include <raft.h>

enum { ADDRESS_BYTES = 17 };

struct consensus {
    struct raft raft;
    struct consensus_conf conf;
    struct consensus_ops ops;
    void *ctx;

    uint64_t now;       /* ms; never goes back */
    uint64_t last_tick; /* ms */

    struct logcache log;
    uint64_t durable; /* log sequence number all is durable up to */
    uint64_t gate;    /* that of the newest record of term and vote: messages wait for it */
    struct list outbox;

    uint64_t commit; /* our own maximum */
    uint64_t applied, applied_term;
    struct consensus_members members; /* as of applied */
    uint64_t members_index;

    uint64_t snapshot_index; /* newest snapshot the core knows of: a file, or what was forgotten */
    uint64_t saved_index;    /* newest one that is a file */
    uint64_t taken_bytes;    /* of entries, since some were last forgotten */
    bool installing;
    struct snapshot_mark install;
    struct raft_configuration install_conf; /* goes back to the core with PERSISTED_SNAPSHOT */

    uint64_t raised_term; /* the last term guard 2 raised */
    uint64_t leader_term; /* follower: in which its leader was last heard */
    uint64_t barrier;     /* leader: first entry of the own term; 0: not submitted yet */

    /* Leader: what it remembers of each follower, since it leads; id 0: a free place. */
    struct follower {
        uint64_t id;
        uint64_t told_commit; /* how far it knows what is committed of what it holds */
        uint64_t snapshot;    /* that the core last asked us to send, and waits for; 0: none */
    } followers[LIMIT_MEMBERS];

    /* Follower: a TIMEOUT_NOW that waits for what it is about to be durable (guard 31); from 0:
     * none. */
    struct {
        uint64_t from, term, at;
        struct peer_timeout_now what;
    } early;

    struct { /* as last told by ops.role */
        enum consensus_role role;
        uint64_t term, leader;
    } told;

    /* The event being fed. */
    struct raft_entry *scratch;
    size_t scratch_slots;
    const struct log_entry *fed; /* our side of the entries of the event */
    uint64_t fed_term; /* term of the append or snapshot being answered, else the highest number */

    struct blob *nothing; /* payload of barriers */
};

/* Something that must not happen: the process must not go on. */
CP_NORETURN void consensus_fatal(const struct consensus *c, const char *what);

#define CONSENSUS_CHECK(c, cond, what)                                                             \
    do {                                                                                           \
        if (CP_UNLIKELY(!(cond)))                                                                  \
            consensus_fatal((c), (what));                                                          \
    } while (0)

/* consensus_step.c */

/* Sets the time of what follows. */
void consensus_at(struct consensus *c, uint64_t now_ms);
/* One step of the core and its update; ENTRIES is our side of the event's entries. Returns the
 * core's answer; only SUBMIT and TRANSFER may fail. */
int consensus_feed(struct consensus *c, struct raft_event *ev, const struct log_entry *entries);
/* Applies what is committed, and what follows from that. To be called after consensus_feed, never
 * from a callback. */
void consensus_settle(struct consensus *c);
/* Tells the core what became durable. */
void consensus_feed_persisted(struct consensus *c);
/* Tells the core that the change at INDEX, which is in the cache, is committed. */
void consensus_feed_committed_change(struct consensus *c, uint64_t index);
/* Sends what its gate has opened for. */
void consensus_flush(struct consensus *c);
/* The core's form of an entry; the bytes stay ours. BATCH: a token that is not NULL. */
struct raft_entry consensus_raw_entry(const struct log_entry *e, void *batch);
/* The core's form of N entries, valid until the next call. */
struct raft_entry *consensus_raw_entries(struct consensus *c, const struct log_entry *entries,
                                         size_t n, void *batch);
int consensus_submit_one(struct consensus *c, struct log_entry *e);

void consensus_tell_role(struct consensus *c);

/* consensus_haste.c */

struct follower *consensus_follower(struct consensus *c, uint64_t id);
/* An append with this commit index goes to ID. */
void consensus_told_commit(struct consensus *c, uint64_t id, uint64_t commit);

/* consensus_recv.c */
void consensus_raise_term(struct consensus *c);
/* To be called when more has become durable: a hand-over that has waited for it goes on. */
void consensus_take_over(struct consensus *c);

/* consensus_members.c */
void members_to_raft(const struct consensus_members *m, struct raft_configuration *out);
void members_from_raft(const struct raft_configuration *conf, struct consensus_members *out);
struct blob *members_encode(const struct consensus_members *m);
bool members_valid(const struct consensus_members *m);
unsigned members_voters(const struct consensus_members *m);
/* Position of ID; m->n when it is not in. */
unsigned members_find(const struct consensus_members *m, uint64_t id);
bool members_sole_voter(const struct consensus_members *m, uint64_t id);
void member_address(uint64_t id, char out[ADDRESS_BYTES]);
/* Judges a change: 0 with the members in the core's order in *OUT, or ERR_USAGE. */
int members_change(const struct consensus *c, const struct consensus_members *from,
                   const struct consensus_members *to, struct consensus_members *out);
