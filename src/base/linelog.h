/* linelog: a file that lines are appended to by a thread of its own, so that whoever has a line
 * never waits for a disk. What the thread cannot keep up with is dropped and counted; a file that
 * cannot be written is told once. Any thread, but for new, reopen and free: the owner. */
#pragma once

#include "base/err.h"
#include "base/span.h"

#include <stdint.h>

struct linelog;

/* Makes the file (mode 0640) when it is not there. NAME: for the log, static. */
int linelog_new(struct linelog **out, const char *name, const char *path,
                struct err *e) CP_MUST_CHECK;
/* Writes what is left; NULL is fine. */
void linelog_free(struct linelog *l);
/* LINE ends in a newline; dropped when LIMIT_LINELOG_BYTES wait. */
void linelog_add(struct linelog *l, struct span line);
/* The file was moved away: goes on in a new one of the same name. What was added before goes to the
 * one before, and what comes in the same moment may, too. */
void linelog_reopen(struct linelog *l);
/* Lines that were dropped since the start. */
uint64_t linelog_dropped(const struct linelog *l);
