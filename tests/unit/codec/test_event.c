/* Events, actions and errors. Source: contract, keys 2, 4, 6, 7, 8. */
#include "codec/render.h"

#include "base/clock.h"
#include "test_codec.h"

#define NOW      INT64_C(1763682667882351443) /* 2025-11-20T23:51:07.882351443Z */
#define AFTER(s) (NOW + (s)*NS_PER_S)

static const struct {
    const char *name;
    struct store_result result;
    const char *want;
} result_rows[] = {
    {"set of something new",
     {.action = V2_SET, .path = S("/a"), .node = {.value = S("1"), .created = 4, .modified = 4}},
     "{\"action\":\"set\",\"node\":{\"key\":\"/a\",\"value\":\"1\",\"modifiedIndex\":4,"
     "\"createdIndex\":4}}\n"},
    {"set that replaces",
     {.action = V2_SET,
      .path = S("/a"),
      .node = {.value = S("2"), .created = 5, .modified = 5},
      .has_prev = true,
      .prev = {.value = S("1"), .created = 4, .modified = 4}},
     "{\"action\":\"set\",\"node\":{\"key\":\"/a\",\"value\":\"2\",\"modifiedIndex\":5,"
     "\"createdIndex\":5},\"prevNode\":{\"key\":\"/a\",\"value\":\"1\",\"modifiedIndex\":4,"
     "\"createdIndex\":4}}\n"},
    {"empty value shows",
     {.action = V2_CREATE, .path = S("/a"), .node = {.created = 6, .modified = 6}},
     "{\"action\":\"create\",\"node\":{\"key\":\"/a\",\"value\":\"\",\"modifiedIndex\":6,"
     "\"createdIndex\":6}}\n"},
    {"directory with a deadline, in place of a file",
     {.action = V2_SET,
      .path = S("/d"),
      .node = {.dir = true, .created = 9, .modified = 9, .expires_ns = AFTER(10)},
      .has_prev = true,
      .prev = {.value = S("x"), .created = 1, .modified = 2}},
     "{\"action\":\"set\",\"node\":{\"key\":\"/d\",\"dir\":true,"
     "\"expiration\":\"2025-11-20T23:51:17.882351443Z\",\"ttl\":10,\"modifiedIndex\":9,"
     "\"createdIndex\":9},\"prevNode\":{\"key\":\"/d\",\"value\":\"x\",\"modifiedIndex\":2,"
     "\"createdIndex\":1}}\n"},
    {"compareAndSwap, escapes",
     {.action = V2_COMPARE_AND_SWAP,
      .path = S("/a\"<\xff"),
      .node = {.value = S("&\0\xe2\x80\xa8"), .created = 4, .modified = 7},
      .has_prev = true,
      .prev = {.value = S("\xc3\xa9"), .created = 4, .modified = 6}},
     "{\"action\":\"compareAndSwap\",\"node\":{\"key\":\"/a\\\"\\u003c\\ufffd\",\"value\":"
     "\"\\u0026\\u0000\\u2028\",\"modifiedIndex\":7,\"createdIndex\":4},\"prevNode\":{\"key\":"
     "\"/a\\\"\\u003c\\ufffd\",\"value\":\"\xc3\xa9\",\"modifiedIndex\":6,\"createdIndex\":4}}\n"},
    {"delete of a file",
     {.action = V2_DELETE,
      .path = S("/a"),
      .node = {.created = 4, .modified = 8},
      .has_prev = true,
      .prev = {.value = S("1"), .created = 4, .modified = 6, .expires_ns = AFTER(3)}},
     "{\"action\":\"delete\",\"node\":{\"key\":\"/a\",\"modifiedIndex\":8,\"createdIndex\":4},"
     "\"prevNode\":{\"key\":\"/a\",\"value\":\"1\",\"expiration\":"
     "\"2025-11-20T23:51:10.882351443Z\",\"ttl\":3,\"modifiedIndex\":6,\"createdIndex\":4}}\n"},
    {"delete of a directory, no deadline in node",
     {.action = V2_DELETE,
      .path = S("/d"),
      .node = {.dir = true, .created = 4, .modified = 8, .expires_ns = AFTER(3)},
      .has_prev = true,
      .prev = {.dir = true, .created = 4, .modified = 6}},
     "{\"action\":\"delete\",\"node\":{\"key\":\"/d\",\"dir\":true,\"modifiedIndex\":8,"
     "\"createdIndex\":4},\"prevNode\":{\"key\":\"/d\",\"dir\":true,\"modifiedIndex\":6,"
     "\"createdIndex\":4}}\n"},
    {"expire, exactly now",
     {.action = V2_EXPIRE,
      .path = S("/a"),
      .node = {.created = 5, .modified = 6},
      .has_prev = true,
      .prev = {.value = S("1"), .created = 5, .modified = 5, .expires_ns = NOW}},
     "{\"action\":\"expire\",\"node\":{\"key\":\"/a\",\"modifiedIndex\":6,\"createdIndex\":5},"
     "\"prevNode\":{\"key\":\"/a\",\"value\":\"1\",\"expiration\":"
     "\"2025-11-20T23:51:07.882351443Z\",\"modifiedIndex\":5,\"createdIndex\":5}}\n"},
    {"expire, late",
     {.action = V2_EXPIRE,
      .path = S("/a"),
      .node = {.created = 5, .modified = 6},
      .has_prev = true,
      .prev = {.value = S("1"), .created = 5, .modified = 5, .expires_ns = AFTER(-3)}},
     "{\"action\":\"expire\",\"node\":{\"key\":\"/a\",\"modifiedIndex\":6,\"createdIndex\":5},"
     "\"prevNode\":{\"key\":\"/a\",\"value\":\"1\",\"expiration\":"
     "\"2025-11-20T23:51:04.882351443Z\",\"ttl\":-3,\"modifiedIndex\":5,\"createdIndex\":5}}\n"},
};

START_TEST(results)
{
    struct buf got = {0};

    render_result(&got, &result_rows[_i].result, NOW);
    ck_assert_span_eq(buf_as_span(&got), span_of(result_rows[_i].want), result_rows[_i].name);
    buf_fini(&got);
}
END_TEST

START_TEST(event_of_a_result)
{
    struct store_result r = result_rows[_i].result;
    struct event *e;

    r.index = 4711;
    r.refresh = _i % 2 == 0;
    e = render_event(&r, NOW);
    ck_assert_span_eq(event_json(e), span_of(result_rows[_i].want), result_rows[_i].name);
    ck_assert_span_eq(event_path(e), r.path, result_rows[_i].name);
    ck_assert_uint_eq(e->index, 4711);
    ck_assert_int_eq(e->action, r.action);
    ck_assert_int_eq(e->dir, r.node.dir);
    ck_assert_int_eq(e->refresh, r.refresh);
    ck_assert_int_eq(e->replaced, r.has_prev);
    event_unref(e);
}
END_TEST

static const struct {
    int64_t expires_ns, now_ns;
    const char *want; /* NULL: no ttl */
} ttl_rows[] = {
    {NOW, NOW, NULL},
    {NOW + 1, NOW, "1"},
    {NOW + NS_PER_S - 1, NOW, "1"},
    {NOW + NS_PER_S, NOW, "1"},
    {NOW + NS_PER_S + 1, NOW, "2"},
    {NOW - 1, NOW, NULL},
    {NOW - NS_PER_S + 1, NOW, NULL},
    {NOW - NS_PER_S, NOW, "-1"},
    {NOW - 2 * NS_PER_S + 1, NOW, "-1"},
    {INT64_MAX, NOW, "7459689369"},
    {INT64_MAX, 0, "9223372037"},
    {INT64_MAX, -1, "9223372037"},
    {INT64_MIN, 1, "-9223372036"},
};

START_TEST(ttl)
{
    struct store_result r = {
        .action = V2_UPDATE,
        .path = S("/a"),
        .node = {.dir = true, .created = 1, .modified = 1, .expires_ns = ttl_rows[_i].expires_ns}};
    struct buf got = {0}, want = {0};

    render_result(&got, &r, ttl_rows[_i].now_ns);

    const char *text = buf_cstr(&got);
    const char *found = strstr(text, "Z\",\"ttl\":");

    ck_assert_ptr_nonnull(strstr(text, ",\"expiration\":\""));
    if (ttl_rows[_i].want == NULL) {
        ck_assert_ptr_null(strstr(text, "ttl"));
    } else {
        buf_printf(&want, "Z\",\"ttl\":%s,\"modifiedIndex\":1,\"createdIndex\":1}}\n",
                   ttl_rows[_i].want);
        ck_assert_msg(found != NULL && strcmp(found, buf_cstr(&want)) == 0, "%s, want %s", text,
                      buf_cstr(&want));
    }
    buf_fini(&got);
    buf_fini(&want);
}
END_TEST

START_TEST(action_alone)
{
    struct buf b = {0};

    render_action(&b, V2_SET);
    render_action(&b, V2_COMPARE_AND_SWAP);
    ck_assert_str_eq(buf_cstr(&b), "{\"action\":\"set\"}\n{\"action\":\"compareAndSwap\"}\n");
    buf_fini(&b);
}
END_TEST

static const struct {
    enum v2_code code;
    struct span cause;
    uint64_t index;
    const char *want;
} error_rows[] = {
    {V2_KEY_NOT_FOUND, S("/x"), 4,
     "{\"errorCode\":100,\"message\":\"Key not found\",\"cause\":\"/x\",\"index\":4}\n"},
    {V2_NOT_FILE, {0}, 7, "{\"errorCode\":102,\"message\":\"Not a file\",\"index\":7}\n"},
    {V2_TEST_FAILED, S("[two != one] [7 != 12]"), UINT64_MAX,
     "{\"errorCode\":101,\"message\":\"Compare failed\",\"cause\":\"[two != one] [7 != 12]\","
     "\"index\":18446744073709551615}\n"},
    {V2_INDEX_NAN, S("invalid value for \"prevIndex\""), 0,
     "{\"errorCode\":203,\"message\":\"The given index in POST form is not a number\",\"cause\":"
     "\"invalid value for \\\"prevIndex\\\"\",\"index\":0}\n"},
    {V2_KEY_NOT_FOUND, S("/\xff<"), 0,
     "{\"errorCode\":100,\"message\":\"Key not "
     "found\",\"cause\":\"/\\ufffd\\u003c\",\"index\":0}\n"},
};

START_TEST(errors)
{
    struct buf b = {0};

    render_error(&b, error_rows[_i].code, error_rows[_i].cause, error_rows[_i].index);
    ck_assert_span_eq(buf_as_span(&b), span_of(error_rows[_i].want), error_rows[_i].want);
    buf_fini(&b);
}
END_TEST

TCase *event_case(void)
{
    TCase *tc = tcase_create("event");

    tcase_add_loop_test(tc, results, 0, CP_COUNT(result_rows));
    tcase_add_loop_test(tc, event_of_a_result, 0, CP_COUNT(result_rows));
    tcase_add_loop_test(tc, ttl, 0, CP_COUNT(ttl_rows));
    tcase_add_test(tc, action_alone);
    tcase_add_loop_test(tc, errors, 0, CP_COUNT(error_rows));
    return tc;
}
