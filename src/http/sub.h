/* sub: a watch between its client and the engine. Its events go out either through libmicrohttpd
 * (stream.h), or, which costs no memory and nothing to others, through a socket of its own (tap.h).
 * Worker's thread only, but for the callbacks of turn.c, which may read the fields named fixed. */
#pragma once

#include "api/right.h"
#include "http/worker.h"

/* Lives until the client has let go of it and the engine has given it back. */
struct sub {
    struct watch watch;
    struct worker *worker; /* fixed */
    struct buf path;       /* fixed */
    bool stream;           /* fixed */

    struct right right;
    bool revoked; /* the client may not read it any more */

    bool held; /* the engine has it */
    bool opened;
    bool finished; /* one-shot: its event is handed out */

    /* The client: one of the two, or nobody. */
    struct conn *conn;
    int fd; /* -1: none */

    unsigned first, n, cap, historic; /* ring; CAP is a power of two; the first HISTORIC of it do
                                         not count to the limit */
    struct event **ring, *small[2];
    size_t at; /* bytes of the first event that were handed out; a tap counts those of its chunk */
    uint64_t asked; /* conn: the pass in which the body was last asked for */

    /* tap */
    struct list place;     /* in taps, taps_noted or taps_blocked of the worker */
    bool blocked;          /* the socket takes no more at present */
    uint64_t moved_s;      /* blocked: when it took something last, monotonic */
    bool noted;            /* in taps_noted */
    uint64_t bytes_before; /* of what libmicrohttpd has read, for the connection to come */
};

/* Suspends K and asks the engine for the watch in R, whose path it takes. The door has counted it.
 */
void sub_open(struct conn *k, struct api_result *r);
/* What the engine sent. */
void sub_opened(struct sub *s);
void sub_closed(struct sub *s);
/* Takes EVENT. */
void sub_event(struct sub *s, struct event *event, bool historic);
/* No more events will come: the client gets those that wait, as far as it takes them at once, and
 * the end. */
void sub_ended(struct sub *s);
/* Accounts have changed: ends the watches of W that are not allowed any more. */
void subs_judge(struct worker *w);
/* Gives the first event of the ring. */
struct event *sub_take(struct sub *s);
/* The client gets nothing more of it. */
void sub_let_go(struct sub *s);
