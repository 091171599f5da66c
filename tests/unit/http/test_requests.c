/* Requests that are answered at once: bodies, lengths, keep-alive, versions. */
#include "base/mem.h"
#include "client.h"
#include "proto/limits.h"
#include "test_http.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST "Host: x\r\n"

START_TEST(reply_is_what_go_writes)
{
    struct answer a = {0};
    int fd = client_open();

    ask(fd, "GET", "GET /size/3 HTTP/1.1\r\n" HOST "\r\n", 200, &a);

    char *date = strstr(a.head.ptr, "Date: ");

    ck_assert_ptr_nonnull(date);
    memset(date + 6, '#', 29);
    ck_assert_str_eq(a.head.ptr, "HTTP/1.1 200 OK\r\n"
                                 "Content-Type: application/json\r\n"
                                 "X-Etcd-Cluster-Id: cdf818194e3a8c\r\n"
                                 "X-Etcd-Index: 5\r\n"
                                 "X-Raft-Index: 1234567890123456789\r\n"
                                 "X-Raft-Term: 2\r\n"
                                 "Date: #############################\r\n"
                                 "Content-Length: 3\r\n"
                                 "\r\n");
    ck_assert_mem_eq(a.body.ptr, "abc", 3);

    ask(fd, "GET", "GET /fixed HTTP/1.1\r\n" HOST "\r\n", 405, &a);
    ck_assert_str_eq(answer_header(&a, "Allow"), "GET,PUT");
    ck_assert_str_eq(answer_header(&a, "X-Content-Type-Options"), "nosniff");
    ck_assert_str_eq(answer_header(&a, "Content-Type"), "text/plain; charset=utf-8");
    ck_assert_ptr_null(answer_header(&a, "X-Etcd-Index"));
    ck_assert_mem_eq(a.body.ptr, "Method Not Allowed\n", a.body.len);

    ask(fd, "GET", "GET /moved HTTP/1.1\r\n" HOST "\r\n", 301, &a);
    ck_assert_str_eq(answer_header(&a, "Location"), "/else");
    ck_assert_str_eq(answer_header(&a, "Content-Length"), "0");
    answer_fini(&a);
    close(fd);
}
END_TEST

/* Whether they are sent as one object or not: what differs in anything differs. */
START_TEST(same_replies)
{
    static const struct {
        const char *target;
        char letter;
        const char *index;
    } rows[] = {
        {"/node/a/5", 'a', "5"}, {"/node/a/5", 'a', "5"}, {"/node/a/5", 'a', "5"},
        {"/node/b/5", 'b', "5"}, {"/node/a/5", 'a', "5"}, {"/node/a/5", 'a', "5"},
        {"/node/a/6", 'a', "6"}, {"/node/a/6", 'a', "6"}, {"/node/a/6", 'a', "6"},
        {"/node/b/6", 'b', "6"}, {"/node/b/6", 'b', "6"}, {"/node/a/5", 'a', "5"},
    };
    struct answer a = {0};
    int fds[] = {client_open(), client_open(), client_open()};

    for (size_t i = 0; i < 8 * CP_COUNT(rows); i++) {
        size_t row = i % CP_COUNT(rows);
        bool head = i % 7 == 3, old = i % 5 == 4;
        int fd = fds[i / 2 % CP_COUNT(fds)];
        char text[128], want[64];

        snprintf(text, sizeof(text), "%s %s HTTP/1.%d\r\n" HOST "%s\r\n", head ? "HEAD" : "GET",
                 rows[row].target, !old, old ? "Connection: keep-alive\r\n" : "");
        snprintf(want, sizeof(want), "%c, and many bytes that all of them have in common\n",
                 rows[row].letter);
        ask(fd, head ? "HEAD" : "GET", text, 200, &a);
        ck_assert_int_eq(a.head.ptr[7], old ? '0' : '1');
        ck_assert_str_eq(answer_header(&a, "X-Etcd-Index"), rows[row].index);
        ck_assert_str_eq(answer_header(&a, "X-Raft-Index"), "1234567890123456789");
        ck_assert_ptr_nonnull(answer_header(&a, "Date"));
        ck_assert_int_eq(atoi(answer_header(&a, "Content-Length")), (int)strlen(want));
        if (!head)
            ck_assert(span_eq(buf_as_span(&a.body), span_of(want)));
    }
    answer_fini(&a);
    for (size_t i = 0; i < CP_COUNT(fds); i++)
        close(fds[i]);
}
END_TEST

START_TEST(target_arrives_as_sent)
{
    static const char *const targets[] = {"/a%2Fb",    "/a+b?v=a+b;",     "//a//b/../c", "/a#f?x=1",
                                          "/\xff\x80", "/a%00b?q=%00%zz", "/?"};
    struct answer a = {0};
    int fd = client_open();

    for (size_t i = 0; i < CP_COUNT(targets); i++) {
        char text[256], want[256];

        snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n" HOST "\r\n", targets[i]);
        snprintf(want, sizeof(want), "GET %s type= body=0\n", targets[i]);
        ask(fd, "GET", text, 200, &a);
        ck_assert_msg(span_eq(buf_as_span(&a.body), span_of(want)), "%s", targets[i]);
    }
    ask(fd, "GET", "GET http://host:1/echo?x=1 HTTP/1.1\r\n" HOST "\r\n", 200, &a);
    ck_assert(span_starts(buf_as_span(&a.body), SPAN("GET /echo?x=1 type")));
    ask(fd, "OPTIONS", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 200, &a);
    ck_assert(span_starts(buf_as_span(&a.body), SPAN("OPTIONS * type")));
    answer_fini(&a);
    close(fd);
}
END_TEST

/* libmicrohttpd would split the pairs into its pool, which they do not fit. */
START_TEST(many_query_pairs)
{
    struct answer a = {0};
    struct buf text = {0};
    int fd = client_open();

    buf_lit(&text, "GET /echo?");
    for (int i = 0; i < 2000; i++)
        buf_lit(&text, "a=b&");
    buf_lit(&text, "z=1 HTTP/1.1\r\n" HOST "\r\n");
    ask(fd, "GET", buf_cstr(&text), 200, &a);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&a.body), "a=b&z=1 type"));
    ask(fd, "GET", "GET /echo HTTP/1.1\r\n" HOST "\r\n", 200, &a);
    buf_fini(&text);
    answer_fini(&a);
    close(fd);
}
END_TEST

START_TEST(pipelined_requests_keep_their_order)
{
    struct answer a = {0};
    int fd = client_open();

    client_send(fd, "GET /size/1 HTTP/1.1\r\n" HOST "\r\n"
                    "PUT /write HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello"
                    "GET /echo HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nbody"
                    "DELETE /echo HTTP/1.1\r\n" HOST
                    "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
                    "HEAD /size/30 HTTP/1.1\r\n" HOST "\r\n"
                    "GET /size/2 HTTP/1.1\r\n" HOST "\r\n");
    client_read(fd, "GET", &a);
    ck_assert_uint_eq(a.body.len, 1);
    client_read(fd, "PUT", &a);
    ck_assert_int_eq(a.status, 201);
    ck_assert(span_eq(buf_as_span(&a.body), SPAN("hello")));
    client_read(fd, "GET", &a);
    ck_assert(span_eq(buf_as_span(&a.body), SPAN("GET /echo type= body=0\n")));
    client_read(fd, "DELETE", &a);
    ck_assert(span_eq(buf_as_span(&a.body), SPAN("DELETE /echo type= body=0\n")));
    client_read(fd, "HEAD", &a);
    ck_assert_str_eq(answer_header(&a, "Content-Length"), "30");
    client_read(fd, "GET", &a);
    ck_assert_uint_eq(a.body.len, 2);
    answer_fini(&a);
    close(fd);
}
END_TEST

static const struct length_row {
    size_t n;
    bool chunked;
} lengths[] = {{0, false}, {1, false}, {2048, false}, {2049, true}, {70000, true}, {3000000, true}};

static void check_pattern(const struct answer *a, size_t n)
{
    ck_assert(!a->cut);
    ck_assert_uint_eq(a->body.len, n);
    for (size_t i = 0; i < n; i++) {
        if (a->body.ptr[i] != 'a' + (char)(i % 26))
            ck_abort_msg("wrong byte at %zu", i);
    }
}

START_TEST(long_bodies_are_chunked)
{
    const struct length_row *row = &lengths[_i];
    struct answer a = {0};
    char text[128], length[32];
    int fd = client_open();

    snprintf(length, sizeof(length), "%zu", row->n);
    snprintf(text, sizeof(text), "GET /size/%zu HTTP/1.1\r\n" HOST "\r\n", row->n);
    ask(fd, "GET", text, 200, &a);
    ck_assert_int_eq(a.chunked, row->chunked);
    ck_assert_int_eq(answer_header(&a, "Content-Length") == NULL, row->chunked);
    check_pattern(&a, row->n);

    snprintf(text, sizeof(text), "HEAD /size/%zu HTTP/1.1\r\n" HOST "\r\n", row->n);
    ask(fd, "HEAD", text, 200, &a);
    ck_assert_str_eq(answer_header(&a, "Content-Length"), length);
    ck_assert(!a.chunked);
    ask(fd, "GET", "GET /echo HTTP/1.1\r\n" HOST "\r\n", 200,
        &a); /* nothing of HEAD's body was sent */

    snprintf(text, sizeof(text), "GET /size/%zu HTTP/1.0\r\n\r\n", row->n);
    ask(fd, "GET", text, 200, &a);
    ck_assert(span_starts(buf_as_span(&a.head), SPAN("HTTP/1.0 ")));
    ck_assert_str_eq(answer_header(&a, "Content-Length"), length);
    check_pattern(&a, row->n);
    ck_assert(client_at_end(fd));
    answer_fini(&a);
    close(fd);
}
END_TEST

START_TEST(http10_keeps_alive_when_asked)
{
    struct answer a = {0};
    int fd = client_open();

    ask(fd, "GET", "GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, &a);
    ask(fd, "GET", "GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, &a);
    ask(fd, "GET", "GET /echo HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", 200, &a);
    ck_assert(client_at_end(fd));
    answer_fini(&a);
    close(fd);
}
END_TEST

static const size_t listings[] = {0, 1, 65536, 65537, 2000000};

START_TEST(listing_comes_in_pieces)
{
    size_t n = listings[_i];
    struct answer a = {0};
    char text[128];
    int fd = client_open();

    snprintf(text, sizeof(text), "GET /list/%zu HTTP/1.1\r\n" HOST "\r\n", n);
    ask(fd, "GET", text, 200, &a);
    ck_assert(a.chunked && !a.cut);
    ck_assert_uint_eq(a.body.len, n);
    snprintf(text, sizeof(text), "GET /list/%zu HTTP/1.0\r\n\r\n", n);
    ask(fd, "GET", text, 200, &a);
    ck_assert(!a.chunked);
    ck_assert_uint_eq(a.body.len, n);
    answer_fini(&a);
    close(fd);
}
END_TEST

/* Rendering all of it for its length kept everybody else of the worker waiting. */
START_TEST(head_of_a_listing_renders_nothing)
{
    struct answer a = {0};
    int fd = client_open();
    size_t before = fake_pieces();

    ask(fd, "HEAD", "HEAD /list/100000000 HTTP/1.1\r\n" HOST "\r\n", 200, &a);
    ck_assert_uint_eq(fake_pieces(), before);
    ck_assert_uint_eq(fake_listings(), 0);
    ck_assert_ptr_null(answer_header(&a, "Content-Length"));
    ck_assert_ptr_null(answer_header(&a, "Transfer-Encoding"));
    ck_assert_str_eq(answer_header(&a, "Connection"), "close");
    ck_assert(client_at_end(fd));
    answer_fini(&a);
    close(fd);
}
END_TEST

START_TEST(listing_of_a_client_that_leaves)
{
    int fd = client_open();

    client_send(fd, "GET /list/100000000 HTTP/1.1\r\n" HOST "\r\n");
    ck_assert_int_gt(recv(fd, (char[100]){0}, 100, 0), 0);
    ck_assert_uint_eq(fake_listings(), 1);
    client_gone(fd);
    UNTIL(fake_listings() == 0);
}
END_TEST

static void put(int fd, const char *head, size_t n, bool chunked)
{
    static char piece[65536];
    struct buf text = {0};

    memset(piece, 'v', sizeof(piece));
    buf_printf(&text, "PUT /echo HTTP/1.1\r\n" HOST "%s", head);
    if (chunked)
        buf_lit(&text, "Transfer-Encoding: chunked\r\n\r\n");
    else
        buf_printf(&text, "Content-Length: %zu\r\n\r\n", n);
    client_send_bytes(fd, text.ptr, text.len);
    while (n > 0) {
        size_t part = n < sizeof(piece) ? n : sizeof(piece);

        buf_clear(&text);
        buf_printf(&text, "%zx\r\n", part);
        if (chunked)
            client_send_bytes(fd, text.ptr, text.len);
        client_send_bytes(fd, piece, part);
        if (chunked)
            client_send(fd, "\r\n");
        n -= part;
    }
    if (chunked)
        client_send(fd, "0\r\n\r\n");
    buf_fini(&text);
}

static const struct body_row {
    size_t n;
    bool chunked;
    int status;
    const char *echo;
} bodies[] = {
    {0, true, 200, "body=0\n"},
    {100000, true, 200, "body=100000\n"},
    {LIMIT_FORM_BYTES, false, 200, "body=10485760\n"},
    {LIMIT_FORM_BYTES, true, 200, "body=10485760\n"},
    {LIMIT_FORM_BYTES + 1, false, 400, "body=0 too large\n"},
    {LIMIT_FORM_BYTES + 1, true, 400, "body=0 too large\n"},
    {LIMIT_DRAIN_BYTES, true, 400, "body=0 too large\n"},
};

START_TEST(bodies_up_to_the_limit)
{
    const struct body_row *row = &bodies[_i];
    struct answer a = {0};
    int fd = client_open();

    put(fd, "Content-Type: text/x\r\n", row->n, row->chunked);
    client_read(fd, "PUT", &a);
    ck_assert_int_eq(a.status, row->status);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&a.body), row->echo));
    ck_assert_ptr_nonnull(strstr(buf_cstr(&a.body), "type=text/x"));
    ask(fd, "GET", "GET /echo HTTP/1.1\r\n" HOST "\r\n", 200, &a); /* the connection stays */
    answer_fini(&a);
    close(fd);
}
END_TEST

START_TEST(far_too_large_is_refused_before_it_comes)
{
    struct answer a = {0};
    int fd = client_open();
    char text[128];

    snprintf(text, sizeof(text),
             "PUT /echo HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: %d\r\n\r\n",
             LIMIT_DRAIN_BYTES + 1);
    ask(fd, "PUT", text, 400, &a);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&a.body), "too large"));
    ck_assert_str_eq(answer_header(&a, "Connection"), "close");
    ck_assert(client_at_end(fd));
    answer_fini(&a);
    close(fd);
}
END_TEST

START_TEST(endless_chunks_are_answered)
{
    static char chunk[65536 + 9];
    struct answer a = {0};
    int fd = client_open();

    memcpy(chunk, "10000\r\n", 7);
    memset(chunk + 7, 'v', 65536);
    memcpy(chunk + 7 + 65536, "\r\n", 2);
    client_send(fd, "PUT /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    for (unsigned sent = 0; sent < 2 * LIMIT_DRAIN_BYTES; sent += sizeof(chunk))
        client_send_bytes(fd, chunk, sizeof(chunk)); /* read off, without a reset */
    client_read_head(fd, &a);
    ck_assert_int_eq(a.status, 413);
    ck_assert_str_eq(answer_header(&a, "Connection"), "close");
    answer_fini(&a);
    close(fd);
}
END_TEST

START_TEST(continue_is_sent_first)
{
    struct answer a = {0};
    int fd = client_open();

    client_send(fd,
                "PUT /write HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n");
    client_read_head(fd, &a);
    ck_assert_int_eq(a.status, 100);
    ask(fd, "PUT", "ok", 201, &a);
    ck_assert(span_eq(buf_as_span(&a.body), SPAN("ok")));
    answer_fini(&a);
    close(fd);
}
END_TEST

/* libmicrohttpd 0.9.75 says "continue" to it and then shows it the bytes of the next one; 1.0 says
 * it only where a body is to come. */
START_TEST(continue_without_body)
{
    struct answer a = {0};
    int fd = client_open();

    client_send(fd, "PUT /echo HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n\r\n"
                    "GET /size/3 HTTP/1.1\r\n" HOST "\r\n");
#if MHD_VERSION < 0x01000000
    client_read_head(fd, &a);
    ck_assert_int_eq(a.status, 100);
#endif
    client_read(fd, "PUT", &a);
    ck_assert_int_eq(a.status, 200);
    client_read(fd, "GET", &a);
    ck_assert_int_eq(a.status, 200);
    ck_assert(span_eq(buf_as_span(&a.body), SPAN("abc")));
    answer_fini(&a);
    close(fd);
}
END_TEST

/* Data and its end in one packet: the answer comes, and the connection does not stay. */
START_TEST(half_closed_client_is_answered)
{
    struct answer a = {0};
    int fd = client_open();

    client_send(fd, "PUT /write HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nok");
    shutdown(fd, SHUT_WR);
    client_read(fd, "PUT", &a);
    ck_assert_int_eq(a.status, 201);
    ck_assert(client_at_end(fd));
    answer_fini(&a);
    close(fd);
}
END_TEST

TCase *case_requests(void)
{
    TCase *c = tcase_create("requests");

    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, bench_up, bench_down);
    tcase_add_test(c, reply_is_what_go_writes);
    tcase_add_test(c, same_replies);
    tcase_add_test(c, target_arrives_as_sent);
    tcase_add_test(c, many_query_pairs);
    tcase_add_test(c, pipelined_requests_keep_their_order);
    tcase_add_loop_test(c, long_bodies_are_chunked, 0, (int)CP_COUNT(lengths));
    tcase_add_test(c, http10_keeps_alive_when_asked);
    tcase_add_loop_test(c, listing_comes_in_pieces, 0, (int)CP_COUNT(listings));
    tcase_add_test(c, head_of_a_listing_renders_nothing);
    tcase_add_test(c, listing_of_a_client_that_leaves);
    tcase_add_loop_test(c, bodies_up_to_the_limit, 0, (int)CP_COUNT(bodies));
    tcase_add_test(c, far_too_large_is_refused_before_it_comes);
    tcase_add_test(c, endless_chunks_are_answered);
    tcase_add_test(c, continue_is_sent_first);
    tcase_add_test(c, continue_without_body);
    tcase_add_test(c, half_closed_client_is_answered);
    return c;
}
