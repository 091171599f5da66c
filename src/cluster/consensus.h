/* consensus: libraft's pure core (raft_step, 0.22.1) behind types of our own, with a guard for each
 * of its known defects. The only file family that includes raft.h. No I/O and no clock: time comes
 * in as monotonic milliseconds, records, messages and committed entries go out through
 * consensus_ops. Owned by the engine thread. Callbacks run inside consensus_* calls and must not
 * call back into them. */
#pragma once

#include "base/check.h"
#include "base/err.h"
#include "cluster/entry.h"
#include "proto/limits.h"

#include <stdbool.h>
#include <stdint.h>

struct consensus;
struct peer_message; /* consensus_msg.h */

enum consensus_role { CONSENSUS_FOLLOWER, CONSENSUS_CANDIDATE, CONSENSUS_LEADER };
enum member_role { MEMBER_STANDBY, MEMBER_VOTER, MEMBER_SPARE };

struct consensus_members {
    unsigned n;
    struct {
        uint64_t id;
        enum member_role role;
    } m[LIMIT_MEMBERS];
};

/* Where a snapshot stands in the log. */
struct snapshot_mark {
    uint64_t index, term, members_index;
    struct consensus_members members; /* as of index */
};

struct consensus_ops {
    /* Persistence: append to the log, in call order; returns the log sequence number (for entries:
     * of the last one). Durability is reported later through consensus_durable. */
    uint64_t (*log_state)(void *ctx, uint64_t term, uint64_t vote);
    uint64_t (*log_entries)(void *ctx, uint64_t first, const struct log_entry *entries, unsigned n);
    uint64_t (*log_mark)(void *ctx, uint64_t index, uint64_t term);
    /* Blocks until all of it is durable: at a start, or fails with a word in ERR where there is no
     * room for it; before a snapshot is installed (ERR is NULL) it waits for room. */
    int (*log_sync)(void *ctx, struct err *err);
    /* Takes the message (peer_message_free); all it depends on is durable. */
    void (*send)(void *ctx, struct peer_message *m);
    /* A committed entry, in index order, each once. Borrows. */
    void (*apply)(void *ctx, uint64_t index, const struct log_entry *entry);
    /* The role, the term or the known leader (0: none) changed. */
    void (*role)(void *ctx, enum consensus_role role, uint64_t term, uint64_t leader);
    /* A snapshot of the leader shall replace the state. The driver answers with consensus_installed
     * once it is durable. */
    void (*install)(void *ctx, const struct snapshot_mark *mark);
    /* Leader: a peer needs the newest snapshot (its file travels apart). Fills MARK with ours: not
     * older than that of the last consensus_snapshot_done. Not asked while one is owed. */
    void (*snapshot)(void *ctx, struct snapshot_mark *mark);
    /* The rules of raft are broken, here or at a peer. Does not return. NULL: one log line and
     * abort(). */
    void (*fatal)(void *ctx, const char *what);
};

struct consensus_conf {
    uint64_t self;
    unsigned election_ms, heartbeat_ms, install_ms;
    unsigned max_inflight; /* entries a follower */
    uint64_t seed;         /* randomness of elections */
    uint32_t guards_off;   /* tests only: bit k switches guard k off; halves and rules from 16 on:
                              guards.h */
    bool audit; /* tests: look into the core after each step, and end the process when it lost its
                   way */
};

/* What the log and the snapshot hold at start. */
struct consensus_boot {
    uint64_t term, vote;
    const struct snapshot_mark *snapshot; /* NULL: none */
    uint64_t base_index, base_term;       /* entries begin at base_index + 1 */
    const struct log_entry *entries;      /* shared: consensus refs the payloads */
    size_t n_entries;
};

/* Refuses another version of the library than the one the guards were written for. */
int consensus_check_library(struct err *e) CP_MUST_CHECK;
/* The only version that check lets pass. */
const char *consensus_library_version(void);
/* Gives the payload of the first entry of a new cluster: all members, sorted by id; the same on
 * each of them. */
struct blob *consensus_bootstrap(const struct consensus_members *members);
/* Reads a payload of ENTRY_CHANGE. 0 or ERR_MALFORMED. */
int consensus_members_decode(struct span payload, struct consensus_members *out) CP_MUST_CHECK;

struct consensus *consensus_new(const struct consensus_conf *conf, const struct consensus_ops *ops,
                                void *ctx);
void consensus_free(struct consensus *c);
/* A sole voter comes out as leader with all entries applied. */
int consensus_start(struct consensus *c, const struct consensus_boot *boot, uint64_t now_ms,
                    struct err *e) CP_MUST_CHECK;

/* Leader: appends N entries in one go; fills each entry's term; shares the payloads. *first = index
 * of the first. 0, ERR_NOT_LEADER, ERR_FULL, ERR_BUSY (leader, but handing over: keep them and try
 * again). */
int consensus_submit(struct consensus *c, struct log_entry *entries, unsigned n, uint64_t now_ms,
                     uint64_t *first) CP_MUST_CHECK;
/* Leader: one change of membership: add a standby, promote one that has caught up, demote or remove
 * another member. 0, ERR_NOT_LEADER, ERR_BUSY (an earlier change, a transfer, no entry of the own
 * term committed, not caught up), ERR_USAGE (not exactly one difference, the leader itself, a new
 * voter). */
int consensus_change(struct consensus *c, const struct consensus_members *to, uint64_t now_ms,
                     uint64_t *index) CP_MUST_CHECK;
/* Leader: hand over to TARGET (0: any). 0, ERR_NOT_LEADER, ERR_BUSY, ERR_NOT_FOUND (no other
 * voter), ERR_USAGE (TARGET is none). */
int consensus_transfer(struct consensus *c, uint64_t target, uint64_t now_ms) CP_MUST_CHECK;
/* A message from a peer; takes it. */
void consensus_receive(struct consensus *c, struct peer_message *m, uint64_t now_ms);
/* The log is durable up to LSN. */
void consensus_durable(struct consensus *c, uint64_t lsn, uint64_t now_ms);
/* Leader, after whatever may have committed entries: tells those that hold them at once. */
void consensus_announce(struct consensus *c);
/* PEER's process is known to be gone: if it led, a follower need not wait for its silence. */
void consensus_lost(struct consensus *c, uint64_t peer, uint64_t now_ms);
/* To be called when now ≥ consensus_deadline_ms. */
void consensus_tick(struct consensus *c, uint64_t now_ms);
uint64_t consensus_deadline_ms(const struct consensus *c);

/* May a snapshot be taken at what is applied now? (durable, newer than the last, no install
 * running) Fills MARK. */
bool consensus_snapshot_begin(const struct consensus *c, struct snapshot_mark *mark);
/* The snapshot is durable: trims the log, keeping TRAILING entries behind it. False: an install
 * runs, or has brought a newer one: it does not count. */
bool consensus_snapshot_done(struct consensus *c, const struct snapshot_mark *mark,
                             unsigned trailing, uint64_t now_ms);
/* The only member: nobody will ask for entries that are applied, unless one is added. Drops them
 * from memory once there are ENTRIES of them, or many bytes; they stay in the log on the disk until
 * a snapshot covers them. Does nothing as long as there are others. */
void consensus_forget(struct consensus *c, unsigned entries, uint64_t now_ms);
/* Others may have to be sent what was forgotten: a snapshot is wanted at once, however short ago
 * the last one was. */
bool consensus_snapshot_owed(const struct consensus *c);
/* Frees up to N of the entries that were trimmed; true when there are more. */
bool consensus_reclaim(struct consensus *c, unsigned n);
/* The state was replaced by the snapshot of the install. */
void consensus_installed(struct consensus *c, uint64_t now_ms);

enum consensus_role consensus_role(const struct consensus *c);
uint64_t consensus_term(const struct consensus *c);
uint64_t consensus_leader(const struct consensus *c);
uint64_t consensus_last_index(const struct consensus *c);
uint64_t consensus_commit_index(const struct consensus *c);
uint64_t consensus_applied_index(const struct consensus *c);
uint64_t consensus_first_index(const struct consensus *c); /* oldest entry still kept */
/* True once an entry of the own term is committed: changes and linearizable reads may go ahead. */
bool consensus_settled(const struct consensus *c);
void consensus_members(const struct consensus *c, struct consensus_members *out);
/* True when this member is the only voter. */
bool consensus_sole_voter(const struct consensus *c);
