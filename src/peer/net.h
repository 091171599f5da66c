/* net: the thread that keeps a stream open to every peer, and feeds it. */
#pragma once

#include "base/err.h"
#include "peer/line.h"

struct net;

struct net_conf {
    struct dialler by;
    /* Net thread: a peer says that this member was removed. */
    void (*removed)(void *ctx, uint64_t by);
    /* Net thread: nobody listens any more at any URL of ID. */
    void (*lost)(void *ctx, uint64_t id);
    void *ctx;
};

int net_start(struct net **out, const struct net_conf *conf, struct err *e) CP_MUST_CHECK;
/* Sends what waits, shortly; frees. NULL is fine. */
void net_stop(struct net *n);

/* Any thread. A stream of ID to us has ended: is ID still there? */
void net_probe(struct net *n, uint64_t id);
/* Engine thread. Takes a reference to the line, and gives it back after net_drop. */
void net_add(struct net *n, struct line *l);
void net_drop(struct net *n, struct line *l);
/* False: too much waits already. Takes F. */
bool net_send(struct net *n, struct line *l, struct frame **f);
