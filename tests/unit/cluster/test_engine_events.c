/* engine: what watches are told, and when keys expire. */
#include "engine_rig.h"

#include "store/read.h"

START_TEST(history_survives_in_the_snapshot)
{
    unsigned written = 0;
    fx_stop();
    fx.snapshot_count = 20;
    fx_start();
    fx_write_until_snapshot(2, &written);
    fx_stop();
    fx_start();
    fx_watch("/s/k0", 4, false);
    fx_wait_seen(1);
    ck_assert_uint_eq(fx.seen[0]->index, 4);
    fx_unwatch();
    fx_free_done();
}
END_TEST

START_TEST(watch_sees_past_and_present)
{
    fx_run(fx_put("/w/a", "1"));
    fx_run(fx_put("/w/b", "2"));
    fx_watch("/w", 4, true);
    fx_run(fx_put("/w/c", "3"));
    fx_wait_seen(3);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_uint_eq(fx.seen[i]->index, 4 + i);
    fx_unwatch();
    fx_run(fx_put("/w/d", "4"));
    ck_assert_uint_eq(fx.n_seen, 3);
    fx_free_done();
}
END_TEST

/* A node that is made and deleted with its directory in one batch: only watchers of names that
 * stood there are told. */
START_TEST(watch_below_a_deleted_directory)
{
    fx_run(fx_put("/p/q/r", "1"));
    fx_watch("/p/q/r", 0, false);
    struct store_op rm = {.verb = OP_DELETE, .flags = OP_RECURSIVE, .path = SPAN("/p")};
    fx_run(rm);
    fx_wait_seen(1);
    ck_assert(span_eq(event_path(fx.seen[0]), SPAN("/p")));
    fx_run(fx_put("/p/other", "1"));
    fx_run(rm); /* /p/q/r does not exist now */
    ck_assert_uint_eq(fx.n_seen, 1);
    fx_unwatch();
    fx_free_done();
}
END_TEST

START_TEST(expiry_comes_by_itself)
{
    struct store_op op = fx_put("/t", "1");
    op.flags = OP_HAS_TTL;
    op.ttl_s = 1;
    fx_watch("/t", 0, false);
    fx_run(op);
    fx_wait_seen(2);
    ck_assert_int_eq(fx.seen[1]->action, V2_EXPIRE);
    char value[16];
    fx_unwatch();
    ck_assert(!fx_get("/t", value, sizeof(value)));
    fx_free_done();
}
END_TEST

/* A key that ran out while the member was down goes right after the start. */
START_TEST(expiry_after_restart)
{
    struct store_op op = fx_put("/t", "1");
    op.flags = OP_HAS_TTL;
    op.ttl_s = 0;
    fx_run(op);
    fx_stop();
    fx_start();
    fx.n_opened = 0;
    fx_watch("/t", 5, false); /* past or present: the history is replayed too */
    fx_wait_seen(1);
    ck_assert_int_eq(fx.seen[0]->action, V2_EXPIRE);
    fx_unwatch();
    fx_free_done();
}
END_TEST

/* SECONDS pass by both clocks; a write lets the engine look at them. */
static void pass_time(int64_t seconds)
{
    fx_fake.mono += (uint64_t)(seconds * NS_PER_S);
    fx_fake.wall += seconds * NS_PER_S;
    ck_assert_int_eq(fx_run(fx_put("/tick", "x"))->code, V2_OK);
}

/* Nanoseconds that /t has left by the cluster's time. */
static int64_t time_left(void)
{
    const struct node *n;
    struct node_view view;
    size_t cause;
    const struct version *v = store_pin(engine_store(fx.engine), 0);
    ck_assert_int_eq(read_find(v, SPAN("/t"), &n, &cause), V2_OK);
    node_view(n, &view);
    store_unpin(engine_store(fx.engine), 0);
    return view.expires_ns - engine_now_ns(fx.engine);
}

/* Hours up and down by the wall clock are seconds to a key: neither early nor, but for the slew of
 * a tenth, late; and a start with a wall clock in the past goes on from the log. */
START_TEST(expiry_survives_a_stepped_clock)
{
    static const int64_t steps_h[] = {5, -5, 48, -96, 1, -1};
    struct store_op op = fx_put("/t", "1");
    op.flags = OP_HAS_TTL;
    op.ttl_s = 1000;
    fx_stop();
    fx_fake.mono = 77 * (uint64_t)NS_PER_S;
    fx_fake.wall = INT64_C(2000000000) * NS_PER_S;
    fx_start_on(&fx_fake_clock);
    fx_run(op);
    ck_assert_int_eq(time_left(), 1000 * NS_PER_S);

    int64_t passed_s = 0;
    for (size_t i = 0; i < sizeof(steps_h) / sizeof(*steps_h); i++) {
        fx_fake.wall += steps_h[i] * 3600 * NS_PER_S;
        ck_assert_int_eq(fx_run(fx_put("/tick", "x"))->code, V2_OK);
        for (int j = 0; j < 10; j++) {
            int64_t before = time_left();
            pass_time(10);
            passed_s += 10;
            ck_assert_int_le(before - time_left(), 11 * NS_PER_S);
            ck_assert_int_ge(before - time_left(), 9 * NS_PER_S);
        }
    }
    ck_assert_int_ge(time_left(), 1000 * NS_PER_S - passed_s * 11 / 10 * NS_PER_S);
    ck_assert_int_le(time_left(), 1000 * NS_PER_S - passed_s * 9 / 10 * NS_PER_S);

    int64_t left = time_left();
    fx_stop();
    fx_fake.wall -= 10 * 3600 * NS_PER_S;
    fx_start_on(&fx_fake_clock);
    ck_assert_int_le(time_left(), left);
    ck_assert_int_gt(time_left(), left - 11 * NS_PER_S); /* since the stamp of the last write */

    fx_watch("/t", 0, false);
    pass_time(time_left() / NS_PER_S * 9 / 10);
    ck_assert_int_gt(time_left(), 0);
    ck_assert_uint_eq(fx.n_seen, 0);
    pass_time(time_left() / NS_PER_S * 10 / 9 + 3);
    fx_wait_seen(1);
    ck_assert_int_eq(fx.seen[0]->action, V2_EXPIRE);
    fx_unwatch();
    fx_free_done();
}
END_TEST

Suite *engine_events_suite(void)
{
    Suite *s = suite_create("engine events");
    TCase *t = tcase_create("events");
    tcase_add_checked_fixture(t, fx_setup, fx_teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, history_survives_in_the_snapshot);
    tcase_add_test(t, watch_sees_past_and_present);
    tcase_add_test(t, watch_below_a_deleted_directory);
    tcase_add_test(t, expiry_comes_by_itself);
    tcase_add_test(t, expiry_after_restart);
    tcase_add_test(t, expiry_survives_a_stepped_clock);
    suite_add_tcase(s, t);
    return s;
}
