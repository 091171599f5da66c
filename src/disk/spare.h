/* spare: the segment after the present one, made ahead by a thread of its own, so that the log
 * thread finds it ready. While there is no room it says so once and tries again every second. The
 * same thread removes old segments. Private to disk. */
#pragma once

#include "base/err.h"
#include "disk/diskio.h"
#include "disk/kept.h"

#include <stdbool.h>
#include <stdint.h>

struct spare;

struct spare_conf {
    const char *dir; /* borrowed until spare_stop */
    const struct diskio *io;
    struct kept *kept; /* borrowed likewise */
    uint64_t segment_bytes;
    bool stepped;                          /* no thread: spare_step does its work */
    void (*space)(void *ctx, int trouble); /* as in wal_conf; spare's thread */
    void *ctx;
};

int spare_start(struct spare **out, const struct spare_conf *conf, struct err *e) CP_MUST_CHECK;
/* Ends the thread, after what spare_purge asked for; removes what was made and not taken. */
void spare_stop(struct spare *s);
/* From now on spare_take waits for no room: it fails when the next try fails. */
void spare_give_up(struct spare *s);
/* The segment SEQUENCE is wanted soon, and DUE of it now (as in struct segment_haste). Cheap when
 * it was said before. */
void spare_want(struct spare *s, uint64_t sequence, unsigned due);
/* kept_purge up to INDEX, soon. */
void spare_purge(struct spare *s, uint64_t index);
/* Does one thing that is to be done. False: nothing was, or there is no room for it. */
bool spare_step(struct spare *s);
/* Gives the descriptor of SEQUENCE, zeroed, under its temporary name; waits until there is one.
 * -ENOSPC only after spare_give_up; -EAGAIN only when stepped: there is no room now. */
int spare_take(struct spare *s, uint64_t sequence);
