/* lines: what the lines of a snapshot are made of. Each value has one form only, so that equal
 * trees give equal bytes: numbers without leading zeros, no blanks, escapes only where JSON asks
 * for them. Bytes are a JSON string where they are UTF-8, else base64 under a key that ends in
 * "64". Pure. */
#pragma once

#include "base/buf.h"
#include "base/span.h"
#include "proto/v2.h"

#include <stdint.h>

/* ---- writing ---- */

bool lines_is_text(struct span s);
/* What follows the name of a key: `":"text"`, or `64":"base64"`. */
void lines_bytes(struct buf *b, struct span s);
/* "text", which must be UTF-8. */
void lines_text(struct buf *b, struct span s);
/* "base64" */
void lines_base64(struct buf *b, struct span s);
/* "0123456789abcdef" */
void lines_hex(struct buf *b, uint64_t v, unsigned digits);

/* The counts of the last line. */
struct lines_sums {
    uint64_t lines;       /* before it */
    uint64_t files, dirs; /* the root is not counted */
    uint64_t bytes;       /* of names and values */
    uint64_t events;
    uint32_t crc; /* CRC32C of all bytes before it */
};
void lines_end(struct buf *b, const struct lines_sums *s);

/* Whether the JSON of an event, newline included, can stand in its line as it is. */
bool lines_is_object(struct span json);

/* ---- reading ---- */

/* One line, without its newline. Functions move AT; when they give false they leave it where the
 * line is not as it ought to be, and say in WANT what ought to stand there. */
struct line {
    const char *at, *end;
    const char *want;
};

/* True when TEXT comes next, and is passed then; no fault otherwise. */
bool line_skip(struct line *l, struct span text);
#define line_opt(l, literal) line_skip((l), SPAN(literal))
/* The name of an action, and the quote behind it. */
bool line_action(struct line *line, enum v2_action *out);
bool line_text(struct line *l, const char *text);
bool line_u64(struct line *l, uint64_t *out);
bool line_i64(struct line *l, int64_t *out);
bool line_hex(struct line *l, unsigned digits, uint64_t *out);
/* The counterparts of lines_text, lines_base64 and lines_bytes. OUT borrows from the line or from
 * SCRATCH, which is written anew. */
bool line_string(struct line *l, struct buf *scratch, struct span *out);
bool line_base64(struct line *l, struct buf *scratch, struct span *out);
bool line_bytes(struct line *l, struct buf *scratch, struct span *out);
bool line_fault(struct line *l, const char *want);
