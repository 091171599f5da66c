/* worker: what the files of this folder share: the door, and one thread that serves its share of
 * the connections with an epoll loop of its own over a threadless libmicrohttpd daemon (whose own
 * loops can freeze, and wake once a resume). */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "base/mailbox.h"
#include "http/counts.h"
#include "http/door.h"
#include "proto/limits.h"
#include "tls/tls.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#define WORKERS_MAX   16
#define DATE_BYTES    32
#define EVENTS_A_PASS 64
/* Of each worker. A resume walks all suspended connections of its daemon, and a watch over TLS
 * stays suspended there: with 5000 of them in one daemon a write took 0.6 ms more. */
#define TLS_LIBRARIES 8

struct accounts;
struct conn;
struct same;
struct sub;

/* What a worker finds in its mailbox. */
enum worker_mail {
    MAIL_SOCKET = 101, /* struct dealt: an accepted connection */
    MAIL_WRITTEN,      /* struct proposal: answered by the engine */
    MAIL_CONFIRMED,    /* struct quorum_read: given back by the engine */
    MAIL_PROVED,       /* struct secret: given back by the guard */
    MAIL_OPENED,       /* struct watch: subscribed or refused */
    MAIL_CLOSED,       /* struct watch: nothing of it is left at the engine */
    MAIL_EVENTS,       /* struct delivery */
};

struct dealt {
    struct mail mail;
    int fd;
    bool tls;
    bool leaving; /* in lobby: it has had its answer */
    socklen_t len;
    struct sockaddr_storage from;
    struct list place; /* in lobby or lobby_ready of the worker */
    uint64_t since_s;  /* when it was put there */
};

/* Events of one turn of the engine for watches of one worker. */
#define DELIVERY_ITEMS 64
struct delivery {
    struct mail mail;
    unsigned n;
    struct {
        struct sub *sub;
        struct event *event; /* one reference; NULL: no more will come */
        bool historic;
    } items[DELIVERY_ITEMS];
};

enum door_phase {
    DOOR_OPEN,
    DOOR_DRAIN, /* no new connection; each request gets "server stopped"; watches end */
    DOOR_CUT,   /* listings are cut: afterwards only writes may be under way, and api is only asked
                   for their replies */
    DOOR_STOP,  /* a worker leaves as soon as nothing of it is at the engine */
};

/* How far a worker has come with draining. */
enum settled {
    SETTLED_NOT,
    SETTLED_CUT, /* no watch, no listing: what is left are writes and replies in memory */
    SETTLED_ALL, /* nothing is left */
    SETTLED_STATES
};

/* One libmicrohttpd daemon: it speaks either plain HTTP or TLS. */
struct library {
    struct worker *worker;
    struct MHD_Daemon *daemon; /* NULL: there is no listener of the kind */
    struct list coming;        /* given to it, and it has not begun with them */
    bool again;                /* it has something to do of which no descriptor will tell */
    bool due;                  /* its descriptor is ready */
};

struct worker {
    /* Fixed once the thread runs. */
    struct door *door;
    unsigned number; /* its reader slot at the store, too */
    struct library plain, tls[TLS_LIBRARIES];
    unsigned n_tls; /* 0 where no TLS is spoken */
    int ep; /* the mailbox's eventfd, the daemons' epolls, hang-ups, and the listeners in worker 0
             */
    pthread_t thread;

    /* Any thread. */
    struct mailbox mailbox;

    struct counts counts; /* the worker writes, anybody reads */

    /* Engine only: what this turn has gathered, in order. */
    struct mail *out_first, **out_last;
    struct delivery *out_events; /* the open one, already in the chain */

    /* The worker only. */
    struct list conns;
    struct list spare_conns;
    struct list lobby, lobby_ready; /* sockets of TLS clients: lobby.h */
    struct list shaking;            /* connections in their handshake, the oldest first */
    unsigned n_lobby, n_shaking;
    unsigned next_tls; /* whose turn it is to get a connection */
    /* noted: there is something to send; blocked: and the socket takes no more at present */
    struct list taps, taps_noted, taps_blocked;
    unsigned
        pending; /* proposals and quorum reads that the engine has, passwords that the guard has */
    unsigned watches; /* watches that the engine has */
    unsigned unrung;  /* what the engine was given since it was rung for the last time */
    const struct accounts *judged; /* those by which they may be; a reference, or NULL */
    unsigned replying;             /* connections whose reply is on its way out */
    struct same *same;             /* responses that may be sent again; NULL: none yet */
    uint64_t passes;               /* begun so far */
    bool draining, cut;
    enum settled told;      /* what door_drain knows */
    uint64_t deaf_until_ms; /* not 0: accepting rests because no descriptors were left */
    uint64_t mono_s;        /* of this pass: monotonic seconds */
    time_t date_s;
    char date[DATE_BYTES];
};

struct door {
    /* Fixed once the threads run. */
    struct api *api;
    struct door_conf conf;
    struct listener {
        int fd;
        bool tls;
    } * listeners;
    unsigned n_workers;
    bool started;
    char cluster_id[20]; /* lowercase hex, not padded */

    /* Any thread. */
    atomic_uint phase; /* enum door_phase: the main thread raises it, then wakes the workers */
    atomic_uint connections; /* accepted and not yet closed */
    atomic_uint watches;     /* watches that have a client */
    atomic_uint taps;        /* those whose socket is their own */
    atomic_size_t bodies;    /* of requests and replies, see LIMIT_BODIES_BYTES */
    atomic_uint_fast64_t overflows, refused;
    atomic_uint_fast64_t handshakes, handshakes_failed;

    unsigned next_worker; /* worker 0 only: whose turn it is to get a connection */

    pthread_mutex_t lock; /* guards n_settled; only used while draining */
    pthread_cond_t settle;
    unsigned n_settled[SETTLED_STATES]; /* workers that are at least that far */

    struct worker workers[];
};

static inline enum door_phase door_phase(struct door *d)
{
    return (enum door_phase)atomic_load_explicit(&d->phase, memory_order_acquire);
}

static inline bool library_speaks_tls(const struct library *l)
{
    return l != &l->worker->plain;
}

/* loop.c */
int worker_init(struct worker *w, struct door *d, unsigned number, struct err *e) CP_MUST_CHECK;
void worker_fini(struct worker *w);
/* Makes epoll and daemons ready; the thread is the caller's to start. */
int worker_prepare(struct worker *w, struct err *e) CP_MUST_CHECK;
void *worker_main(void *worker);
/* The engine was given something: it is rung for before this thread waits again, at the latest. */
void worker_gave(struct worker *w);
void worker_stop_libraries(struct worker *w);
/* Makes L serve an open connection, already counted, of which BYTES_BEFORE were read. */
void worker_adopt(struct library *l, int fd, const struct sockaddr *from, socklen_t len,
                  uint64_t bytes_before);
uint64_t worker_now_ms(void);

/* accept.c: worker 0 only. */
int accept_begin(struct worker *w, struct err *e) CP_MUST_CHECK;
void accept_end(struct worker *w);
bool accept_is_listener(const struct worker *w, const void *ptr);
/* Takes what waits at one listener and deals it round. */
void accept_batch(struct worker *w, const struct listener *listener);
#define DEAF_MS 100
/* A while has passed: try again after a lack of descriptors. */
void accept_retry(struct worker *w);

/* turn.c: engine thread only. */
void turn_written(struct proposal *p);
void turn_confirmed(struct quorum_read *r);
void turn_opened(struct watch *watch);
void turn_ended(struct watch *watch);
void turn_closed(struct watch *watch);
void turn_push(struct watcher *watcher, struct event *event, bool historic);
