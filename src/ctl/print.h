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
/* How directories stand out in a listing. */
struct print_marks {
    bool slash, colour;
};

/* Appends one key a line, what `ls` shows of NODE. */
void print_listing(struct buf *out, const json_t *node, struct print_marks marks);
/* Whether out is a terminal on which nobody minds colours. */
bool print_may_colour(void);
/* Writes to out, at once. */
void print_out(const struct buf *text);
