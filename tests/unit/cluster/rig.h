/* rig: one consensus with everything around it in the test's hands: what it sends is kept in order,
 * what it writes is durable when the test says so. */
#pragma once

#include "cluster/consensus.h"
#include "cluster/consensus_msg.h"

#include <setjmp.h>
#include <stdbool.h>

#include <check.h>

enum { RIG_SENT = 64 };

struct rig {
    struct consensus *c;
    uint32_t guards_off;
    uint64_t now, lsn;
    uint64_t term, vote; /* as last written */
    uint64_t applied, installs;
    struct peer_message *sent[RIG_SENT];
    unsigned n_sent;
    struct snapshot_mark snapshot;
    bool broken; /* ops.fatal was called */
    jmp_buf fatal;
};

/* Member SELF of N members: the first VOTERS of them voters, the others standbys; ids from 1.
 * Fresh, started. */
void rig_init(struct rig *r, uint64_t self, unsigned n, unsigned voters, uint32_t guards_off);
void rig_fini(struct rig *r);
/* All that was written is durable. */
void rig_sync(struct rig *r);
/* Goes to the deadline and ticks. */
void rig_tick(struct rig *r);
/* Hands M in; false when consensus gave up. */
bool rig_receive(struct rig *r, struct peer_message *m);
/* The newest message of TYPE to TO (0: anybody) among those sent since rig_forget; NULL: none. */
const struct peer_message *rig_sent(const struct rig *r, enum peer_message_type type, uint64_t to);
void rig_forget(struct rig *r);

/* Messages of others; term first. */
struct peer_message *rig_append(struct rig *r, uint64_t from, uint64_t to, uint64_t term,
                                uint64_t prev_index, uint64_t prev_term, unsigned commands,
                                uint64_t commit);
struct log_entry rig_command(const char *text);
struct blob *rig_members(unsigned n, unsigned voters);

Suite *consensus_suite(void);
Suite *forget_suite(void);
Suite *guards_suite(void);
Suite *haste_suite(void);
Suite *logcache_suite(void);
