/* text: how Go writes and reads the values that show on a command line: %q, integers, durations.
 * Pure. */
#pragma once

#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* Appends S in double quotes as fmt's %q does. */
void text_quote(struct buf *out, struct span s);

enum text_number { TEXT_OK, TEXT_SYNTAX, TEXT_RANGE };

/* strconv.ParseInt(s, 0, 64): sign, 0x, 0o, 0b, leading 0 for octal; `_` between digits is not
 * taken. */
enum text_number text_int(const char *s, int64_t *out);
/* time.ParseDuration in ns: signed decimal numbers, each with a unit; "0" alone needs none. */
bool text_duration(const char *s, int64_t *out_ns);
