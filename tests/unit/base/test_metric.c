/* metric: where a time is counted, and the text of it. */
#include "test_base.h"

#include "base/metric.h"

START_TEST(bounds)
{
    struct histogram h = {.sum_ns = 0};
    histogram_note(&h, 0);
    histogram_note(&h, 62500);
    histogram_note(&h, 62501);
    histogram_note(&h, UINT64_C(8192000000));
    histogram_note(&h, UINT64_C(8192000001));
    ck_assert_uint_eq(metric_get(&h.n[0]), 2);
    ck_assert_uint_eq(metric_get(&h.n[1]), 1);
    ck_assert_uint_eq(metric_get(&h.n[HISTOGRAM_BOUNDS - 1]), 1);
    ck_assert_uint_eq(metric_get(&h.n[HISTOGRAM_BOUNDS]), 1);
    ck_assert_uint_eq(metric_get(&h.sum_ns), UINT64_C(16384125002));
    struct histogram twice = {.sum_ns = 0};
    histogram_add(&twice, &h);
    histogram_add(&twice, &h);
    ck_assert_uint_eq(metric_get(&twice.n[0]), 4);
}
END_TEST

START_TEST(text)
{
    struct buf b = {0};
    struct histogram h = {.sum_ns = 0};
    histogram_note(&h, 70000);
    metric_head(&b, "x_seconds", "histogram", "Help.");
    metric_histogram(&b, "x_seconds", "a=\"b\"", &h);
    const char *s = buf_cstr(&b);
    ck_assert(strstr(s, "# HELP x_seconds Help.\n# TYPE x_seconds histogram\n") == s);
    ck_assert(strstr(s, "x_seconds_bucket{a=\"b\",le=\"6.25e-05\"} 0\n") != NULL);
    ck_assert(strstr(s, "x_seconds_bucket{a=\"b\",le=\"0.000125\"} 1\n") != NULL);
    ck_assert(strstr(s,
                     "x_seconds_bucket{a=\"b\",le=\"+Inf\"} 1\n"
                     "x_seconds_sum{a=\"b\"} 0.000070000\nx_seconds_count{a=\"b\"} 1\n") != NULL);
    buf_clear(&b);
    metric_gauge(&b, "y", "Help.", 7);
    metric_seconds(&b, "z", NULL, UINT64_C(1500000000));
    ck_assert_str_eq(buf_cstr(&b), "# HELP y Help.\n# TYPE y gauge\ny 7\nz 1.500000000\n");
    buf_fini(&b);
}
END_TEST

TCase *metric_case(void)
{
    TCase *t = tcase_create("metric");
    tcase_add_test(t, bounds);
    tcase_add_test(t, text);
    return t;
}
