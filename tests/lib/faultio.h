/* faultio: files in memory behind struct diskio that forget at a power loss what was not synced,
 * and fail when told. A file has what programs see and what the disk holds; a sync carries the
 * dirty sectors over. Directory entries are durable only after sync_dir of theirs. Any thread. */
#pragma once

#include "disk/diskio.h"

#include <stdbool.h>

enum fault_call {
    FAULT_OPEN,
    FAULT_PWRITE,
    FAULT_ALLOCATE,
    FAULT_TRUNCATE,
    FAULT_DATASYNC,
    FAULT_RENAME,
    FAULT_UNLINK,
    FAULT_SYNC_DIR,
    FAULT_CALLS,
};

struct faultio;

struct faultio *faultio_new(uint64_t seed);
void faultio_free(struct faultio *f);
struct diskio faultio_io(struct faultio *f);

/* The N-th call of that kind from now (1 = the next) and all after it fail with -ERRNUM; n 0 ends
 * that. */
void faultio_fail(struct faultio *f, enum fault_call call, unsigned n, int errnum);
/* Syncs report success, take the sectors for clean, and carry nothing over: a sync after a failed
 * one. */
void faultio_lie(struct faultio *f, bool on);
/* What all files together may have; more gives ENOSPC. */
void faultio_space(struct faultio *f, uint64_t bytes);
/* The same: what they have now and MORE bytes. */
void faultio_space_left(struct faultio *f, uint64_t more);

/* The power fails with the N-th changing call from now (0: at once). Later calls report success and
 * change nothing. */
void faultio_power_off_at(struct faultio *f, unsigned n);
bool faultio_is_off(struct faultio *f);
/* Power comes back: of what was not synced a random part is there, sector by sector; of the
 * directory's changes a random number, oldest first. KEPT: everything is there, as after the end of
 * a process. All descriptors are gone. */
void faultio_power_on(struct faultio *f, bool kept);

/* For damaging: the bytes programs see, valid until the next change. NULL: no such file. */
uint8_t *faultio_bytes(struct faultio *f, const char *path, size_t *len);
/* Replaces or makes a file, durably. */
void faultio_put(struct faultio *f, const char *path, const void *bytes, size_t len);
void faultio_remove(struct faultio *f, const char *path);
size_t faultio_files(struct faultio *f);
/* The N-th path in order; valid until the next change. NULL: no more. */
const char *faultio_path(struct faultio *f, size_t n);
