/* wire: how the engine reaches the other members. An interface: peer/ puts it on sockets, tests/sim
 * on a simulated network. Every call is made on the engine thread, returns at once and never waits
 * for a peer. What comes in arrives through engine_receive (engine.h). */
#pragma once

#include "cluster/frame.h"
#include "codec/command.h"
#include "proto/limits.h"

/* Members, those who leave, those of consensus' configuration, and those the log speaks of: hardly
 * ever others. */
#define WIRE_PEERS (4 * LIMIT_MEMBERS)

struct wire_peer {
    uint64_t id;
    unsigned n_urls; /* 0: not known yet */
    struct span urls[COMMAND_MEMBER_URLS];
};

struct wire {
    /* Whom to talk to from now on: all members but this one, WIRE_PEERS at most. Borrows. Streams
     * to those that stay with the same URLs go on. */
    void (*peers)(void *ctx, const struct wire_peer *peers, unsigned n);
    /* Takes *F (NULL afterwards) and sends it. Frames to one peer arrive in the order they were
     * sent in, each at most once, or not at all. False: certainly not sent (no stream, or its queue
     * is full), *F stays with the caller. */
    bool (*send)(void *ctx, uint64_t to, struct frame **f);
    /* The same for a PEER_SNAPSHOT message, with the snapshot file of INDEX and TERM ahead of it
     * on a connection of its own: the peer's engine gets the message once the file is durable
     * there. One at a time for each peer; false also while one is running. */
    bool (*send_snapshot)(void *ctx, uint64_t to, struct frame **f, uint64_t index, uint64_t term);
    void *ctx;
};
