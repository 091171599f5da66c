/* gate_priv: what the files of the gate share. All of it belongs to the gate thread, apart from
 * what is marked. */
#pragma once

#include "base/list.h"
#include "base/mailbox.h"
#include "peer/download.h"
#include "peer/gate.h"
#include "peer/inflow.h"
#include "proto/limits.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

/* A connection. */
struct guest {
    struct list place;
    int fd;
    uint64_t since_ms; /* of the connection, or of its last answer */
    bool settled;      /* a stream or a snapshot: may stay */
    struct MHD_Connection *mhd;
    struct tls_visit *tls; /* NULL on plain HTTP */
    bool resting;          /* suspended in its handshake until the peer says something */
};

/* A peer, as known by its last stream. */
struct sender {
    uint64_t id, session, number;
    struct visit *visit; /* the stream, while it lasts */
};

struct gate {
    /* Fixed. */
    const struct peer_conf *conf;
    struct api *api;
    struct net *net;
    struct inbound *inbound;
    pthread_t thread;
    int ep;
    struct MHD_Daemon *daemon;
    struct MHD_Daemon *tls_daemon; /* NULL: no listener speaks TLS */
    struct download *download;
    /* Atomic: gate_stop sets. */
    atomic_bool stop;
    /* Download thread posts. */
    struct mailbox mailbox;
    /* Gate thread only. */
    struct list guests;
    unsigned n_guests;
    unsigned n_senders;
    struct sender senders[LIMIT_PEER_SENDERS];
    struct arrival *arrival; /* the newest */
    unsigned n_arrivals;
    uint64_t now_ms, deaf_until_ms, looked_ms;
};

/* A snapshot that comes in. */
struct arrival;

/* A request. */
struct visit {
    struct gate *gate;
    struct guest *guest;
    struct MHD_Connection *mhd;
    char *path; /* owned, without the query */
    bool begun, dead;
    struct sender *sender; /* of a stream */
    struct inflow inflow;
    struct arrival *arrival; /* of a snapshot */
};

/* visit.c: callbacks of libmicrohttpd; CLS is the gate. */
void *visit_on_target(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result visit_on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *size, void **req_cls);
void visit_on_completed(void *cls, struct MHD_Connection *mhd, void **req_cls,
                        enum MHD_RequestTerminationCode why);
void visit_on_connection(void *cls, struct MHD_Connection *mhd, void **socket_cls,
                         enum MHD_ConnectionNotificationCode what);

/* handshake.c: of those that speak TLS. */
void handshake_begin(struct gate *g, struct guest *k, struct gnutls_session_int *session);
/* Suspends those that wait for their peer, behind each turn of the TLS daemon. libmicrohttpd would
 * ask again and again: only a recv of its own, which a handshake does not use, tells it that a
 * socket is empty. */
void handshakes_rest(struct gate *g);
void handshake_wake(struct gate *g, struct guest *k);
void handshake_end(struct guest *k);

/* The header as a hexadecimal number. */
bool visit_number(const struct visit *v, const char *name, uint64_t *out);
void visit_settle(struct visit *v, unsigned silence_s);
enum MHD_Result visit_reply(struct visit *v, unsigned status, const char *text);
/* pages.c: /members, /version, and 404 for the rest, as etcd has them. */
enum MHD_Result visit_page(struct visit *v, const char *method);

/* arrival.c */
enum MHD_Result arrival_begin(struct visit *v, uint64_t from);
enum MHD_Result arrival_take(struct visit *v, struct span bytes);
enum MHD_Result arrival_end(struct visit *v);
/* The visit ends. */
void arrival_leave(struct visit *v);
/* A piece came back. */
void arrival_credit(struct gate *g, struct piece *p);
/* Ends the connection of A soon. */
void arrival_cut(struct arrival *a);
