/* datadir: the directory of one member: DATA-DIR/member/wal, DATA-DIR/member/snap, and the lock
 * that keeps a second process out. A log that stands apart (waldir.h) has a lock of its own. */
#pragma once

#include "base/err.h"

#include <stdbool.h>

struct datadir {
    char *path, *wal, *snap; /* owned */
    int lock_fd;
    bool wal_locked; /* it stands apart, and wal_lock_fd is open */
    int wal_lock_fd;
};

/* Makes what is missing (mode 0700), fsyncs the directories it made, takes the lock. ERR_LOCKED
 * names the holder's pid. */
int datadir_open(struct datadir *d, const char *path, struct err *e) CP_MUST_CHECK;
void datadir_close(struct datadir *d);

/* The same for one who only reads: makes and locks nothing; there must be a log or snapshots.
 * *HOLDER: the process that has it in use, -1 when it is not known which, 0: none. */
int datadir_look(struct datadir *d, const char *path, long *holder, struct err *e) CP_MUST_CHECK;
/* Makes PATH and what is missing above it, mode 0700, durably. */
int datadir_make(const char *path, struct err *e) CP_MUST_CHECK;
