/* entry: a record of the log as one line of JSON. */
#pragma once

#include "base/buf.h"
#include "disk/wal.h"

/* Appends the line and its newline. An entry that cannot be read has its bytes as base64 under
 * "unknown64". */
void entry_line(struct buf *out, const struct wal_place *place, const struct wal_record *r);
/* Appends `{"file":"NAME","offset":N` without a closing brace; NAME is the last part of FILE. */
void entry_place(struct buf *out, const char *file, uint64_t offset);
