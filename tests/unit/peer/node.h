/* node: a peer floor of its own with an engine that only keeps what it gets, on loopback; the
 * test's thread is its engine thread. */
#pragma once

#include "base/mem.h"
#include "peer/peer.h"

#include <check.h>
#include <pthread.h>

#define CLUSTER UINT64_C(0xcdf818194e3a8c32)

struct engine {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct mail *first, **last; /* frames */
    unsigned n, removed;
    uint64_t lost; /* the last one */
};

struct node {
    uint64_t id, cluster_id;
    char port[8], url[32];
    char dir[64]; /* of snapshots */
    int fd;
    struct tls *tls; /* the port speaks TLS */
    struct peer_trust trust;
    const struct diskio *io;
    const struct clock *clock; /* of the door */
    uint64_t gone;             /* the id that was removed */
    struct engine engine;
    struct api api;
    struct peer *peer;
    const struct wire *wire;
};

/* Listens; not open yet. */
void node_init(struct node *n, uint64_t id);
/* Over TLS, which stays the caller's. */
void node_init_tls(struct node *n, uint64_t id, struct tls *tls, const struct peer_trust *trust);
void node_fini(struct node *n);
void node_open(struct node *n);
/* A new process on the same port. */
void node_close(struct node *n);
/* A is told of B. */
void node_meet(struct node *a, const struct node *b);
void node_tell(struct node *n, const struct wire_peer *peers, unsigned count);

/* The next frame; waits for it. */
struct frame *node_take(struct node *n);
/* Takes COUNT numbered frames of FROM, which must come in order. */
void node_take_run(struct node *n, uint64_t from, uint64_t first, uint64_t count);
unsigned node_count(struct node *n);
void node_wait_removed(struct node *n);
void node_wait_lost(struct node *n, uint64_t id);

struct frame *frame_numbered(uint64_t from, uint64_t to, uint64_t number);
struct frame *frame_sized(uint64_t from, uint64_t to, size_t bytes);
/* Whether a numbered frame is taken. */
bool node_offer(struct node *n, uint64_t to, uint64_t number);
/* Until the stream takes it. */
void node_send(struct node *n, uint64_t to, struct frame *f);
/* Sends a numbered frame and waits until it is there. */
void node_reach(struct node *a, struct node *b, uint64_t number);

void pause_ms(unsigned ms);

/* ---- a raw connection ---- */

int raw_dial(const struct node *n);
void raw_send(int fd, const void *bytes, size_t n);
/* Head of a POST as a member FROM would send it; BYTES < 0: chunked. */
void raw_post(int fd, const struct node *to, const char *path, uint64_t from, int64_t bytes,
              const char *more);
void raw_chunk(int fd, const void *bytes, size_t n);
/* Reads until the head of a reply is there, and its status. */
int raw_status(int fd);
/* All that comes until the end; a string. */
char *raw_rest(int fd);
/* Reads until the other side ends it. */
void raw_wait_end(int fd);
