/* conn: one client connection and the request that is under way on it; its worker's thread only.
 *
 *     IDLE ─► HEAD ─► BODY ─► REPLYING ─► IDLE             answered at once
 *                       ├─► PROVING ⇒ PROVED ─► as BODY     a password not known yet
 *                       ├─► WRITING ⇒ WRITTEN ─► REPLYING
 *                       ├─► READING ⇒ READ ─► REPLYING      quorum=true
 *                       └─► OPENING ⇒ OPENED ─► STREAMING   a watch; or REPLYING when refused or
 *                                 │                         already answered
 *                                 └─► GONE                  the client left meanwhile
 *
 * ⇒: suspended, woken by the worker's mailbox.
 */
#pragma once

#include "http/worker.h"

enum conn_state {
    CONN_IDLE,
    CONN_HEAD,      /* the target has come */
    CONN_BODY,      /* the head was fine, the body comes */
    CONN_PROVING,   /* suspended; the guard has a password */
    CONN_PROVED,    /* it is back, and the request is handled anew */
    CONN_WRITING,   /* suspended; the engine has the proposal */
    CONN_WRITTEN,   /* the proposal is back */
    CONN_READING,   /* suspended; the engine has the quorum read */
    CONN_READ,      /* it is back */
    CONN_OPENING,   /* suspended; the engine has the watch */
    CONN_OPENED,    /* the watch is open or refused, nothing is sent yet */
    CONN_STREAMING, /* head sent, the body grows; suspended while there is nothing to send */
    CONN_REPLYING,  /* the whole reply is libmicrohttpd's */
    CONN_GONE,      /* nobody to answer */
    CONN_STATES
};

struct conn {
    struct list place; /* in conns or spare_conns of the worker, or coming of the library */
    struct worker *worker;
    struct library *library;
    struct MHD_Connection *mhd;
    struct tls_visit *tls; /* NULL on plain HTTP */
    struct list shaking;   /* in shaking of the worker until the handshake is done */
    int fd;
    enum conn_state state;
    bool suspended;
    bool hangup_looked_for; /* during this request */
    bool end_watched;       /* fd is in the worker's epoll, for the end of its input */
    bool lingers;           /* its end is a last word to a client that may still be sending */
    bool tapped;            /* its socket lives on in a tap */

    /* The request. */
    enum v2_method method;
    bool http10;
    bool plain; /* HTTP/1.1 without TLS, nothing special about the connection: its socket may
                   become a tap */
    bool too_large;
    bool crowded_out;      /* its body found no room */
    size_t body_counted;   /* bytes of it in bodies of the door */
    size_t reply_counted;  /* the same of the reply */
    uint64_t bytes_before; /* read from the socket for the requests before this one */
    size_t head_bytes;     /* as LIMIT_HEAD_BYTES counts */
    size_t body_seen;
    enum api_counted counted;
    uint64_t begin_ns; /* monotonic: when the request was complete */
    uint64_t since_s;  /* monotonic: when this state began; for BODY, when HEAD did */
    struct buf target;
    uintptr_t target_end;   /* where it ends in libmicrohttpd's buffer, only to be compared */
    struct span path_query; /* in target: without scheme and host */
    struct span host;       /* what the target names, else the header */
    struct span content_type, origin,
        authorization; /* libmicrohttpd's, valid until the request ends; host may be, too */
    struct buf body;
    int status; /* of the reply that is on its way; 0: none yet */

    /* What it waits for or sends. */
    struct secret *secret;     /* PROVING: the guard's; afterwards what it said */
    struct proposal *proposal; /* WRITTEN: given back */
    struct quorum_read *read;  /* READ: given back */
    bool no_value;
    bool refused;                /* the engine has taken neither write nor watch */
    struct sub *sub;             /* OPENING, OPENED, STREAMING; NULL once the stream has ended */
    struct api_listing *listing; /* where the next piece comes from; NULL: it is the last one */
    struct buf piece;
    size_t piece_at;
    uint64_t listed; /* bytes handed out */
    bool listing_cut;
};

/* From now on NOW bytes of K, *COUNTED of which were counted before, are kept. False: all clients
 * together have more than there is room for. */
bool conn_count(struct conn *k, size_t *counted, size_t now);
/* The only place where a state changes. */
void conn_move(struct conn *k, enum conn_state to);
void conn_suspend(struct conn *k);
/* Fine when it is not suspended. */
void conn_resume(struct conn *k);
/* From now on a hang-up of the client wakes the worker; conn_hangup is then called. */
void conn_watch_hangup(struct conn *k);
void conn_hangup(struct conn *k);
/* Draining has begun: end what would not end by itself. */
void conn_drain(struct conn *k);
/* The grace is over: no more bytes out of the store. */
void conn_cut(struct conn *k);
/* Ends what makes no headway although bytes move: libmicrohttpd's own time-out counts from the last
 * byte. */
void conn_cut_slow(struct conn *k);
/* libmicrohttpd closes the connection in the callback that runs: see to it that it looks again. */
void conn_is_ending(struct conn *k);
/* The engine has answered (or refused to take) the write. */
void conn_written(struct conn *k, struct proposal *p);
/* The same for a quorum read. */
void conn_confirmed(struct conn *k, struct quorum_read *r);
/* The guard has done what it had to. */
void conn_proved(struct conn *k);
/* Bytes of the socket that all requests up to the present one have taken; less than that when one
 * had a chunked body, whose framing nobody counts. */
uint64_t conn_bytes(const struct conn *k);
/* Expects FD, of which BYTES_BEFORE have been read, to be added to libmicrohttpd: it may begin with
 * it at once, or not before it runs the next time. */
struct conn *conn_expect(struct library *l, int fd, uint64_t bytes_before);
/* K will not be begun with: libmicrohttpd has closed its descriptor. */
void conn_forget(struct conn *k);
void conns_free(struct worker *w);

/* Callbacks of libmicrohttpd; CLS is the library. */
void *conn_on_target(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result conn_on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                const char *method, const char *version, const char *data,
                                size_t *size, void **req_cls);
void conn_on_completed(void *cls, struct MHD_Connection *mhd, void **req_cls,
                       enum MHD_RequestTerminationCode why);
void conn_on_connection(void *cls, struct MHD_Connection *mhd, void **context,
                        enum MHD_ConnectionNotificationCode what);
