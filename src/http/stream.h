/* stream: bodies that are not there as a whole: watches and large listings. Worker's thread only,
 * but for the callbacks of turn.c, which may read the fields named fixed. */
#pragma once

#include "http/conn.h"

/* A watch between its client and the engine. Lives until the client has let go of it and the engine
 * has given it back. */
struct sub {
    struct watch watch;
    struct worker *worker; /* fixed */
    struct buf path;       /* fixed */
    bool stream;           /* fixed */

    struct conn *conn; /* NULL: nobody listens any more */
    bool held;         /* the engine has it */
    bool opened;
    bool finished;                    /* one-shot: its event is handed out */
    uint64_t asked;                   /* the pass in which the body was last asked for */
    unsigned first, n, cap, historic; /* ring; the first HISTORIC of it do not count to the limit */
    struct event **ring, *small[2];
    size_t at; /* bytes of the first event that were handed out */
};

/* Suspends K and asks the engine for the watch in R, whose path it takes. */
void sub_open(struct conn *k, struct api_result *r);
/* What the engine sent. */
void sub_opened(struct sub *s);
void sub_closed(struct sub *s);
/* Takes EVENT. */
void sub_event(struct sub *s, struct event *event, bool historic);
/* The connection's end of it: the client gets nothing more. */
void sub_detach(struct conn *k);
/* OPENED: queues the head of the stream, or the whole answer. */
enum MHD_Result sub_answer(struct conn *k);

/* Queues the reply of an API_STREAM; takes head and listing of R. */
enum MHD_Result listing_send(struct conn *k, struct api_result *r);
void listing_end(struct conn *k);
