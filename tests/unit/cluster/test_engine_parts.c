/* engine: its time and its waiting requests, each alone. */
#include "engine_rig.h"

#include "cluster/progress.h"
#include "cluster/timekeeper.h"
#include "cluster/waiting.h"

START_TEST(time_never_jumps)
{
    struct timekeeper t;
    fx_fake.mono = 5 * (uint64_t)NS_PER_S;
    fx_fake.wall = 1000 * NS_PER_S;
    timekeeper_start(&t, &fx_fake_clock, 2000 * NS_PER_S);
    ck_assert_int_eq(timekeeper_now(&t), 2000 * NS_PER_S); /* the log knows a later time */
    fx_fake.mono += (uint64_t)NS_PER_S;
    ck_assert_int_eq(timekeeper_now(&t),
                     2000 * NS_PER_S + NS_PER_S * 9 / 10); /* leans back by a tenth */
    fx_fake.wall = 9000 * NS_PER_S;                        /* stepped ahead */
    fx_fake.mono += (uint64_t)NS_PER_S;
    ck_assert_int_eq(timekeeper_now(&t), 2000 * NS_PER_S + NS_PER_S * 2);
    timekeeper_saw(&t, 3000 * NS_PER_S);
    ck_assert_int_eq(timekeeper_peek(&t), 3000 * NS_PER_S);
    timekeeper_saw(&t, 1);
    ck_assert_int_eq(timekeeper_now(&t), 3000 * NS_PER_S);
}
END_TEST

START_TEST(time_comes_from_the_leader)
{
    struct timekeeper t;
    fx_fake.mono = 5 * (uint64_t)NS_PER_S;
    fx_fake.wall = 9000 * NS_PER_S; /* an hour and more ahead of the cluster */
    timekeeper_start(&t, &fx_fake_clock, 9500 * NS_PER_S); /* of an entry that was replaced */
    ck_assert_int_eq(timekeeper_now(&t), 9500 * NS_PER_S);
    ck_assert_int_eq(timekeeper_known(&t), 0);
    timekeeper_hear(&t, 0, true); /* who guesses itself says nothing */
    ck_assert_int_eq(timekeeper_known(&t), 0);
    timekeeper_hear(&t, 2000 * NS_PER_S, false); /* a voter that knows will do */
    ck_assert_int_eq(timekeeper_known(&t), 2000 * NS_PER_S);
    timekeeper_hear(&t, 7000 * NS_PER_S, false); /* but only once */
    timekeeper_hear(&t, 2001 * NS_PER_S, true);
    ck_assert_int_eq(timekeeper_now(&t), 2001 * NS_PER_S);
    timekeeper_hear(&t, 2000 * NS_PER_S, true); /* back, where it was ahead of the leader */
    ck_assert_int_eq(timekeeper_now(&t), 2000 * NS_PER_S);
    timekeeper_saw(&t, 2000 * NS_PER_S + 1); /* but not behind a stamp */
    timekeeper_hear(&t, 1990 * NS_PER_S, true);
    ck_assert_int_eq(timekeeper_now(&t), 2000 * NS_PER_S + 1);
    timekeeper_hear(&t, 2000 * NS_PER_S, true);
    fx_fake.mono += 3 * (uint64_t)NS_PER_S;
    ck_assert_int_eq(timekeeper_now(&t), 2003 * NS_PER_S);
    timekeeper_lead(&t, true); /* carries on, leaning */
    fx_fake.mono += (uint64_t)NS_PER_S;
    ck_assert_int_eq(timekeeper_now(&t), 2004 * NS_PER_S + NS_PER_S / 10);
    timekeeper_hear(&t, 8000 * NS_PER_S, true);
    ck_assert_int_eq(timekeeper_now(&t), 2004 * NS_PER_S + NS_PER_S / 10);
    timekeeper_logged(&t, 2500 * NS_PER_S); /* of somebody's entry that is not committed */
    ck_assert_int_eq(timekeeper_now(&t), 2004 * NS_PER_S + NS_PER_S / 10);
    timekeeper_lead(&t, false);
    fx_fake.mono += (uint64_t)NS_PER_S;
    ck_assert_int_eq(timekeeper_now(&t), 2005 * NS_PER_S + NS_PER_S / 10);
    timekeeper_lead(&t, true); /* no stamp of a log is lower than the one before it */
    ck_assert_int_eq(timekeeper_now(&t), 2500 * NS_PER_S);
}
END_TEST

START_TEST(waiting_finds_by_number)
{
    struct waiting w;
    static struct proposal p[5000];
    waiting_init(&w, UINT64_MAX - 100); /* numbers may wrap */
    for (unsigned i = 0; i < 5000; i++) {
        p[i].deadline_ns = i;
        ck_assert_uint_eq(waiting_add(&w, &p[i]), UINT64_MAX - 100 + i);
    }
    ck_assert_ptr_null(waiting_take(&w, UINT64_MAX - 101));
    ck_assert_ptr_null(waiting_take(&w, UINT64_MAX - 100 + 5000));
    ck_assert_ptr_eq(waiting_take(&w, UINT64_MAX - 100 + 3000), &p[3000]);
    ck_assert_ptr_null(waiting_take(&w, UINT64_MAX - 100 + 3000));
    ck_assert_ptr_eq(waiting_expired(&w, 1), &p[0]);
    ck_assert_ptr_eq(waiting_expired(&w, 1), &p[1]);
    ck_assert_ptr_null(waiting_expired(&w, 1));
    ck_assert_uint_eq(waiting_deadline_ns(&w), 2);
    for (unsigned i = 2; i < 5000; i++)
        if (i != 3000)
            ck_assert_ptr_eq(waiting_expired(&w, UINT64_MAX - 1), &p[i]);
    ck_assert_uint_eq(waiting_deadline_ns(&w), UINT64_MAX);
    waiting_fini(&w);
}
END_TEST

START_TEST(progress_is_told_once_a_second)
{
    struct progress p;
    fx_fake.mono = 5 * (uint64_t)NS_PER_S;
    progress_begin(&p, &fx_fake_clock, "a file");
    ck_assert(!progress_note(&p, 0, 10));
    fx_fake.mono += PROGRESS_NS - 1;
    ck_assert(!progress_note(&p, 5, 10));
    fx_fake.mono++;
    ck_assert(progress_note(&p, 5, 10));
    ck_assert(!progress_note(&p, 6, 10));
    fx_fake.mono += 3 * PROGRESS_NS;
    ck_assert(progress_note(&p, 1000, 0));
    ck_assert(!progress_note(&p, 1001, 0));
}
END_TEST

Suite *engine_parts_suite(void)
{
    Suite *s = suite_create("engine parts");
    TCase *t = tcase_create("parts");
    tcase_add_test(t, time_never_jumps);
    tcase_add_test(t, time_comes_from_the_leader);
    tcase_add_test(t, waiting_finds_by_number);
    tcase_add_test(t, progress_is_told_once_a_second);
    suite_add_tcase(s, t);
    return s;
}
