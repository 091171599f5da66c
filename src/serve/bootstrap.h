/* bootstrap: which member of which cluster this is: what its log says, or else what the flags and
 * the members that run already say. Everything that is wrong is refused here, before anything is
 * written. */
#pragma once

#include "cluster/founding.h"
#include "cluster/roster.h"
#include "peer/trust.h"
#include "serve/options.h"

struct bootstrap {
    uint64_t cluster_id, member_id;
    /* For engine_conf; point into what is kept here. */
    bool joins;
    struct peer_trust trust; /* into the options */
    unsigned n_founders;
    const struct founder *founders;
    /* Owned. */
    struct founding founding;
    struct roster roster;
    struct founder members[LIMIT_MEMBERS]; /* of the roster */
};

/* May ask other members, for some seconds. ERR_USAGE, ERR_FOREIGN, ERR_NET and what is wrong with
 * the log. B is to be freed on failure too. */
int bootstrap_begin(struct bootstrap *b, const struct options *o, struct err *e) CP_MUST_CHECK;
/* After engine_stop. */
void bootstrap_end(struct bootstrap *b);
