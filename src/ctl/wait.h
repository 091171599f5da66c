/* wait: one change after the other, without a gap: each wait starts behind the change before, also
 * when the connection was lost between the two. */
#pragma once

#include "ctl/reply.h"
#include "ctl/session.h"

struct waiter {
    const char *key;
    bool recursive;
    bool forever;        /* a server that is gone is waited for, once it was there */
    uint64_t next_index; /* 0: from now on */
    bool connected;      /* a server has taken a wait before */
};

/* The first index to wait for, from --after-index. */
uint64_t wait_first_index(int64_t after_index);

/* Waits for the next change. EXIT_FINE with OUT filled, or EXIT_SERVER, the error printed. When the
 * history no longer reaches a wait that was connected before, says so on err and goes on from the
 * present. */
enum exit_status wait_next(struct session *s, struct waiter *w,
                           struct event_reply *out) CP_MUST_CHECK;
