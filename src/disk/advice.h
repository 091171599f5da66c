/* advice: what to do about a failure of the file system; the last words of a refusal. */
#pragma once

#include "base/err.h"

/* A sentence without an end, or NULL where CODE says all there is to say. */
const char *disk_advice(int code);
/* Puts it behind the text of E. */
void disk_advise(struct err *e);
/* A write or sync of the log at PATH failed, so what the disk holds is not known any more: ends the
 * process with WAL_EXIT_CODE (DESIGN 7). */
CP_NORETURN void disk_die(const char *path, const char *what, int rv);
