/* dump_head: the lines of a snapshot before the first node, both ways. For dump.c and load.c. */
#pragma once

#include "base/err.h"
#include "codec/dump.h"
#include "codec/lines.h"

void dump_write_head(struct buf *b, const struct dump_head *head);
void dump_write_member(struct buf *b, const struct dump_member *m);
void dump_write_removed(struct buf *b, uint64_t id);

/* Behind {"copse; false with L->want set. Members are not in that line. */
bool dump_read_head(struct line *l, struct dump_head *head);
/* Behind {"member; gives OUT->published its reference, on success only. */
bool dump_read_member(struct line *l, struct dump_member *out);
