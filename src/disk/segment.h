/* segment: files of the log by name, and making one. Private to disk. */
#pragma once

#include "disk/record.h"

/* A segment that is written to. */
struct segment {
    int fd;
    char *path; /* owned */
    uint64_t sequence;
    uint32_t salt;
    uint32_t prev;  /* checksum of the last record, or of the head */
    uint64_t at;    /* where the next record goes */
    uint64_t bytes; /* what it was made with */
    bool temporary; /* still under its temporary name */
};

/* "<sequence>-<first index>.wal" and "<sequence>.tmp", 16 hexadecimal digits each; give a path
 * (mem_free). */
char *segment_path(const char *dir, uint64_t sequence, uint64_t first_index);
char *segment_temporary_path(const char *dir, uint64_t sequence);
bool segment_parse_name(const char *name, uint64_t *sequence, uint64_t *first_index);
bool segment_is_temporary(const char *name);

/* How long the segment SEQUENCE is made where FULL is what segments have in the end: the first ones
 * of a log are shorter, so that a new one is there at once. */
uint64_t segment_bytes(uint64_t full, uint64_t sequence);
/* How soon one that is being made will be needed. Any thread. */
struct segment_haste {
    atomic_bool stop; /* it is not needed any more */
    atomic_uint due;  /* so much of it should be there by now, in SEGMENT_DUE_ALL-ths */
};
#define SEGMENT_DUE_ALL 256u

/* Makes the file of SEQUENCE under its temporary name with BYTES of durable zeros: with rests as
 * long as more of it is there than is due, else (and where HASTE is NULL) as fast as it can. Gives
 * a descriptor or -errno; -ECANCELED once it is to stop. Leaves no file behind on failure. */
int segment_make(const struct diskio *io, const char *dir, uint64_t sequence, uint64_t bytes,
                 const struct segment_haste *haste);
/* Writes the head into a made file, which S then is. 0 or -errno; not durable yet. */
int segment_begin(const struct diskio *io, struct segment *s, struct segment_head *head);
/* Gives the file its lasting name, durably. All that was written to it must be durable. */
int segment_publish(const struct diskio *io, const char *dir, struct segment *s,
                    uint64_t first_index);
