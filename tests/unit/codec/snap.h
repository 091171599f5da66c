/* snap: snapshots in memory, for the tests of dump and load. */
#pragma once

#include "codec/dump.h"
#include "codec/load.h"

/* Publishes S and appends its snapshot, in pieces of about PIECE bytes. */
void snap_dump(struct store *s, const struct dump_head *head, struct event *const *events, size_t n,
               size_t piece, struct buf *out);
/* The snapshot of what was loaded. */
void snap_again(const struct load_result *r, struct buf *out);
/* Feeds BYTES in pieces of PIECE bytes (0: whole) and finishes. */
int snap_load(struct span bytes, size_t piece, struct load_result *out, struct err *e);
/* Lines without their end: seals them first, as far as they can be read. */
int snap_load_open(struct span lines, struct load_result *out, struct err *e);
