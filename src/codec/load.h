/* load: the lines of dump.h back into a store and what belongs to it. Takes the bytes in pieces of
 * any size. Nothing in them can do harm: what is not exactly as dump writes it is refused, naming
 * line and byte. */
#pragma once

#include "base/err.h"
#include "codec/dump.h"
#include "codec/lines.h"
#include "store/store.h"

/* The longest line that can be: an event shows two values, each byte of them escaped. */
#define LOAD_LINE_MAX (16 * (size_t)LIMIT_FORM_BYTES)

struct load_result {
    struct dump_head head; /* one reference of each member's published bytes */
    struct store *store;
    struct event **events; /* ascending by index; one reference each */
    size_t n_events;
    struct lines_sums sums; /* of the last line */
};
/* Frees what is not NULL; a zeroed struct is fine. */
void load_result_fini(struct load_result *r);

struct load;
struct load *load_new(void);
/* One that keeps nothing: it refuses what the other does, with little memory. What load_finish
 * gives holds the head and the counts, no store and no events. */
struct load *load_new_check(void);
/* NULL is fine. */
void load_free(struct load *l);
/* 0; ERR_CORRUPT; ERR_VERSION: another format, or a kind of line that this one does not know. After
 * an error, the same again. */
int load_feed(struct load *l, struct span bytes, struct err *e) CP_MUST_CHECK;
/* Once all is fed: gives what was loaded; or an error, ERR_CORRUPT also when the end is missing.
 * Only load_free will do afterwards. */
int load_finish(struct load *l, struct load_result *out, struct err *e) CP_MUST_CHECK;
/* The head as far as it has been read, without references; NULL before the first line. */
const struct dump_head *load_head(const struct load *l);
/* Appends the last line as it would have to come next. For tests. */
void load_seal(const struct load *l, struct buf *out);
