/* snapload: a whole snapshot file back into what it was written from. Any thread. */
#pragma once

#include "codec/load.h"
#include "disk/snapfile.h"

/* Reads a whole snapshot. ID: what its name says, checked unless NULL. ERR_CORRUPT, ERR_VERSION and
 * others name the file. *OUT is zeroed on failure. */
int snapshot_load(const struct diskio *io, const char *path, const struct snapfile_id *id,
                  struct load_result *out, uint64_t *bytes, struct err *e) CP_MUST_CHECK;
/* As snapshot_load, and keeps nothing (load_new_check): with little memory. */
int snapshot_check(const struct diskio *io, const char *path, const struct snapfile_id *id,
                   struct load_result *out, uint64_t *bytes, struct err *e) CP_MUST_CHECK;
