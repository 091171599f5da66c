/* print: an event in the form --output asks for. */
#pragma once

#include "base/buf.h"
#include "ctl/reply.h"

#include <stdbool.h>

/* Appends the event as FORMAT (simple, extended, json) shows it, last line end included; false for
 * a format that is none. Pure. */
bool print_event(struct buf *out, const struct event_reply *e, const char *format);
/* Prints it; an unknown format gets its message on err. */
void print_show_event(const struct event_reply *e, const char *format);
/* Appends one key a line, what `ls` shows of NODE. */
void print_listing(struct buf *out, const json_t *node, bool mark_dirs);
/* Writes to out, at once. */
void print_out(const struct buf *text);
