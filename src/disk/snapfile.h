/* snapfile: the files that snapshots are kept in: SNAP-DIR/<index>-<term>.jsonl. A file has that
 * name only when all of it is durable. Writing goes to a temporary file in pieces; reading is
 * positional, for any number of threads. Knows nothing of what is in them. Errors name the file. */
#pragma once

#include "base/err.h"
#include "disk/diskio.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many snapfile_purge is meant to keep: the newest, and one to fall back to. */
#define SNAPFILE_KEPT 2u

/* The last entry that the snapshot holds. */
struct snapfile_id {
    uint64_t index, term;
};

/* 16 hexadecimal digits each. Gives the path (mem_free). */
char *snapfile_path(const char *dir, struct snapfile_id id);

struct snapfile_list {
    struct snapfile_id *v; /* newest first */
    size_t n;
};

/* Gives what is there (snapfile_list_fini, also after a failure): nothing, where there is no such
 * directory. Changes nothing. */
int snapfile_find(const struct diskio *io, const char *dir, struct snapfile_list *out,
                  struct err *e) CP_MUST_CHECK;
void snapfile_list_fini(struct snapfile_list *list);
/* Start of a member, before anything is written: removes what an earlier process left unfinished,
 * and makes the names that are there durable. */
int snapfile_clean(const struct diskio *io, const char *dir, struct err *e) CP_MUST_CHECK;
/* Removes all but the newest KEEP, durably. Not to be called before the newest was committed. */
int snapfile_purge(const struct diskio *io, const char *dir, size_t keep,
                   struct err *e) CP_MUST_CHECK;
/* For one that turned out to be damaged: it gets the suffix ".bad", is not found any more, and
 * stays for whoever wants to look into it. */
int snapfile_set_aside(const struct diskio *io, const char *dir, struct snapfile_id id,
                       struct err *e) CP_MUST_CHECK;

/* One writer; one thread at a time. IO and DIR are borrowed until its end. A failure (no room, a
 * write or a sync that failed) harms nothing that was there: abort, and try again later with a new
 * file. */
struct snapfile_writer;

int snapfile_begin(struct snapfile_writer **out, const struct diskio *io, const char *dir,
                   struct snapfile_id id, struct err *e) CP_MUST_CHECK;
/* From now on it leaves most of the disk and of the processor to others: it writes in small steps,
 * and rests behind each. */
void snapfile_be_gentle(struct snapfile_writer *w);
/* STOP (borrowed until the writer's end; any thread sets it) is looked at before each step: once it
 * is set, snapfile_write and snapfile_commit write no more and fail with ERR_STOPPED. */
void snapfile_stop_by(struct snapfile_writer *w, const atomic_bool *stop);
/* Adds a piece of any size; small ones are gathered. Waits for the disk every few MiB (gentle:
 * after every piece of 128 KiB, and rests behind it), so that a sync of the log never has a whole
 * snapshot before it. */
int snapfile_write(struct snapfile_writer *w, const void *bytes, size_t n,
                   struct err *e) CP_MUST_CHECK;
uint64_t snapfile_written(const struct snapfile_writer *w);
/* All of it durable, then its name. Frees the writer and sets *W to NULL, also on failure; then
 * nothing is known to be durable: a temporary file is removed, and one that has its name already is
 * complete. */
int snapfile_commit(struct snapfile_writer **w, struct err *e) CP_MUST_CHECK;
/* Removes the temporary file, frees, sets *W to NULL. NULL in it is fine. */
void snapfile_abort(struct snapfile_writer **w);

/* One open file. Reading is for any thread, and goes on when the file is purged meanwhile. */
struct snapfile_reader;

int snapfile_open(struct snapfile_reader **out, const struct diskio *io, const char *dir,
                  struct snapfile_id id, struct err *e) CP_MUST_CHECK;
const char *snapfile_name(const struct snapfile_reader *r); /* the path */
uint64_t snapfile_bytes(const struct snapfile_reader *r);   /* when it was opened */
/* Fills BYTES with the N bytes at AT, which lie within snapfile_bytes; a file that has become
 * shorter is ERR_CORRUPT. */
int snapfile_read(const struct snapfile_reader *r, uint64_t at, void *bytes, size_t n,
                  struct err *e) CP_MUST_CHECK;
void snapfile_close(struct snapfile_reader *r);
