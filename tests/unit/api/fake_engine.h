/* fake_engine: the questions api has for the engine, answered from a real store on the test's own
 * thread. */
#pragma once

#include "api/api.h"
#include "cluster/member.h"
#include "disk/wal.h"

#include <pthread.h>

#define FAKE_MEMBER  0x5c76a90ae78bcee7
#define FAKE_REMOVED 0xdead

struct engine {
    struct store *store;
    _Atomic uint64_t raft_index; /* these two: read by any thread */
    _Atomic int64_t now_ns;
    bool leader, log_full;
    bool shared; /* with other members: quorum reads have to be confirmed */
    struct histogram histogram;
    struct wal_figures log;
    uint64_t found, missing; /* reads */
    pthread_mutex_t lock;    /* of members, which are read by any thread */
    struct member_table members;
    struct engine_traffic traffic;
    struct follower_status followers[2];
    unsigned n_followers;
};

void fake_engine_init(struct engine *e);
void fake_engine_fini(struct engine *e);
/* What the engine does with a command about members. */
void fake_engine_apply_member(struct engine *e, const struct command *c, struct proposal *p);
/* What the engine does with a proposal, up to done(). */
void fake_engine_apply(struct engine *e, struct proposal *p);
