/* roster: what a member answers on its peer port to "who is in the cluster?", read, and held
 * against what a member that is about to start was told. Pure. */
#pragma once

#include "base/buf.h"
#include "cluster/founding.h"
#include "codec/command.h"

struct roster {
    uint64_t cluster_id;
    unsigned n;
    struct command_member m[LIMIT_MEMBERS]; /* spans point into bytes */
    struct buf bytes;                       /* owned */
};

#define ROSTER_BYTES_MAX (1u << 20) /* of an answer */

/* BODY is the answer's JSON: [{"id":7,"peerURLs":["…"],"name":"…","clientURLs":["…"]},…]. 0, or
 * ERR_MALFORMED. */
int roster_parse(struct roster *r, struct span body, uint64_t cluster_id,
                 struct err *e) CP_MUST_CHECK;
void roster_fini(struct roster *r);

/* May SELF found the cluster, when one that answers says R? It may not when that belongs to another
 * cluster, or knows a member of this id that has been at work, or none any more. FROM: who
 * answered. 0 or ERR_FOREIGN. */
int roster_may_found(const struct roster *r, struct span from, const struct founding *f,
                     const struct founder *self, struct err *e) CP_MUST_CHECK;
/* May SELF join the cluster of R? *ID: as which member. It must have been added, and unless the log
 * that is here is its own already (LOG_OF: whose that is, 0: there is none) F must name the same
 * members, and no member of this id may have been at work. It says who it is before the first entry
 * has come. 0 or ERR_FOREIGN. */
int roster_may_join(const struct roster *r, struct span from, const struct founding *f,
                    const struct founder *self, uint64_t log_of, uint64_t *id,
                    struct err *e) CP_MUST_CHECK;

struct roster_said {
    const struct roster *roster;
    struct span from; /* who */
};
/* The place of the first of SAID that lets SELF join: who was added a moment ago is not known to
 * every member yet. Else ERR_FOREIGN, with the reason of the first. */
int roster_first_to_join(const struct roster_said *said, unsigned n, const struct founding *f,
                         const struct founder *self, uint64_t log_of, uint64_t *id,
                         struct err *e) CP_MUST_CHECK;
