/* engine: a whole member without HTTP: writes from another thread, restarts, damaged snapshots. */
#include "engine_rig.h"

#include "base/mem.h"
#include "cluster/status.h"
#include "disk/snapfile.h"

#include <stdio.h>

START_TEST(first_write_is_index_4)
{
    struct proposal *p = fx_run(fx_put("/a", "1"));
    ck_assert_int_eq(p->code, V2_OK);
    ck_assert_uint_eq(p->etcd_index, 4); /* as a fresh etcd: contract, keys */
    ck_assert(span_starts(event_json(p->event),
                          SPAN("{\"action\":\"set\",\"node\":{\"key\":\"/a\",\"value\":\"1\"")));
    ck_assert_uint_gt(p->raft_index, 0);
    char value[16];
    ck_assert(fx_get("/a", value, sizeof(value)));
    ck_assert_str_eq(value, "1");
    fx_free_done();
}
END_TEST

START_TEST(refusal_costs_no_index)
{
    struct store_op op = fx_put("/a", "1");
    op.exist = OP_EXIST_YES;
    struct proposal *p = fx_run(op);
    ck_assert_int_eq(p->code, V2_KEY_NOT_FOUND);
    ck_assert_uint_eq(p->etcd_index, 3);
    ck_assert(span_eq(buf_as_span(&p->cause), SPAN("/a")));
    ck_assert_uint_eq(fx_run(fx_put("/a", "1"))->etcd_index, 4);
    fx_free_done();
}
END_TEST

START_TEST(restart_brings_everything_back)
{
    char path[32], value[32];
    for (int i = 0; i < 1000; i++) {
        snprintf(path, sizeof(path), "/d/k%d", i);
        snprintf(value, sizeof(value), "v%d", i);
        fx_propose(fx_put(path, value));
    }
    fx_wait_done(1000);
    uint64_t last = 0;
    for (unsigned i = 0; i < fx.n_done; i++)
        last = fx.done[i]->etcd_index > last ? fx.done[i]->etcd_index : last;
    fx_free_done();
    for (int round = 0; round < 2; round++) {
        fx_stop();
        fx_start();
        ck_assert(fx_get("/d/k999", value, sizeof(value)));
        ck_assert_str_eq(value, "v999");
        ck_assert_uint_eq(fx_run(fx_put("/x", "y"))->etcd_index, ++last);
    }
    fx_free_done();
}
END_TEST

START_TEST(restart_from_snapshot_and_log)
{
    char path[32], value[32];
    unsigned written = 0;
    fx_stop();
    fx.snapshot_count = 20;
    fx_start();
    struct store_op op = fx_put("/ttl", "x");
    op.flags = OP_HAS_TTL;
    op.ttl_s = 1000000;
    fx_run(op);
    fx_write_until_snapshot(2, &written);
    for (int i = 0; i < 5; i++) { /* behind the snapshot, in the log alone */
        snprintf(path, sizeof(path), "/s/k%u", written++);
        (void)fx_run(fx_put(path, path));
    }
    uint64_t last = fx.done[0]->etcd_index;
    for (int round = 0; round < 3; round++) {
        fx_stop();
        fx_start();
        for (unsigned i = 0; i < written; i++) {
            snprintf(path, sizeof(path), "/s/k%u", i);
            ck_assert_msg(fx_get(path, value, sizeof(value)), "%s is gone", path);
            ck_assert_str_eq(value, path);
        }
        ck_assert(fx_get("/ttl", value, sizeof(value)));
        ck_assert_uint_eq(fx_run(fx_put("/s/again", "y"))->etcd_index, ++last);
    }
    fx_stop(); /* or one more may be there, just before the oldest goes */
    ck_assert_uint_le(fx_files("snap", ".jsonl"), 2);
    fx_start();
    fx_free_done();
}
END_TEST

static uint64_t snapshot_index(void)
{
    struct engine_figures f;
    engine_figures(fx.engine, &f);
    return f.now[FIGURE_SNAPSHOT_INDEX];
}

/* What is forgotten goes on ahead of each snapshot: that counts all the same, and only then does
 * the log on the disk become shorter. */
START_TEST(snapshots_count_behind_what_is_forgotten)
{
    char path[32], value[32];
    unsigned written = 0;
    fx_stop();
    fx.forget_entries = 1;
    fx.segment_bytes = 4096;
    fx_start();
    for (; written < 100; written++) {
        snprintf(path, sizeof(path), "/s/k%u", written);
        (void)fx_run(fx_put(path, path));
    }
    ck_assert_uint_eq(fx_files("wal", "-0000000000000001.wal"), 1);
    fx_stop();
    fx.snapshot_count = 20;
    fx_start();
    while (snapshot_index() == 0 || fx_files("wal", "-0000000000000001.wal") > 0) {
        snprintf(path, sizeof(path), "/s/k%u", written++);
        (void)fx_run(fx_put(path, path));
    }
    fx_stop();
    fx_start();
    for (unsigned i = 0; i < written; i++) {
        snprintf(path, sizeof(path), "/s/k%u", i);
        ck_assert_msg(fx_get(path, value, sizeof(value)), "%s is gone", path);
    }
    fx_free_done();
}
END_TEST

/* The newest snapshot is damaged: the one before it and the log bring everything back. */
START_TEST(damaged_snapshot_is_passed_over)
{
    char path[160], value[32];
    unsigned written = 0;
    struct snapfile_list list;
    struct err e;
    fx_stop();
    fx.snapshot_count = 20;
    fx_start();
    fx_write_until_snapshot(2, &written);
    fx_stop();
    ck_assert_int_eq(snapfile_find(&diskio_system, fx.snap, &list, &e), 0);
    char *file = snapfile_path(fx.snap, list.v[0]);
    FILE *f = fopen(file, "r+b");
    ck_assert_ptr_nonnull(f);
    fseek(f, 100, SEEK_SET);
    fputc('!', f);
    fclose(f);
    mem_free(file);
    snapfile_list_fini(&list);
    fx_start();
    for (unsigned i = 0; i < written; i++) {
        snprintf(path, sizeof(path), "/s/k%u", i);
        ck_assert_msg(fx_get(path, value, sizeof(value)), "%s is gone", path);
    }
    ck_assert_uint_eq(fx_files("snap", ".bad"), 1);
    fx_free_done();
}
END_TEST

Suite *engine_suite(void)
{
    Suite *s = suite_create("engine");
    TCase *t = tcase_create("engine");
    tcase_add_checked_fixture(t, fx_setup, fx_teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, first_write_is_index_4);
    tcase_add_test(t, refusal_costs_no_index);
    tcase_add_test(t, restart_brings_everything_back);
    tcase_add_test(t, restart_from_snapshot_and_log);
    tcase_add_test(t, snapshots_count_behind_what_is_forgotten);
    tcase_add_test(t, damaged_snapshot_is_passed_over);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(engine_suite());
    srunner_add_suite(r, engine_events_suite());
    srunner_add_suite(r, engine_inbox_suite());
    srunner_add_suite(r, engine_parts_suite());
    srunner_add_suite(r, engine_room_suite());
    srunner_add_suite(r, engine_steps_suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
