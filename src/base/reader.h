/* reader: numbers and bytes out of what came from outside. What lies beyond the end reads as
 * nothing, and is remembered: one look at the end tells whether all was there. */
#pragma once

#include "base/span.h"

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct reader {
    struct span rest;
    bool short_of; /* something lay beyond the end */
    bool wrong;    /* the user's: a value that cannot be */
};

/* Borrows from the bytes read. */
static inline struct span reader_span(struct reader *r, size_t n)
{
    if (n > r->rest.len) {
        r->short_of = true;
        return (struct span){"", 0};
    }

    struct span s = {r->rest.ptr, n};

    r->rest = span_from(r->rest, n);
    return s;
}

/* N bytes, at most 8, the lowest first. */
static inline uint64_t reader_uint(struct reader *r, size_t n)
{
    uint64_t v = 0;

    if (n > r->rest.len) {
        r->short_of = true;
        return 0;
    }
    memcpy(&v, r->rest.ptr, n); /* of a constant length: one instruction */
    r->rest = span_from(r->rest, n);
    return le64toh(v);
}
