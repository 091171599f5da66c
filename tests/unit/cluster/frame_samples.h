/* samples: a frame of each kind, with values at the edges; and what it takes to be the same one. */
#pragma once

#include "cluster/frame.h"

#define SAMPLE_FROM UINT64_C(0x8e9e05c52164694d)
#define SAMPLE_TO   UINT64_C(0x91bc3c398fb3c146)

enum { FRAME_SAMPLES = 15 };

struct frame_sample {
    const char *name;
    struct frame *(*make)(void);
};

/* Some of them by name. */
struct frame *sample_vote(void);
struct frame *sample_vote_result(void);
struct frame *sample_append(void);
struct frame *sample_snapshot(void);
struct frame *sample_forward(void);
struct frame *sample_refused(void);
struct frame *sample_read(void);
struct frame *sample_read_index(void);
struct frame *sample_confirm(void);

extern const struct frame_sample frame_samples[FRAME_SAMPLES];

/* Gives F, a FRAME_MESSAGE, its message, with room for N entries. */
struct peer_message *sample_message(struct frame *f, enum peer_message_type type, unsigned n);
/* N times C. */
struct blob *sample_bytes(size_t n, char c);
void sample_check_same(const struct frame *a, const struct frame *b);
