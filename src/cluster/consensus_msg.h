/* consensus_msg: what members say to each other, as values: filled by consensus, carried by the
 * wire, handed to the consensus of another member. Knows nothing of frames or of libraft. */
#pragma once

#include "base/list.h"
#include "cluster/consensus.h"
#include "cluster/entry.h"

#include <stdbool.h>
#include <stdint.h>

enum peer_message_type {
    PEER_VOTE = 1,
    PEER_VOTE_RESULT,
    PEER_APPEND,
    PEER_APPEND_RESULT,
    PEER_SNAPSHOT,
    PEER_TIMEOUT_NOW,
};

/* Asks for a vote. The candidate is the sender. */
struct peer_vote {
    uint64_t last_index, last_term; /* the end of the candidate's log */
    bool disrupt;                   /* a transfer: the leader that is heard is no reason to deny */
    bool pre_vote;                  /* asks what the answer would be; nobody changes term or vote */
};

struct peer_vote_result {
    bool granted, pre_vote;
};

/* Entries from prev_index + 1 on; none: a heartbeat. */
struct peer_append {
    uint64_t prev_index, prev_term;
    uint64_t commit;
    struct log_entry *entries; /* inside the message; each holds a reference to its payload */
    unsigned n;
};

/* Answers PEER_APPEND and PEER_SNAPSHOT. */
struct peer_append_result {
    uint64_t rejected;   /* 0: accepted, else the prev_index that did not match */
    uint64_t last_index; /* accepted: durable up to here; rejected: where to try next */
};

/* The receiver needs the sender's snapshot; its file travels apart and is durable at the receiver
 * before its consensus sees this. */
struct peer_snapshot {
    struct snapshot_mark *mark; /* owned by the message */
};

/* Transfer of leadership: stand for election at once. */
struct peer_timeout_now {
    uint64_t last_index, last_term;
};

struct peer_message {
    struct list link; /* of whoever owns the message */
    uint64_t gate;    /* consensus: log sequence number it waits for */
    enum peer_message_type type;
    uint64_t from, to;
    uint64_t term;   /* the sender's; of a vote result maybe the asker's */
    int64_t time_ns; /* the cluster's time at the sender (engine); 0: it does not know it */
    union {
        struct peer_vote vote;
        struct peer_vote_result vote_result;
        struct peer_append append;
        struct peer_append_result append_result;
        struct peer_snapshot snapshot;
        struct peer_timeout_now timeout_now;
    };
};

/* Gives a zeroed message (peer_message_free). PEER_APPEND has room for N_ENTRIES, append.n is
 * N_ENTRIES; PEER_SNAPSHOT has a zeroed mark. N_ENTRIES is 0 for all other types. */
struct peer_message *peer_message_new(enum peer_message_type type, uint64_t from, uint64_t to,
                                      unsigned n_entries);
/* Gives a copy that shares the payloads. */
struct peer_message *peer_message_dup(const struct peer_message *m);
/* NULL is fine. */
void peer_message_free(struct peer_message *m);
