/* form: the parameters of a request for /v2/keys, out of the body's form and the query. Pure.
 * Source: contract, keys 3; Go's Request.ParseForm. */
#pragma once

#include "api/request.h"

#define FORM_NAMES(X)                                                                              \
    X(PREV_INDEX, "prevIndex")                                                                     \
    X(WAIT_INDEX, "waitIndex")                                                                     \
    X(RECURSIVE, "recursive")                                                                      \
    X(SORTED, "sorted")                                                                            \
    X(WAIT, "wait")                                                                                \
    X(DIR, "dir")                                                                                  \
    X(QUORUM, "quorum")                                                                            \
    X(STREAM, "stream")                                                                            \
    X(PREV_VALUE, "prevValue")                                                                     \
    X(NO_VALUE, "noValueOnSuccess")                                                                \
    X(TTL, "ttl")                                                                                  \
    X(PREV_EXIST, "prevExist")                                                                     \
    X(REFRESH, "refresh")                                                                          \
    X(VALUE, "value")

enum form_name {
#define X(name, text) FORM_##name,
    FORM_NAMES(X)
#undef X
        FORM_COUNT
};

/* The first value of each name, body before query; ptr NULL: the name did not come. */
struct form {
    struct span value[FORM_COUNT];
};

extern const struct span form_text[FORM_COUNT];

/* False when it cannot be read; CAUSE then has Go's words. The spans borrow from RQ and QUERY and
 * from SCRATCH, which must not be written any more. */
bool form_read(const struct api_request *rq, struct span query, struct form *out,
               struct buf *scratch, struct buf *cause);

static inline bool form_has(const struct form *f, enum form_name name)
{
    return f->value[name].ptr != NULL;
}
