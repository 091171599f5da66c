/* peers: what goes to the other members and comes from them. Engine thread only, except
 * engine_receive and engine_removed. Private to cluster. */
#pragma once

#include "cluster/frame.h"
#include "cluster/member.h"

struct engine;

/* Who the members are and where, as the log has it to its end; serves until all of it is applied.
 * What is committed is told by the others only, who must be found first. */
struct hearsay {
    struct member_table table;
    uint64_t until; /* applied index; 0: it is over */
};

/* Consensus has a message for a member; takes it. */
void peers_send(struct engine *e, struct peer_message *m);
/* A frame has come; takes it. */
void peers_receive(struct engine *e, struct frame *f);
/* The same, unread. */
void peers_drop(struct engine *e, struct frame *f);
/* Sends a refusal that engine_receive has made; takes it. */
void peers_refuse(struct engine *e, struct frame *refusal);
/* T, which is empty, becomes what the table will be when the N entries behind its state are applied
 * (member_table_fini). */
void peers_foresee(const struct engine *e, const struct log_entry *entries, size_t n,
                   struct member_table *t);
/* At start: the N entries behind the state that was restored, of which nobody knows yet whether
 * they are committed, say where the others are. */
void peers_learn(struct engine *e, const struct log_entry *entries, size_t n);
/* Takes what engine_lost has sent. */
void peers_lost(struct engine *e, struct mail *mail);
/* Tells the wire whom to talk to, when that has changed. */
void peers_turn(struct engine *e);
