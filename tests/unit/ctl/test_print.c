/* Answers of the key API taken apart and printed in the three forms. */
#include "base/err.h"
#include "ctl/print.h"
#include "test_ctl.h"

#define SET                                                                                        \
    "{\"action\":\"set\",\"node\":{\"key\":\"/"                                                    \
    "k\",\"value\":\"v\",\"modifiedIndex\":14,\"createdIndex\":12}"
#define GONE                                                                                       \
    ",\"node\":{\"key\":\"/k\",\"modifiedIndex\":14,\"createdIndex\":12},"                         \
    "\"prevNode\":{\"key\":\"/k\",\"value\":\"old\",\"modifiedIndex\":12,\"createdIndex\":12}}"
#define DIRECTORY                                                                                  \
    "{\"action\":\"get\",\"node\":{\"key\":\"/d\",\"dir\":true,\"nodes\":[{\"key\":\"/d/a\","      \
    "\"value\":\"<\",\"modifiedIndex\":3,\"createdIndex\":3},{\"key\":\"/d/e\",\"dir\":true,"      \
    "\"modifiedIndex\":4,\"createdIndex\":4}],\"modifiedIndex\":2,\"createdIndex\":2}}"

static const struct {
    const char *body, *format, *text;
} rows[] = {
    {SET "}", "simple", "v\n"},
    {SET "}", "extended",
     "Key: /k\nCreated-Index: 12\nModified-Index: 14\nTTL: 0\nIndex: 20\n\nv\n"},
    {SET "}", "json",
     "{\"action\":\"set\",\"node\":{\"key\":\"/"
     "k\",\"value\":\"v\",\"nodes\":null,\"createdIndex\":12,"
     "\"modifiedIndex\":14},\"prevNode\":null}\n"},
    {"{\"action\":\"delete\"" GONE, "simple", "PrevNode.Value: old\n"},
    {"{\"action\":\"delete\"" GONE, "extended",
     "Key: /k\nCreated-Index: 12\nModified-Index: 14\nPrevNode.Value: old\nTTL: 0\nIndex: 20\n"},
    {"{\"action\":\"expire\"" GONE, "simple", "\n"},
    {"{\"action\":\"compareAndDelete\"" GONE, "extended",
     "Key: /k\nCreated-Index: 12\nModified-Index: 14\nPrevNode.Value: old\nTTL: 0\nIndex: "
     "20\n\n\n"},
    {"{\"action\":\"set\",\"node\":{\"key\":\"/"
     "k\",\"value\":\"\",\"expiration\":\"2026-01-02T03:04:05.6Z\","
     "\"ttl\":7,\"modifiedIndex\":1,\"createdIndex\":1}}",
     "json",
     "{\"action\":\"set\",\"node\":{\"key\":\"/"
     "k\",\"value\":\"\",\"nodes\":null,\"createdIndex\":1,"
     "\"modifiedIndex\":1,\"expiration\":\"2026-01-02T03:04:05.6Z\",\"ttl\":7},\"prevNode\":null}"
     "\n"},
    {DIRECTORY, "json",
     "{\"action\":\"get\",\"node\":{\"key\":\"/"
     "d\",\"dir\":true,\"value\":\"\",\"nodes\":[{\"key\":\"/d/a\","
     "\"value\":\"\\u003c\",\"nodes\":null,\"createdIndex\":3,\"modifiedIndex\":3},{\"key\":\"/d/"
     "e\","
     "\"dir\":true,\"value\":\"\",\"nodes\":null,\"createdIndex\":4,\"modifiedIndex\":4}],"
     "\"createdIndex\":2,\"modifiedIndex\":2},\"prevNode\":null}\n"},
    {SET "}", "yaml", NULL},
    {SET "}", "", NULL},
};

/* An answer as the server would give it. */
static int take(int status, const char *body, const char *index, struct event_reply *e, bool *empty,
                struct fail *f)
{
    struct http_reply reply = {.status = status};

    buf_span(&reply.body, span_of(body));
    buf_span(&reply.etcd_index, span_of(index));

    int rc = reply_event(&reply, e, empty, f);

    http_reply_fini(&reply);
    return rc;
}

START_TEST(formats)
{
    struct event_reply e;
    struct fail f = {0};
    struct buf text = {0};
    bool empty;

    ck_assert_int_eq(take(200, rows[_i].body, "20", &e, &empty, &f), 0);
    ck_assert(!empty);
    ck_assert(print_event(&text, &e, rows[_i].format) == (rows[_i].text != NULL));
    ck_assert_str_eq(buf_cstr(&text), rows[_i].text != NULL ? rows[_i].text : "");
    event_reply_fini(&e);
    buf_fini(&text);
    fail_fini(&f);
}
END_TEST

START_TEST(listing)
{
    struct event_reply e;
    struct fail f = {0};
    struct buf text = {0};
    bool empty;

    ck_assert_int_eq(take(200, DIRECTORY, "", &e, &empty, &f), 0);
    print_listing(&text, e.node, (struct print_marks){0});
    ck_assert_str_eq(buf_cstr(&text), "/d/a\n/d/e\n");
    buf_clear(&text);
    print_listing(&text, e.node, (struct print_marks){.slash = true});
    ck_assert_str_eq(buf_cstr(&text), "/d/a\n/d/e/\n");
    buf_clear(&text);
    print_listing(&text, e.node, (struct print_marks){.slash = true, .colour = true});
    ck_assert_str_eq(buf_cstr(&text), "/d/a\n\033[1;34m/d/e\033[0m/\n");
    event_reply_fini(&e);
    buf_fini(&text);
}
END_TEST

#define INVALID                                                                                    \
    "client: response is invalid json. The endpoint is probably not valid etcd cluster endpoint"

static const struct {
    int status;
    const char *body, *index, *why;
    bool empty;
} refusals[] = {
    {404, "{\"errorCode\":100,\"message\":\"Key not found\",\"cause\":\"/k\",\"index\":27}", "27",
     "100: Key not found (/k) [27]", false},
    {401, "{\"message\":\"Insufficient credentials\"}", "", "0: Insufficient credentials () [0]",
     false},
    {404, "404 page not found\n", "", INVALID, false},
    {200, "<html>", "", INVALID, false},
    {200, "{\"action\":\"get\"}", "", INVALID, false},
    {200, "[]", "", INVALID, false},
    {200, "", "", "client: response body is empty", true},
    {200, SET "}", "nine", "strconv.ParseUint: parsing \"nine\": invalid syntax", false},
};

START_TEST(refused)
{
    struct event_reply e;
    struct fail f = {0};
    bool empty;

    ck_assert_int_ne(
        take(refusals[_i].status, refusals[_i].body, refusals[_i].index, &e, &empty, &f), 0);
    ck_assert_str_eq(buf_cstr(&f.text), refusals[_i].why);
    ck_assert(empty == refusals[_i].empty);
    fail_fini(&f);
}
END_TEST

/* More directories inside each other than the JSON reader takes levels. */
START_TEST(deep_listing)
{
    struct event_reply e;
    struct fail f = {0};
    struct buf body = {0};
    bool empty;

    buf_lit(&body, "{\"action\":\"get\",\"node\":");
    for (int i = 0; i < 1100; i++)
        buf_lit(&body, "{\"key\":\"/k\",\"dir\":true,\"nodes\":[");
    for (int i = 0; i < 1100; i++)
        buf_lit(&body, "]}");
    buf_lit(&body, "}");
    ck_assert_int_ne(take(200, buf_cstr(&body), "20", &e, &empty, &f), 0);
    ck_assert_str_eq(buf_cstr(&f.text), "client: response is nested more than 2048 levels deep");
    buf_fini(&body);
    fail_fini(&f);
}
END_TEST

TCase *print_case(void)
{
    TCase *tc = tcase_create("print");

    tcase_add_loop_test(tc, formats, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tc, listing);
    tcase_add_test(tc, deep_listing);
    tcase_add_loop_test(tc, refused, 0, sizeof(refusals) / sizeof(refusals[0]));
    return tc;
}
