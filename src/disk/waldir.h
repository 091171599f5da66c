/* waldir: a log that stands apart from its data directory, on a disk of its own.
 * DATA-DIR/member/wal is then a symbolic link to it, so that every later start and every tool finds
 * it, told or not. */
#pragma once

#include "base/err.h"

/* Before datadir_open. WAL_DIR not empty: makes it, and the link where there is no log yet.
 * ERR_USAGE when the log of DATA_DIR is elsewhere, when WAL_DIR has that of another member, or when
 * what the link leads to is not what it was: a disk that is not mounted looks like a log that is
 * empty. */
int waldir_settle(const char *data_dir, const char *wal_dir, struct err *e) CP_MUST_CHECK;
/* Does WAL, which may be a link, lead to somewhere? 0, or -ENOENT with what to do. */
int waldir_check(const char *wal, struct err *e) CP_MUST_CHECK;
/* The lock file of WAL when that is a link, owned; NULL when it is a directory as any other. */
char *waldir_lock_name(const char *wal);
