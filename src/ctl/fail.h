/* fail: why a request came to nothing, in the words the reference prints. */
#pragma once

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct fail {
    struct buf text; /* the error as one message; may hold line ends */
    struct buf
        detail;      /* printed behind it by key commands when every endpoint failed; else empty */
    bool connection; /* nobody was reached: dialling, reading or time ran out */
    bool over;       /* the time for the whole command ran out */
    bool no_endpoints; /* the cluster publishes none */
    bool begun;        /* a waiting request was accepted, then cut; index is that of its head */
    int code;          /* of an answer of the key API, 0 otherwise */
    uint64_t index;    /* the index such an answer names, or of BEGUN */
};

static inline void fail_fini(struct fail *f)
{
    buf_fini(&f->text);
    buf_fini(&f->detail);
}

static inline void fail_clear(struct fail *f)
{
    fail_fini(f);
    *f = (struct fail){0};
}
