/* identity: ids must be those of etcd 3.4 for the same options, or clients that remember them are
 * surprised. */
#include "cluster/identity.h"

#include <check.h>
#include <stdlib.h>

START_TEST(one_member_has_the_ids_of_etcd)
{
    const struct span urls[] = {SPAN("http://localhost:2380")};
    uint64_t member = identity_member(urls, 1, SPAN("etcd-cluster"), 0);
    ck_assert_uint_eq(member, UINT64_C(0x8e9e05c52164694d));
    ck_assert_uint_eq(identity_cluster(&member, 1), UINT64_C(0xcdf818194e3a8c32));
}
END_TEST

START_TEST(three_members_have_the_ids_of_etcd)
{
    static const uint64_t want[] = {UINT64_C(0x4036b1db24775ea0), UINT64_C(0x2737ecedbf2a9065),
                                    UINT64_C(0x80af5d65a6e2f603)};
    const struct span urls[] = {SPAN("http://127.0.0.1:23801"), SPAN("http://127.0.0.1:23802"),
                                SPAN("http://127.0.0.1:23803")};
    uint64_t got[3];
    for (size_t i = 0; i < 3; i++) {
        got[i] = identity_member(&urls[i], 1, SPAN("tok"), 0);
        ck_assert_uint_eq(got[i], want[i]);
    }
    ck_assert_uint_eq(identity_cluster(got, 3), UINT64_C(0x64d937c925e41b58));
    /* added at run time, at 1795237605 s: no token */
    const struct span added = SPAN("http://127.0.0.1:23804");
    ck_assert_uint_eq(identity_member(&added, 1, SPAN(""), INT64_C(1795237605)),
                      UINT64_C(0xfb1a2aba71182c38));
}
END_TEST

START_TEST(order_of_urls_does_not_matter)
{
    const struct span ab[] = {SPAN("http://a:2380"), SPAN("http://b:2380")};
    const struct span ba[] = {SPAN("http://b:2380"), SPAN("http://a:2380")};
    ck_assert_uint_eq(identity_member(ab, 2, SPAN("t"), 0), identity_member(ba, 2, SPAN("t"), 0));
    ck_assert(span_eq(ba[0], SPAN("http://b:2380")));
}
END_TEST

START_TEST(order_of_members_does_not_matter)
{
    const uint64_t up[] = {1, 2, UINT64_C(0x8000000000000000)};
    const uint64_t down[] = {UINT64_C(0x8000000000000000), 2, 1};
    ck_assert_uint_eq(identity_cluster(up, 3), identity_cluster(down, 3));
    ck_assert_uint_eq(down[1], 2);
}
END_TEST

START_TEST(token_and_time_count)
{
    const struct span url[] = {SPAN("http://a:2380")};
    uint64_t plain = identity_member(url, 1, SPAN("t"), 0);
    ck_assert_uint_ne(plain, identity_member(url, 1, SPAN("u"), 0));
    /* The time is decimal text right behind the token. */
    ck_assert_uint_eq(identity_member(url, 1, SPAN("t"), 1700000000),
                      identity_member(url, 1, SPAN("t1700000000"), 0));
    ck_assert_uint_ne(plain, identity_member(url, 1, SPAN("t"), 1700000000));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("identity");
    TCase *c = tcase_create("identity");
    tcase_add_test(c, one_member_has_the_ids_of_etcd);
    tcase_add_test(c, three_members_have_the_ids_of_etcd);
    tcase_add_test(c, order_of_urls_does_not_matter);
    tcase_add_test(c, order_of_members_does_not_matter);
    tcase_add_test(c, token_and_time_count);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
