/* engine: the only writer. One thread takes all that waits in its mailbox, submits it as one batch
 * to consensus, applies what is committed, renders events, publishes the version, hands events to
 * the hub, and completes the requests. Other threads talk to it through engine_propose,
 * engine_watch and engine_unwatch, and read through store_pin. */
#pragma once

#include "base/blob.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mailbox.h"
#include "disk/datadir.h"
#include "disk/diskio.h"
#include "proto/v2.h"
#include "store/event.h"
#include "store/store.h"
#include "watch/hub.h"

struct engine;
struct frame; /* frame.h */
struct wire;  /* wire.h */

#define ENGINE_TRAILING 5000u
#define ENGINE_FORGET   4096u

/* One of the members as a new one is told of them. */
struct founder {
    uint64_t id;
    struct span name;
    unsigned n_peer_urls;
    const struct span *peer_urls;
};

struct engine_conf {
    const struct datadir *dir; /* open; outlives the engine */
    uint64_t cluster_id, member_id;
    /* The members as this one is told at its start, itself too, in any order: with joins false
     * those of a new cluster, each of which is started with the same; else those that are there
     * already and where to find them, until it finds itself in its own log. Outlives the engine.
     * With joins false without effect when the directory holds a member already. */
    bool joins;
    unsigned n_founders;
    const struct founder *founders;
    /* Of the members that the directory knows, only this one is left: it goes on alone with the
     * data. */
    bool force_new;
    const struct wire *wire; /* NULL: there are no other members, nor will there be */
    struct span name;
    const struct span *peer_urls, *client_urls; /* advertised */
    unsigned n_peer_urls, n_client_urls;
    unsigned heartbeat_ms, election_ms;
    uint64_t snapshot_count;    /* applied entries between snapshots */
    unsigned snapshot_trailing; /* entries kept in memory behind a snapshot, for members that
                                   lag a little; 0: ENGINE_TRAILING */
    unsigned forget_entries;    /* applied entries that a member alone keeps in memory, at most;
                                   0: ENGINE_FORGET */
    uint64_t segment_bytes;     /* of the log; 0: as disk/wal.h says */
    size_t history_events, history_bytes; /* bytes 0: no bound */
    const struct clock *clock;
    const struct diskio *io;
    /* Engine thread, once a turn, after all done() and watch callbacks of the turn: pass on what
     * was gathered. */
    void (*turn_end)(void *ctx);
    /* Engine thread: the cluster goes on without this member, for good; the process should end. May
     * be NULL. */
    void (*removed)(void *ctx);
    void *ctx;
    /* No threads, for simulation: whoever started it calls engine_step, and wal_step,
     * wal_spare_step and job_step for those beside it. */
    bool stepped;
};

/* Replays the log, takes part, publishes this member's name and URLs. Returns once the member can
 * serve. */
int engine_start(struct engine **out, const struct engine_conf *conf, struct err *e) CP_MUST_CHECK;
/* Answers everything that waits with ERR_STOPPED's v2 error, makes the log durable, ends the
 * thread, frees. No request may come in any more. */
void engine_stop(struct engine *e);
/* The same, but E stays: for a process that ends. To free the tree takes a second for a few million
 * keys; the system takes all of it at once. */
void engine_halt(struct engine *e);

/* Of a leader of several: hands over to another member, and waits until that leads or a while has
 * passed. Before the wire goes; any thread. Nothing to do is fine. */
void engine_hand_over(struct engine *e);

/* Stepped: one turn of the engine. */
void engine_step(struct engine *e);
/* Stepped: when a turn is due though nothing comes, in monotonic time; UINT64_MAX: never. */
uint64_t engine_deadline_ns(struct engine *e);

/* Kinds of mail the engine takes. */
enum {
    MAIL_PROPOSAL = 1,
    MAIL_WATCH,
    MAIL_UNWATCH,
    MAIL_SNAPSHOT, /* these two: its own */
    MAIL_INSTALL,
    MAIL_READ,
    MAIL_FRAME,
    MAIL_REFUSAL, /* a frame: to be sent */
    MAIL_LOST,
};

/* One write on its way. Owned by the caller, by the engine from engine_propose until done(). */
struct proposal {
    struct mail mail;
    void *owner;          /* the caller's own */
    struct blob *command; /* takes; encoded, address and stamp are filled in by the engine */
    int kind;             /* enum command_kind: the caller's own */
    uint64_t deadline_ns; /* monotonic; set by engine_propose */
    uint64_t term;        /* engine: in which it was sent to the leader; 0: not yet */
    uint64_t number;      /* engine: of the frame it was sent in; 0: it was sent here */
    /* Outcome */
    enum v2_code code;
    struct event *event; /* V2_OK: gives one reference */
    struct buf cause;    /* refusals: owned by the proposal */
    uint64_t etcd_index; /* X-Etcd-Index and "index" of an error */
    uint64_t raft_index, raft_term;
    struct {         /* V2_OK of a command about members */
        int outcome; /* enum member_outcome */
        uint64_t id;
        struct blob *info; /* of ADD, done: encoded COMMAND_MEMBER; gives one reference */
    } member;
    struct {
        int verb; /* enum account_verb, and whose: the caller's */
        struct buf name;
        int code;        /* V2_OK: enum account_code */
        struct buf what; /* of a refusal: which role or pattern; owned by the proposal */
        const struct accounts *after; /* V2_OK: as they are now; gives one reference */
    } account;
    /* Engine thread: gives the proposal back. */
    void (*done)(struct proposal *p);
};

/* Takes *P (NULL afterwards); false when too many wait: *P then stays. */
bool engine_propose(struct engine *e, struct proposal **p) CP_MUST_CHECK;

/* A watch on its way in, later the watch itself. */
struct watch {
    struct mail mail;
    void *owner;            /* the caller's own */
    struct watcher watcher; /* path, since, recursive, stream, push are set by the caller */
    enum v2_code code;      /* V2_OK; EVENT_INDEX_CLEARED with oldest; RAFT_INTERNAL: there has been
                               no leader for long */
    uint64_t oldest;
    uint64_t etcd_index, raft_index, raft_term; /* as of the start of the watch */
    /* Engine thread: subscribed or refused. Historic events were pushed before. */
    void (*opened)(struct watch *w);
    /* Engine thread, after opened(): events that it should have seen are lost, or will not come; no
     * push follows. It is given back by engine_unwatch all the same. */
    void (*ended)(struct watch *w);
    /* Engine thread, after engine_unwatch: the hub holds it no more, no push follows; gives it
     * back. */
    void (*closed)(struct watch *w);
};

bool engine_watch(struct engine *e, struct watch *w) CP_MUST_CHECK;
/* Only after opened(). Never refused. */
void engine_unwatch(struct engine *e, struct watch *w);

/* A linearizable read on its way: when it is done, this member has applied everything that was
 * committed anywhere when it began. Owned by the caller, by the engine until done(). */
struct quorum_read {
    struct mail mail;
    void *owner;          /* the caller's own */
    uint64_t deadline_ns; /* monotonic; set by engine_read */
    uint64_t index;       /* engine: it may run once this is applied */
    /* Outcome */
    enum v2_code code; /* V2_OK, or V2_RAFT_INTERNAL with a cause */
    struct buf cause;  /* owned by the read */
    /* Engine thread: gives the read back. */
    void (*done)(struct quorum_read *r);
};

/* False when too many wait. */
bool engine_read(struct engine *e, struct quorum_read *r) CP_MUST_CHECK;
/* Behind one or more of engine_propose, engine_watch and engine_read, which do not wake an engine
 * that sleeps. Any thread. */
void engine_ring(struct engine *e);
/* What a peer sent; takes F. When too much waits, writes that it forwards are refused, and all else
 * is dropped. Any thread. */
void engine_receive(struct engine *e, struct frame *f);
/* Nobody listens any more at the URLs of PEER, which was there before: its process has ended. Any
 * thread. */
void engine_lost(struct engine *e, uint64_t peer);
/* A peer says that this member was removed. Any thread. */
void engine_removed(struct engine *e);

/* Any thread. */
struct store *engine_store(struct engine *e);
uint64_t engine_raft_index(const struct engine *e);
uint64_t engine_raft_term(const struct engine *e);
uint64_t engine_cluster_id(const struct engine *e);
uint64_t engine_member_id(const struct engine *e);
bool engine_has_leader(const struct engine *e);
/* This member alone decides: what it can read now is the newest that anybody knows of, without
 * asking. */
bool engine_decides_alone(const struct engine *e);
/* The cluster's time now, ns since 1970. Goes back only where this member was ahead of the leader
 * while it did not hear it. */
int64_t engine_now_ns(const struct engine *e);
