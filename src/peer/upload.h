/* upload: the thread that sends snapshots, each in a POST of its own, read from its file piece by
 * piece. */
#pragma once

#include "base/err.h"
#include "disk/snapfile.h"
#include "peer/line.h"

struct upload;

struct upload_conf {
    struct dialler by;
    const char *snap_dir; /* stays the caller's */
    const struct diskio *io;
};

int upload_start(struct upload **out, const struct upload_conf *conf, struct err *e) CP_MUST_CHECK;
/* Breaks off what is on its way; frees. NULL is fine. */
void upload_stop(struct upload *u);
/* Any thread, with line->uploading set, which is cleared at the end. Takes F, refers to the line.
 */
void upload_begin(struct upload *u, struct line *l, struct frame **f, struct snapfile_id id);
