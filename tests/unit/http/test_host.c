/* By which names the server may be called. Rows asked of etcd 3.4.23. */
#include "client.h"
#include "http/host.h"
#include "test_http.h"

#include <unistd.h>

static const struct {
    const char *host, *name;
} names[] = {
    {"a.example", "a.example"},
    {"a.example:99", "a.example"},
    {"a.example:", "a.example"},
    {"a.example:x:y", "a.example:x:y"},
    {"[::1]:22", "::1"},
    {"[::1]", "[::1]"},
    {"[::1", "[::1"},
    {"[", "["},
    {"::1", "::1"},
    {":80", ""},
    {"", ""},
};

START_TEST(name)
{
    ck_assert_msg(span_eq(host_name(span_of(names[_i].host)), span_of(names[_i].name)), "%s",
                  names[_i].host);
}
END_TEST

static const struct {
    const char *allowed, *name;
    bool fine;
} rules[] = {
    {NULL, "x", true},      {"", "x", true},        {"*", "x", true},
    {"a,*", "x", true},     {"*", "", true},        {"a.example", "a.example", true},
    {"a, b ,c", "b", true}, {"a, b ,c", "c", true}, {"a.example", "A.example", false},
    {"a", "", false},       {",a,", "", false},     {"a.example", "b.a.example", false},
    {"a", "ab", false},     {"ab", "a", false},     {"a.*", "a.b", false},
    {"::1", "::1", true},
};

START_TEST(rule)
{
    ck_assert_msg(host_allowed(rules[_i].allowed, span_of(rules[_i].name)) == rules[_i].fine,
                  "%s: %s", rules[_i].allowed, rules[_i].name);
}
END_TEST

static void up(void)
{
    b.cors = "*";
    b.host_names = "a.example,127.0.0.1";
    bench_up();
}

static void down(void)
{
    bench_down();
    b.cors = b.host_names = NULL;
}

#define ABSOLUTE "GET http://evil.example:1/echo HTTP/1.1\r\nHost: a.example\r\n\r\n"

static const struct {
    const char *method, *request;
    bool fine;
} requests[] = {
    {"GET", "GET /echo HTTP/1.1\r\nHost: a.example\r\n\r\n", true},
    {"GET", "GET /echo HTTP/1.1\r\nhost:  127.0.0.1:2379 \r\n\r\n", true},
    {"GET", "GET http://a.example/echo HTTP/1.1\r\nHost: evil.example\r\n\r\n", true},
    {"GET", ABSOLUTE, false},
    {"GET", "GET /echo HTTP/1.1\r\nHost: evil.example\r\n\r\n", false},
    {"GET", "GET /no//where HTTP/1.1\r\nHost: evil.example\r\n\r\n", false},
    {"HEAD", "HEAD /echo HTTP/1.1\r\nHost: evil.example:80\r\n\r\n", false},
    {"OPTIONS", "OPTIONS /echo HTTP/1.1\r\nHost: evil.example\r\n\r\n", false},
    {"PUT", "PUT /write HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 7\r\n\r\nvalue=1", false},
    {"GET", "GET /watch/a HTTP/1.1\r\nHost: evil.example\r\n\r\n", false},
};

/* A refusal leaves the connection open, and does not say which pages may read it. */
START_TEST(request)
{
    struct answer a = {0};
    int fd = client_open();
    bool body = strcmp(requests[_i].method, "HEAD") != 0;
    ask(fd, requests[_i].method, requests[_i].request, requests[_i].fine ? 200 : 421, &a);
    ck_assert_pstr_eq(answer_header(&a, "Access-Control-Allow-Origin"),
                      requests[_i].fine ? "*" : NULL);
    if (!requests[_i].fine) {
        ck_assert_pstr_eq(answer_header(&a, "X-Content-Type-Options"), "nosniff");
        ck_assert(!body ||
                  strstr(buf_cstr(&a.body), "--host-whitelist \"evil.example\"\n") != NULL);
        ck_assert(!body || a.body.len == 362 + strlen("evil.example"));
    }
    ask(fd, "GET", "GET /echo HTTP/1.1\r\nHost: a.example\r\n\r\n", 200, &a);
    answer_fini(&a);
    close(fd);
}
END_TEST

/* Of HTTP/1.0 none need be named, and then none is allowed. */
START_TEST(no_name)
{
    struct answer a = {0};
    int fd = client_open();
    ask(fd, "GET", "GET /echo HTTP/1.0\r\n\r\n", 421, &a);
    answer_fini(&a);
    close(fd);
}
END_TEST

/* What is no text of a name goes into the answer as escapes. */
START_TEST(refusal_quotes)
{
    struct buf text = {0};
    host_refusal(&text, SPAN("a\"\\\x01\xff"));
    ck_assert_ptr_nonnull(strstr(buf_cstr(&text), "--host-whitelist \"a\\x22\\x5c\\x01\\xff\"\n"));
    buf_fini(&text);
}
END_TEST

TCase *case_host(void)
{
    TCase *c = tcase_create("host");

    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, up, down);
    tcase_add_loop_test(c, name, 0, (int)CP_COUNT(names));
    tcase_add_loop_test(c, rule, 0, (int)CP_COUNT(rules));
    tcase_add_loop_test(c, request, 0, (int)CP_COUNT(requests));
    tcase_add_test(c, no_name);
    tcase_add_test(c, refusal_quotes);
    return c;
}
