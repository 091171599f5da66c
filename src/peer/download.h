/* download: the thread that writes the snapshots that come in. The gate hands it pieces and gets
 * each back when it is written, which bounds what waits. */
#pragma once

#include "base/err.h"
#include "base/mailbox.h"
#include "cluster/frame.h"
#include "disk/snapfile.h"

#include <stdint.h>

struct download;
struct engine;

/* One snapshot that comes in. Made by the gate; fields are of whoever has its piece. */
struct incoming {
    struct snapfile_id id;
    uint64_t from;
    uint64_t size;       /* of the file */
    struct frame *frame; /* set before the end; given to the engine then */
    uint32_t crc;        /* as the sender has it; set before the end */
    /* Download thread only. */
    struct snapfile_writer *writer;
    uint32_t written_crc;
    struct err err; /* the first failure; the gate may read it when a piece came back with rc < 0 */
};

enum piece_kind { PIECE_BEGIN = 1, PIECE_BYTES, PIECE_END, PIECE_ABORT };

struct piece {
    struct mail mail; /* kind: enum piece_kind */
    struct incoming *in;
    int rc; /* on its way back: 0, or the code of in->err */
    size_t n;
    char bytes[];
};

struct download_conf {
    const char *snap_dir; /* stays the caller's */
    const struct diskio *io;
    struct engine *engine;
    struct mailbox
        *back; /* pieces go there when done; an END or ABORT is the last of its incoming */
};

int download_start(struct download **out, const struct download_conf *conf,
                   struct err *e) CP_MUST_CHECK;
/* All pieces are back. NULL is fine. */
void download_stop(struct download *d);
/* Gate thread. Takes P until it comes back. */
void download_post(struct download *d, struct piece *p);
