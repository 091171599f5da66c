/* frame: what one member sends to another, as a value and as bytes. On the wire a frame is
 *   length u32 (of the body), CRC32C u32 (of the body), body: type u8, format u8, reserved u16 (0),
 *   from u64, to u64, then what the type carries; little endian.
 * Pure: knows nothing of sockets or of consensus. */
#pragma once

#include "base/blob.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mailbox.h"
#include "cluster/consensus_msg.h"

#include <stdbool.h>
#include <stdint.h>

#define FRAME_FORMAT     1
#define FRAME_HEAD_BYTES 8u /* length and checksum */

enum frame_type {
    FRAME_MESSAGE = 1, /* of consensus */
    FRAME_FORWARD,     /* follower to leader: commands to submit, in order */
    FRAME_REFUSED,     /* leader to follower: these were certainly not submitted */
    FRAME_READ,        /* follower to leader: asks for a read index */
    FRAME_READ_INDEX,  /* leader to follower: the answer */
    FRAME_CONFIRM,     /* leader to voter: do you still follow me in this term? */
    FRAME_CONFIRMED,   /* voter to leader: I do */
};

/* Commands are encoded and addressed (codec/command.h): their origin is the sender of the frame. */
struct frame_forward {
    uint64_t session; /* one life of the sender as a process */
    uint64_t number;  /* of this frame in that session, from 1: one seen before is dropped */
    uint64_t term;    /* in which the sender takes the receiver for the leader; one that leads in
                         another refuses: so a forwarded command is in the log before the first
                         entry of a later term, or lost for certain */
    unsigned n;
    struct blob **commands; /* owned, one reference each */
};

struct frame_refused {
    uint64_t session, number; /* of the frame that they came in */
    unsigned n;
    uint64_t *requests; /* owned; numbers of the origin */
};

struct frame_read {
    uint64_t session, number; /* the asker's; come back in the answer */
};

struct frame_read_index {
    uint64_t session, number;
    bool ok;        /* false: not the leader, or it could not confirm its term */
    uint64_t index; /* the read may run once this is applied */
};

struct frame_confirm {
    uint64_t term, number; /* the leader's round; come back in the answer */
};

struct frame {
    struct mail mail; /* of whoever owns the frame */
    enum frame_type type;
    uint64_t from, to;
    union {
        struct peer_message *message; /* owned; a PEER_SNAPSHOT travels with its file */
        struct frame_forward forward;
        struct frame_refused refused;
        struct frame_read read;
        struct frame_read_index read_index;
        struct frame_confirm confirm; /* FRAME_CONFIRM and FRAME_CONFIRMED */
    };
};

/* Gives a zeroed frame (frame_free). */
struct frame *frame_new(enum frame_type type, uint64_t from, uint64_t to);
/* NULL is fine. */
void frame_free(struct frame *f);
/* What frame_encode appends. More than LIMIT_FRAME_BYTES cannot be sent. */
size_t frame_bytes(const struct frame *f);
/* Appends the whole frame, head included. */
void frame_encode(const struct frame *f, struct buf *out);
/* Looks at the beginning of a stream: the bytes of the first frame, head included; 0: more must
 * come first; ERR_MALFORMED: longer than LIMIT_FRAME_BYTES. */
int64_t frame_length(struct span bytes);
/* BYTES is one whole frame. Gives *OUT. 0, ERR_CORRUPT (checksum), ERR_MALFORMED, ERR_VERSION
 * (type or format not known). Payloads are copied; never reads beyond BYTES. */
int frame_decode(struct span bytes, struct frame **out, struct err *e) CP_MUST_CHECK;
