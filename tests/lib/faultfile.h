/* faultfile: one file of faultio, as programs see it and as the disk holds it, and a directory of
 * such. No locks. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define FAULT_SECTOR     512u
#define FAULT_FILES_MAX  512
#define FAULT_SECTORS(n) (((n) + FAULT_SECTOR - 1) / FAULT_SECTOR)

struct fault_content {
    uint8_t *bytes;
    size_t len, cap; /* zeros between len and cap */
};

struct faultfile {
    struct fault_content seen, held;
    uint8_t *dirty; /* a byte a sector of seen.cap */
    unsigned names; /* entries in either directory, descriptors */
};

struct fault_entry {
    char *path;
    struct faultfile *file;
};

struct faultdir {
    struct fault_entry v[FAULT_FILES_MAX];
    size_t n;
};

uint64_t fault_random(uint64_t *state);

/* Takes one of FILE's names; the last one frees it. */
void faultfile_release(struct faultfile *file);
void fault_content_resize(struct fault_content *c, size_t len);
/* What is seen; the disk's size follows at a sync. */
void faultfile_resize(struct faultfile *file, size_t len);
/* Carries one sector of what is seen to the disk, as far as the disk's file is long. */
void faultfile_hold(struct faultfile *file, size_t sector);
/* The power failed: a random part of what was not synced is held; that is what is seen from now on.
 */
void faultfile_lose(struct faultfile *file, uint64_t *random);

struct faultfile **faultdir_find(struct faultdir *d, const char *path);
/* Shares FILE; NULL removes the entry. */
void faultdir_set(struct faultdir *d, const char *path, struct faultfile *file);
void faultdir_clear(struct faultdir *d);
