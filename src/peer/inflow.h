/* inflow: a stream's bytes as frames for the engine. */
#pragma once

#include "cluster/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inflow {
    uint64_t from, to; /* which every frame must have */
    void (*give)(void *ctx, struct frame *f);
    void *ctx;
    /* The beginning of a frame whose end has not come yet. */
    char head[4];
    size_t have; /* bytes of it */
    size_t need; /* its length, 0: not known yet */
    char *part;  /* owned, NEED bytes */
};

/* Takes any number of bytes; 0, or why the stream must end: as frame_decode, -ENOMEM, ERR_FOREIGN
 * (of or for another member). */
int inflow_feed(struct inflow *in, struct span bytes, struct err *e) CP_MUST_CHECK;
/* True in the middle of a frame. */
bool inflow_is_partial(const struct inflow *in);
void inflow_fini(struct inflow *in);
