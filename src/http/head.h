/* head: what Go's server refuses in a request's head and libmicrohttpd lets pass (DESIGN 12;
 * contract, keys 3). */
#pragma once

#include "http/conn.h"

struct head_refusal {
    int status;       /* 0: nothing to refuse */
    const char *text; /* body of a bare reply, static; NULL: an ordinary reply without body */
    bool too_long;    /* there may be no room for a reply */
};

/* Checks method, target and headers; sets method, http10, path_query and content_type of K.
 * *length is the announced body length, 0 when there is none. */
struct head_refusal head_check(struct conn *k, const char *method, const char *version,
                               uint64_t *length);
