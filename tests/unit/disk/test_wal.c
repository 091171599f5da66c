/* wal: append, flush, switch of segments, and what a start reads back. */
#include "rig.h"

#include "disk/wal.h"
#include "proto/limits.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

START_TEST(a_fresh_log_holds_nothing)
{
    struct rig r;
    rig_init(&r, 1, 4096);
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert(r.info.fresh);
    ck_assert_uint_eq(r.found.n + r.identities, 0);
    ck_assert_uint_eq(r.info.member_id, RIG_MEMBER);
    rig_close(&r);
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert(!r.info.fresh);
    ck_assert_uint_eq(r.identities, 1);
    ck_assert_uint_eq(r.found.n, 0);
    ck_assert_uint_eq(r.info.segments, 1);
    ck_assert_uint_eq(r.info.torn_bytes, 0);
    rig_fini(&r);
}
END_TEST

START_TEST(every_kind_of_record_comes_back)
{
    struct rig r;
    rig_init(&r, 1, 65536);
    ck_assert_int_eq(rig_open(&r), 0);
    rig_state(&r, 3, UINT64_MAX);
    rig_entry(&r, 1, 3, "", 0);
    for (size_t len = 1; len < 20; len++)
        rig_entry(&r, 1 + len, 3, "nineteen characters", len);
    rig_entry(&r, 5, 4, "instead", 7);
    rig_mark(&r, 100, 4);
    rig_wait(&r, r.written.n);
    struct rig_records kept = {0};
    rig_records_copy(&kept, &r.written);
    rig_close(&r);
    ck_assert_int_eq(rig_open(&r), 0);
    rig_expect_first(&r, &kept, kept.n);
    ck_assert_uint_eq(r.info.records, kept.n);
    rig_records_clear(&kept);
    rig_fini(&r);
}
END_TEST

START_TEST(nothing_is_written_before_flush)
{
    struct rig r;
    rig_init(&r, 1, 4096);
    ck_assert_int_eq(rig_open(&r), 0);
    rig_entry(&r, 1, 1, "flushed", 7);
    wal_flush(r.wal);
    rig_entry(&r, 2, 1, "not flushed", 11);
    pthread_mutex_lock(&r.lock);
    while (r.reports == 0)
        pthread_cond_wait(&r.changed, &r.lock);
    ck_assert_uint_eq(r.reported, 1);
    pthread_mutex_unlock(&r.lock);
    rig_wait(&r, 2);
    rig_fini(&r);
}
END_TEST

START_TEST(sync_makes_no_callback)
{
    struct rig r;
    rig_init(&r, 1, 4096);
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert_uint_eq(wal_durable(r.wal), 0);
    wal_sync(r.wal);
    rig_state(&r, 1, 1);
    rig_state(&r, 2, 1);
    wal_sync(r.wal);
    ck_assert_uint_eq(wal_durable(r.wal), 2);
    rig_state(&r, 3, 1);
    rig_wait(&r, 3);
    ck_assert_uint_eq(r.reports, 1);
    rig_fini(&r);
}
END_TEST

START_TEST(close_makes_all_durable)
{
    struct rig r;
    rig_init(&r, 1, 4096);
    ck_assert_int_eq(rig_open(&r), 0);
    rig_entry(&r, 1, 1, "never flushed", 13);
    rig_close(&r);
    faultio_power_off_at(r.io, 0);
    faultio_power_on(r.io, false);
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert_uint_eq(r.found.n, 1);
    rig_fini(&r);
}
END_TEST

START_TEST(segments_follow_each_other)
{
    struct rig r;
    char payload[600];
    memset(payload, 'p', sizeof(payload));
    rig_init(&r, 1, 4096);
    ck_assert_int_eq(rig_open(&r), 0);
    rig_state(&r, 7, 9);
    for (uint64_t i = 1; i <= 40; i++) {
        rig_entry(&r, i, 7, payload, (size_t)(i * 13 % 600));
        if (i % 3 == 0)
            rig_wait(&r, r.written.n);
    }
    rig_wait(&r, r.written.n);
    struct rig_records kept = {0};
    rig_records_copy(&kept, &r.written);
    rig_close(&r);
    ck_assert_str_eq(rig_segment(&r, 0), "wal/0000000000000001-0000000000000001.wal");
    ck_assert_int_eq(strncmp(rig_segment(&r, 1), "wal/0000000000000002-", 21), 0);
    ck_assert_ptr_nonnull(rig_segment(&r, 2));
    /* No spare is left behind. */
    size_t segments = faultio_files(r.io);
    ck_assert_uint_eq(strtoull(rig_segment(&r, segments - 1) + 4, NULL, 16), segments);
    ck_assert_int_eq(rig_open(&r), 0);
    rig_expect_first(&r, &kept, kept.n);
    ck_assert_uint_eq(r.info.segments, segments);
    rig_records_clear(&kept);
    rig_fini(&r);
}
END_TEST

START_TEST(a_record_larger_than_a_segment_makes_it_longer)
{
    struct rig r;
    static char payload[10000];
    rig_init(&r, 1, 4096);
    ck_assert_int_eq(rig_open(&r), 0);
    for (uint64_t i = 1; i <= 3; i++) {
        memset(payload, (int)i, sizeof(payload));
        rig_entry(&r, i, 1, payload, sizeof(payload));
        rig_entry(&r, i, 2, "small", 5);
    }
    rig_wait(&r, r.written.n);
    struct rig_records kept = {0};
    rig_records_copy(&kept, &r.written);
    rig_close(&r);
    ck_assert_int_eq(rig_open(&r), 0);
    rig_expect_first(&r, &kept, 6);
    rig_records_clear(&kept);
    rig_fini(&r);
}
END_TEST

static int count_bytes(void *ctx, const struct wal_record *r, struct err *e)
{
    size_t *sum = ctx;
    (void)e;
    if (r->type == WAL_ENTRY)
        *sum += r->entry.payload.len;
    return 0;
}

/* On real files. More waits than the log takes at once: append has to flush by itself. */
START_TEST(entries_of_the_largest_size)
{
    char dir[] = "wal-test-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(dir));
    char *payload = mem_zalloc(LIMIT_ENTRY_BYTES);
    size_t sum = 0;
    struct wal_conf conf = {.dir = dir,
                            .io = &diskio_system,
                            .segment_bytes = 1 << 20,
                            .cluster_id = 1,
                            .member_id = 2,
                            .replay = count_bytes,
                            .ctx = &sum};
    struct wal *w;
    struct err e = {0};
    ck_assert_msg(wal_open(&w, &conf, NULL, &e) == 0, "%s", e.text);
    for (uint64_t i = 1; i <= 5; i++) {
        struct wal_record r = {
            .type = WAL_ENTRY,
            .entry = {.index = i, .term = 1, .payload = {payload, LIMIT_ENTRY_BYTES}}};
        ck_assert_uint_eq(wal_append(w, &r), i);
    }
    wal_sync(w);
    wal_close(w);
    ck_assert_msg(wal_open(&w, &conf, NULL, &e) == 0, "%s", e.text);
    ck_assert_uint_eq(sum, (size_t)5 * LIMIT_ENTRY_BYTES);
    wal_close(w);
    mem_free(payload);
    char command[64];
    snprintf(command, sizeof(command), "rm -r %s", dir);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

START_TEST(one_writes_while_one_reports)
{
    struct rig r;
    uint64_t random = 5;
    rig_init(&r, 1, 65536);
    ck_assert_int_eq(rig_open(&r), 0);
    for (uint64_t i = 1; i <= 3000; i++) {
        uint64_t lsn = rig_entry(&r, i, 1, &random, sizeof(random));
        if (fault_random(&random) % 4 == 0)
            wal_flush(r.wal);
        if (fault_random(&random) % 64 == 0)
            rig_wait(&r, lsn);
        ck_assert_uint_le(wal_durable(r.wal), lsn);
    }
    rig_wait(&r, 3000);
    rig_fini(&r);
}
END_TEST

TCase *wal_cases(void)
{
    TCase *c = tcase_create("wal");
    tcase_set_timeout(c, 60);
    tcase_add_test(c, a_fresh_log_holds_nothing);
    tcase_add_test(c, every_kind_of_record_comes_back);
    tcase_add_test(c, nothing_is_written_before_flush);
    tcase_add_test(c, sync_makes_no_callback);
    tcase_add_test(c, close_makes_all_durable);
    tcase_add_test(c, segments_follow_each_other);
    tcase_add_test(c, a_record_larger_than_a_segment_makes_it_longer);
    tcase_add_test(c, entries_of_the_largest_size);
    tcase_add_test(c, one_writes_while_one_reports);
    return c;
}
