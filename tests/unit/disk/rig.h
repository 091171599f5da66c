/* rig: a log on files in memory, what was appended to it, and what the last start read back. */
#pragma once

#include "base/mem.h"
#include "disk/wal.h"
#include "faultfile.h"
#include "faultio.h"

#include <check.h>
#include <pthread.h>

#define RIG_CLUSTER UINT64_C(0xc1)
#define RIG_MEMBER  UINT64_C(0x3e)
#define RIG_DIR     "wal"

struct rig_record {
    enum wal_type type;
    uint8_t kind;
    uint64_t a, b;
    char *payload; /* owned */
    size_t len;
};

struct rig_records {
    struct rig_record *v;
    size_t n, cap;
};

struct rig {
    struct faultio *io;
    struct diskio calls;
    struct wal_conf conf;
    struct wal *wal;
    struct wal_info info;
    struct err err;
    struct rig_records written; /* what the log may hold: the start's, then all appended */
    struct rig_records found;   /* by the last start, without WAL_IDENTITY */
    size_t identities;          /* by the last start */
    size_t at_start;            /* of written: those found by the last start */
    char segment[64];           /* of rig_segment */
    /* Guarded by lock: set by the log's threads. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t reported; /* durable, by callback while the power was on */
    unsigned reports;
    bool full;
    int trouble; /* why */
    unsigned fulls;
};

void rig_init(struct rig *r, uint64_t seed, uint64_t segment_bytes);
void rig_fini(struct rig *r);
/* wal_open; what is read goes to found; on success written is what was found. */
int rig_open(struct rig *r);
void rig_close(struct rig *r);

uint64_t rig_state(struct rig *r, uint64_t term, uint64_t vote);
uint64_t rig_entry(struct rig *r, uint64_t index, uint64_t term, const void *bytes, size_t len);
uint64_t rig_mark(struct rig *r, uint64_t index, uint64_t term);
/* Flushes, waits for the callback. */
void rig_wait(struct rig *r, uint64_t lsn);
void rig_wait_full(struct rig *r, bool full);
/* found is the first N of written. */
void rig_expect_first(struct rig *r, const struct rig_records *written, size_t n);
void rig_records_clear(struct rig_records *v);
void rig_records_copy(struct rig_records *to, const struct rig_records *from);
/* A fixture for tests that bring about what is logged as an error. */
void rig_quiet(void);
void rig_loud(void);
/* The path of the N-th segment, from 0, or NULL; valid until the next call. */
const char *rig_segment(struct rig *r, size_t n);

TCase *wal_cases(void);
TCase *wal_files_cases(void);
TCase *wal_damage_cases(void);
TCase *wal_crash_cases(void);
TCase *wal_failure_cases(void);
TCase *wal_large_cases(void);
TCase *wal_purge_cases(void);
TCase *wal_look_cases(void);
TCase *snapfile_cases(void);
TCase *datadir_cases(void);
TCase *waldir_cases(void);
