/* Cross-origin headers: who gets them, and in which answers. */
#include "client.h"
#include "http/cors.h"
#include "test_http.h"

#include <unistd.h>

#define HOST   "Host: x\r\n"
#define LISTED "http://a.example:80"

static const struct {
    const char *allowed, *origin, *value;
} rules[] = {
    {NULL, LISTED, NULL},
    {"", LISTED, NULL},
    {"", "", NULL},
    {"*", LISTED, "*"},
    {"*", NULL, "*"},
    {"http://b, *", NULL, "*"},
    {LISTED, LISTED, LISTED},
    {LISTED, NULL, NULL},
    {LISTED, "", NULL},
    {LISTED ",", "", NULL},
    {LISTED, "http://a.example", NULL},
    {LISTED, LISTED "0", NULL},
    {LISTED, "HTTP://a.example:80", NULL},
    {"https://b," LISTED " , c", LISTED, LISTED},
    {"https://b," LISTED " , c", "c", "c"},
    {"https://b," LISTED " , c", "https://b", "https://b"},
    {"https://b," LISTED " , c", "*", NULL},
};

START_TEST(rule)
{
    const char *origin = rules[_i].origin, *want = rules[_i].value;
    struct span got =
        cors_allow_origin(rules[_i].allowed, origin != NULL ? span_of(origin) : (struct span){0});
    ck_assert_int_eq(got.ptr != NULL, want != NULL);
    ck_assert(want == NULL || span_eq(got, span_of(want)));
}
END_TEST

static void up(void)
{
    b.cors = "https://b.example:443," LISTED;
    bench_up();
}

static void down(void)
{
    bench_down();
    b.cors = NULL;
}

static const struct {
    const char *method, *target;
    int status;
} answers[] = {
    {"GET", "/echo", 200},        {"OPTIONS", "/echo", 200},       {"HEAD", "/echo", 200},
    {"GET", "/fixed", 405},       {"GET", "/list/200000", 200},    {"PUT", "/write", 201},
    {"GET", "/watch/a?bad", 400}, {"GET", "/watch/a?past=1", 200},
};

START_TEST(headers)
{
    static const char *const origins[] = {"", "Origin: http://other\r\n",
                                          "oRIGIN:  " LISTED " \t\r\nOrigin: http://other\r\n"};
    for (size_t i = 0; i < CP_COUNT(origins); i++) {
        struct answer a = {0};
        struct buf text = {0};
        int fd = client_open();
        bool listed = i == 2;
        buf_printf(&text, "%s %s HTTP/1.1\r\n" HOST "%s\r\n", answers[_i].method,
                   answers[_i].target, origins[i]);
        ask(fd, answers[_i].method, buf_cstr(&text), answers[_i].status, &a);
        ck_assert_pstr_eq(answer_header(&a, "Access-Control-Allow-Origin"), listed ? LISTED : NULL);
        ck_assert_pstr_eq(answer_header(&a, "Access-Control-Allow-Methods"),
                          listed ? "POST, GET, OPTIONS, PUT, DELETE" : NULL);
        ck_assert_pstr_eq(answer_header(&a, "Access-Control-Allow-Headers"),
                          listed ? "accept, content-type, authorization" : NULL);
        ck_assert_ptr_null(answer_header(&a, "Vary"));
        buf_fini(&text);
        answer_fini(&a);
        close(fd);
    }
}
END_TEST

/* The origin of one request says nothing of the next. */
START_TEST(not_kept)
{
    struct answer a = {0};
    int fd = client_open();
    ask(fd, "GET", "GET /echo HTTP/1.1\r\n" HOST "Origin: " LISTED "\r\n\r\n", 200, &a);
    ck_assert_ptr_nonnull(answer_header(&a, "Access-Control-Allow-Origin"));
    ask(fd, "GET", "GET /echo HTTP/1.1\r\n" HOST "\r\n", 200, &a);
    ck_assert_ptr_null(answer_header(&a, "Access-Control-Allow-Origin"));
    answer_fini(&a);
    close(fd);
}
END_TEST

TCase *case_cors(void)
{
    TCase *c = tcase_create("cors");

    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, up, down);
    tcase_add_loop_test(c, rule, 0, (int)CP_COUNT(rules));
    tcase_add_loop_test(c, headers, 0, (int)CP_COUNT(answers));
    tcase_add_test(c, not_kept);
    return c;
}
