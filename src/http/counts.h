/* counts: what a worker counts of the requests it serves, and all workers together for /metrics. */
#pragma once

#include "api/api.h"
#include "base/metric.h"

/* Statuses a reply may have, and one place for those that are not listed. */
#define COUNTS_STATUSES 24

struct counts {
    /* the worker writes, relaxed */
    _Atomic uint64_t received[COUNTED_N];
    _Atomic uint64_t failed[COUNTED_N][COUNTS_STATUSES];
    struct histogram success[COUNTED_N];
    _Atomic uint64_t replies[COUNTS_STATUSES];
    _Atomic uint64_t events; /* handed to watches */
};

/* A reply is on its way. AS is what api counted the request as; TOOK_NS how long it took, of no
 * meaning for COUNTED_NOT. */
void counts_reply(struct counts *c, enum api_counted as, int status, uint64_t took_ns);
