/* snapload: a whole snapshot file back into what it was written from. Any thread. */
#pragma once

#include "codec/load.h"
#include "disk/snapfile.h"

#include <stdatomic.h>

struct snapload {
    const struct diskio *io;
    const char *path;
    const struct snapfile_id *id; /* what its name says, checked; NULL: nothing */
    const atomic_bool *stop;      /* looked at before each piece; NULL: nobody stops it */
};

/* Reads a whole snapshot. ERR_CORRUPT, ERR_VERSION and others name the file; ERR_STOPPED once it is
 * stopped. *OUT is zeroed on failure. */
int snapshot_load(const struct snapload *what, struct load_result *out, uint64_t *bytes,
                  struct err *e) CP_MUST_CHECK;
/* As snapshot_load, and keeps nothing (load_new_check): with little memory. */
int snapshot_check(const struct snapload *what, struct load_result *out, uint64_t *bytes,
                   struct err *e) CP_MUST_CHECK;
