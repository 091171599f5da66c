/* Entries of an endpoint list, well and badly written. */
#include "base/err.h"
#include "ctl/endpoint.h"
#include "test_ctl.h"

static const struct {
    const char *entry, *text, *root, *path, *why;
} rows[] = {
    {"http://127.0.0.1:2379", "http://127.0.0.1:2379", "http://127.0.0.1:2379", "", NULL},
    {"http://127.0.0.1:2379/", "http://127.0.0.1:2379/", "http://127.0.0.1:2379", "/", NULL},
    {"https://h:1/a%20b", "https://h:1/a%20b", "https://h:1", "/a b", NULL},
    {"http://[::1]:2379", "http://[::1]:2379", "http://[::1]:2379", "", NULL},
    {"somename", "http://somename", "http://somename", "", NULL},
    {"//h:1", "http://h:1", "http://h:1", "", NULL},
    {"localhost:2379", "localhost:2379", "localhost:", "2379", NULL},
    {"", "http:", "http:", "", NULL},
    {"127.0.0.1:2379", NULL, NULL, NULL,
     "parse \"127.0.0.1:2379\": first path segment in URL cannot contain colon"},
    {" http://h:1", NULL, NULL, NULL,
     "parse \" http://h:1\": first path segment in URL cannot contain colon"},
    {"://x", NULL, NULL, NULL, "parse \"://x\": missing protocol scheme"},
    {"http://h:x", NULL, NULL, NULL, "parse \"http://h:x\": invalid port \":x\" after host"},
    {"http://h\n", NULL, NULL, NULL,
     "parse \"http://h\\n\": net/url: invalid control character in URL"},
};

START_TEST(entry)
{
    struct endpoints e = {0};
    struct buf why = {0};
    int rc = endpoints_add(&e, span_of(rows[_i].entry), &why);

    if (rows[_i].why != NULL) {
        ck_assert_int_eq(rc, ERR_USAGE);
        ck_assert_str_eq(buf_cstr(&why), rows[_i].why);
    } else {
        ck_assert_msg(rc == 0, "row %d: %s", _i, buf_cstr(&why));
        ck_assert_str_eq(e.items[0].text, rows[_i].text);
        ck_assert_str_eq(e.items[0].root, rows[_i].root);
        ck_assert_str_eq(e.items[0].path, rows[_i].path);
    }
    endpoints_fini(&e);
    buf_fini(&why);
}
END_TEST

START_TEST(list_and_order)
{
    struct endpoints a = {0}, b = {0};
    struct buf text = {0};

    ck_assert_int_eq(endpoints_add_list(&a, "http://a:1,http://b:2,http://c:3", &text), 0);
    ck_assert_int_eq(endpoints_add_list(&b, "http://c:3,http://a:1,http://b:2", &text), 0);
    ck_assert_uint_eq(a.count, 3);
    endpoints_join(&a, ", ", &text);
    ck_assert_str_eq(buf_cstr(&text), "http://a:1, http://b:2, http://c:3");
    endpoints_shuffle(&a);
    ck_assert(endpoints_equal(&a, &b));
    ck_assert_int_eq(endpoints_add_list(&b, "http://a:1", &text), 0);
    ck_assert(!endpoints_equal(&a, &b));
    endpoints_fini(&a);
    endpoints_fini(&b);
    buf_fini(&text);
}
END_TEST

TCase *endpoint_case(void)
{
    TCase *tc = tcase_create("endpoint");

    tcase_add_loop_test(tc, entry, 0, CP_COUNT(rows));
    tcase_add_test(tc, list_and_order);
    return tc;
}
