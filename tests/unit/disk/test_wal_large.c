/* wal: segments of the usual size: the short ones at the front, and files that are read piece by
 * piece. */
#include "rig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MIB ((size_t)1 << 20)

static uint64_t size_of(struct rig *r, size_t n)
{
    size_t len = 0;
    const char *path = rig_segment(r, n);
    ck_assert_ptr_nonnull(path);
    ck_assert_ptr_nonnull(faultio_bytes(r->io, path, &len));
    return len;
}

START_TEST(the_first_segments_are_short)
{
    struct rig r;
    char *payload = mem_zalloc(MIB / 4);
    rig_init(&r, 1, WAL_SEGMENT_BYTES);
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert_uint_eq(faultio_files(r.io), 1);
    ck_assert_uint_eq(size_of(&r, 0), MIB);
    uint64_t i = 1;
    static const size_t sizes[] = {MIB, 4 * MIB, 16 * MIB, 64 * MIB};
    for (size_t n = 1; n < CP_COUNT(sizes); n++) {
        for (; rig_segment(&r, n) == NULL; i++) {
            rig_entry(&r, i, 1, payload, MIB / 4);
            wal_sync(r.wal);
        }
        ck_assert_uint_eq(size_of(&r, n), sizes[n]);
        ck_assert_uint_eq(size_of(&r, n - 1), sizes[n - 1]);
        /* A start changes nothing in this. */
        rig_close(&r);
        ck_assert_int_eq(rig_open(&r), 0);
    }
    ck_assert_uint_eq(r.found.n, i - 1);
    mem_free(payload);
    rig_fini(&r);
}
END_TEST

/* A disk that has room for the first segment and not for the second. */
START_TEST(full_behind_a_short_segment)
{
    struct rig r;
    char *payload = mem_zalloc(MIB / 8);
    rig_init(&r, 1, WAL_SEGMENT_BYTES);
    faultio_space(r.io, 3 * MIB);
    ck_assert_int_eq(rig_open(&r), 0);
    rig_entry(&r, 1, 1, payload, MIB / 8);
    rig_wait(&r, 1);
    rig_wait_full(&r, true);
    for (uint64_t i = 2; i <= 7; i++)
        rig_entry(&r, i, 1, payload, MIB / 8);
    rig_wait(&r, 7);
    rig_entry(&r, 8, 1, payload, MIB / 8);
    wal_flush(r.wal);
    faultio_space(r.io, UINT64_MAX);
    rig_wait_full(&r, false);
    rig_wait(&r, 8);
    rig_close(&r);
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert_uint_eq(r.found.n, 8);
    mem_free(payload);
    rig_fini(&r);
}
END_TEST

/* Logs of earlier versions have a first segment of full length. It is used no further than a short
 * one, and nothing else changes. */
START_TEST(a_long_first_segment)
{
    struct rig r;
    char *payload = mem_zalloc(MIB);
    rig_init(&r, 1, 4 * MIB);
    ck_assert_int_eq(rig_open(&r), 0);
    rig_entry(&r, 1, 1, payload, MIB);
    rig_close(&r);
    ck_assert_int_eq(rig_open(&r), 0);
    rig_entry(&r, 2, 1, "more", 4);
    rig_wait(&r, 1);
    ck_assert_ptr_nonnull(rig_segment(&r, 1));
    rig_close(&r);
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert_uint_eq(r.found.n, 2);
    mem_free(payload);
    rig_fini(&r);
}
END_TEST

/* Records of all lengths up to some MiB, so that they lie across every border of reading; batches
 * of one and of many. */
static void write_all(struct rig *r, size_t entries)
{
    uint64_t random = 7;
    char *payload = mem_alloc(3 * MIB);
    memset(payload, 'p', 3 * MIB);
    for (size_t i = 1; i <= entries; i++) {
        size_t len = fault_random(&random) % (3 * MIB);
        len = i % 3 == 0 ? len : len % 3000;
        memcpy(payload, &i, sizeof(i));
        memcpy(payload + len + 8, &i, sizeof(i));
        rig_entry(r, i, 1, payload, len + 16);
        if (i % 8 < 4)
            wal_sync(r->wal);
    }
    wal_sync(r->wal);
    mem_free(payload);
}

START_TEST(records_across_the_pieces)
{
    struct rig r;
    struct rig_records all = {0};
    rig_init(&r, 1, WAL_SEGMENT_BYTES);
    ck_assert_int_eq(rig_open(&r), 0);
    write_all(&r, 60);
    rig_close(&r);
    rig_records_copy(&all, &r.written);
    /* The last batch is written again at each start: it has to be the same. */
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(rig_open(&r), 0);
        rig_expect_first(&r, &all, all.n);
        ck_assert_uint_eq(r.info.torn_bytes, 0);
        rig_close(&r);
    }
    rig_records_clear(&all);
    rig_fini(&r);
}
END_TEST

/* A bad record; what proves that it was durable stands many pieces behind it. */
START_TEST(a_proof_far_behind)
{
    struct rig r;
    char *payload = mem_zalloc(5 * MIB);
    char text[64];
    rig_init(&r, 1, WAL_SEGMENT_BYTES);
    ck_assert_int_eq(rig_open(&r), 0);
    /* Past the short segments first. */
    uint64_t i = 1;
    for (; rig_segment(&r, 2) == NULL; i++) {
        rig_entry(&r, i, 1, payload, MIB / 2);
        wal_sync(r.wal);
    }
    rig_close(&r);
    ck_assert_int_eq(rig_open(&r), 0);
    size_t start = 96 + 24 + 16 + MIB / 2, len;
    rig_entry(&r, i, 1, payload, 1000);
    wal_sync(r.wal);
    rig_entry(&r, i + 1, 1, payload, 5 * MIB);
    wal_sync(r.wal);
    rig_entry(&r, i + 2, 1, "proof", 5);
    wal_sync(r.wal);
    rig_close(&r);
    ck_assert_ptr_null(rig_segment(&r, 3));
    uint8_t *bytes = faultio_bytes(r.io, rig_segment(&r, 2), &len);
    bytes[start + 100] ^= 1;
    ck_assert_int_eq(rig_open(&r), ERR_CORRUPT);
    snprintf(text, sizeof(text), "damaged at offset %zu: a bad record, with good ones", start);
    ck_assert_msg(strstr(r.err.text, text) != NULL, "%s", r.err.text);
    /* The same, found by one that changes nothing. */
    struct wal_look look = {.dir = RIG_DIR, .io = &r.calls};
    struct wal_info info;
    ck_assert_int_eq(wal_look(&look, &info, &r.err), ERR_CORRUPT);
    ck_assert_msg(strstr(r.err.text, text) != NULL, "%s", r.err.text);
    /* A byte somewhere in the zeros at the end: remains of a write. */
    bytes = faultio_bytes(r.io, rig_segment(&r, 2), &len);
    bytes[start + 100] ^= 1;
    bytes[15 * MIB + 77] = 1;
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert_uint_gt(r.info.torn_bytes, 8 * MIB);
    ck_assert_uint_eq(r.found.v[r.found.n - 1].a, i + 2);
    ck_assert_uint_eq(faultio_bytes(r.io, rig_segment(&r, 2), &len)[15 * MIB + 77], 0);
    mem_free(payload);
    rig_fini(&r);
}
END_TEST

START_TEST(a_look_changes_nothing)
{
    struct rig r;
    struct wal_info info;
    struct wal_look look = {.dir = RIG_DIR, .io = &r.calls};
    size_t len;
    rig_init(&r, 1, 4096);
    ck_assert_int_eq(wal_look(&look, &info, &r.err), 0);
    ck_assert(info.fresh);
    ck_assert_uint_eq(faultio_files(r.io), 0);
    ck_assert_int_eq(rig_open(&r), 0);
    for (uint64_t i = 1; i <= 200; i++)
        rig_entry(&r, i, 1, "scanned", 7);
    rig_wait(&r, 200);
    rig_close(&r);
    size_t last = 0;
    while (rig_segment(&r, last + 1) != NULL)
        last++;
    faultio_put(r.io, "wal/00000000000000ff.tmp", "", 0);
    uint8_t *bytes = faultio_bytes(r.io, rig_segment(&r, last), &len);
    bytes[len - 1] = 1;
    uint8_t *copy = mem_dup(bytes, len);
    /* Any change would be seen: nothing can be changed. */
    for (int call = 0; call < FAULT_CALLS; call++) {
        if (call != FAULT_OPEN)
            faultio_fail(r.io, (enum fault_call)call, 1, EROFS);
    }
    ck_assert_int_eq(wal_look(&look, &info, &r.err), 0);
    ck_assert_uint_eq(info.records, 200);
    ck_assert_uint_eq(info.segments, last + 1);
    ck_assert_uint_gt(info.torn_bytes, 0);
    ck_assert_mem_eq(faultio_bytes(r.io, rig_segment(&r, last), &len), copy, len);
    ck_assert_uint_eq(faultio_files(r.io), last + 2);
    mem_free(copy);
    rig_fini(&r);
}
END_TEST

TCase *wal_large_cases(void)
{
    TCase *c = tcase_create("wal large");
    tcase_add_checked_fixture(c, rig_quiet, rig_loud);
    tcase_set_timeout(c, 120);
    tcase_add_test(c, the_first_segments_are_short);
    tcase_add_test(c, full_behind_a_short_segment);
    tcase_add_test(c, a_long_first_segment);
    tcase_add_test(c, records_across_the_pieces);
    tcase_add_test(c, a_proof_far_behind);
    tcase_add_test(c, a_look_changes_nothing);
    return c;
}
