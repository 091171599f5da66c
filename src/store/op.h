/* op: the closed set of operations on the key space, with their conditions, as plain values. */
#pragma once

#include "base/span.h"

#include <stdint.h>

enum op_verb {
    OP_PUT = 1,  /* set, create, update or compareAndSwap: the decision table of apply.c chooses */
    OP_POST = 2, /* create a child named by the event's index */
    OP_DELETE = 3, /* delete or compareAndDelete */
};

enum op_exist { OP_EXIST_ANY = 0, OP_EXIST_YES = 1, OP_EXIST_NO = 2 };

enum op_flags {
    OP_DIR = 1u << 0,
    OP_RECURSIVE = 1u << 1,      /* DELETE */
    OP_REFRESH = 1u << 2,        /* PUT: keep the value, tell no watcher */
    OP_HAS_PREV_VALUE = 1u << 3, /* prev_value counts, though it may be empty */
    OP_HAS_TTL = 1u << 4,
    OP_NO_VALUE = 1u << 5, /* noValueOnSuccess: shapes the reply only */
};

struct store_op {
    enum op_verb verb;
    enum op_exist exist;
    uint32_t flags;      /* enum op_flags */
    uint64_t prev_index; /* 0: not asked */
    uint64_t ttl_s;      /* with OP_HAS_TTL */
    struct span path;    /* borrowed; clean, absolute, no trailing slash; "/" is the root */
    struct span value;   /* borrowed */
    struct span prev_value;
};
