/* Writes and quorum reads: suspended until the engine has answered. */
#include "client.h"
#include "test_http.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define PUT_OK  "PUT /write HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok"
#define GET_ONE "GET /size/1 HTTP/1.1\r\nHost: x\r\n\r\n"

START_TEST(write_is_answered_when_the_engine_has)
{
    struct answer a = {0};
    int fd = client_open(), other = client_open();

    fake_hold(b.engine, true);
    client_send(fd, PUT_OK);
    UNTIL(fake_waiting(b.engine) == 1);
    ask(other, "GET", GET_ONE, 200, &a); /* the worker is free meanwhile */
    fake_hold(b.engine, false);
    client_read(fd, "PUT", &a);
    ck_assert_int_eq(a.status, 201);
    ck_assert_str_eq(answer_header(&a, "X-Etcd-Index"), "7");
    ck_assert(span_eq(buf_as_span(&a.body), SPAN("ok")));
    answer_fini(&a);
    close(fd);
    close(other);
}
END_TEST

START_TEST(full_engine_is_503)
{
    struct answer a = {0};
    int fd = client_open();

    fake_refuse(b.engine, 1);
    ask(fd, "PUT", PUT_OK, 503, &a);
    ck_assert_str_eq(answer_header(&a, "Retry-After"), "1");
    ck_assert(span_eq(buf_as_span(&a.body), SPAN("etcdserver: too many requests")));
    ask(fd, "PUT", PUT_OK, 201, &a);
    ck_assert_ptr_null(answer_header(&a, "Retry-After"));
    answer_fini(&a);
    close(fd);
}
END_TEST

#define READ_ONE "GET /read/size/3 HTTP/1.1\r\nHost: x\r\n\r\n"

START_TEST(quorum_read_is_answered_when_the_engine_has)
{
    struct answer a = {0};
    int fd = client_open(), other = client_open();

    fake_hold(b.engine, true);
    client_send(fd, READ_ONE);
    UNTIL(fake_waiting(b.engine) == 1);
    ask(other, "GET", GET_ONE, 200, &a);
    fake_hold(b.engine, false);
    client_read(fd, "GET", &a);
    ck_assert_int_eq(a.status, 200);
    ck_assert(span_eq(buf_as_span(&a.body), SPAN("abc")));
    for (int i = 0; i < 200; i++)
        client_send(fd, READ_ONE GET_ONE PUT_OK);
    for (int i = 0; i < 600; i++)
        client_read(fd, i % 3 == 2 ? "PUT" : "GET", &a);
    ask(fd, "GET", "GET /read/list/100000 HTTP/1.1\r\nHost: x\r\n\r\n", 200, &a);
    ck_assert_uint_eq(a.body.len, 100000);
    fake_refuse(b.engine, 1);
    ask(fd, "GET", READ_ONE, 503, &a);
    ck_assert_str_eq(answer_header(&a, "Retry-After"), "1");
    ck_assert(span_eq(buf_as_span(&a.body), SPAN("etcdserver: too many requests")));
    answer_fini(&a);
    close(fd);
    close(other);
}
END_TEST

START_TEST(client_that_leaves_a_quorum_read)
{
    struct door_stats st;
    int fd = client_open();

    fake_hold(b.engine, true);
    client_send(fd, READ_ONE);
    UNTIL(fake_waiting(b.engine) == 1);
    client_gone(fd);
    fake_hold(b.engine, false);
    UNTIL((door_stats(b.door, &st), st.connections == 0));
}
END_TEST

/* What the engine gives back while the door is drained is refused: there may be no engine any more.
 */
START_TEST(quorum_read_and_a_drain)
{
    struct answer a = {0};
    int fd = client_open();

    fake_hold(b.engine, true);
    client_send(fd, READ_ONE);
    UNTIL(fake_waiting(b.engine) == 1);
    door_drain(b.door, 1);
    fake_hold(b.engine, false);
    client_read(fd, "GET", &a);
    ck_assert_int_eq(a.status, 500);
    ck_assert(span_eq(buf_as_span(&a.body), SPAN("300 etcdserver: server stopped 0\n")));
    close(fd);
    answer_fini(&a);
}
END_TEST

START_TEST(client_that_leaves_a_write)
{
    struct door_stats st;
    int fds[20];

    fake_hold(b.engine, true);
    for (size_t i = 0; i < CP_COUNT(fds); i++) {
        fds[i] = client_open();
        client_send(fds[i], PUT_OK);
    }
    UNTIL(fake_waiting(b.engine) == CP_COUNT(fds));
    for (size_t i = 0; i < CP_COUNT(fds); i++)
        client_gone(fds[i]);
    fake_hold(b.engine, false);
    UNTIL((door_stats(b.door, &st), st.connections == 0));
}
END_TEST

#define MANY 200

/* libmicrohttpd's own loop stops when exactly 128 connections are ready at once; ours must not. */
START_TEST(many_connections_ready_at_once)
{
    static const int counts[] = {127, 128, 129, MANY};
    struct answer a = {0};
    int fds[MANY];

    for (size_t c = 0; c < CP_COUNT(counts); c++) {
        int n = counts[c];

        fake_hold(b.engine, true);
        for (int i = 0; i < n; i++) {
            fds[i] = client_open();
            client_send(fds[i], PUT_OK);
        }
        UNTIL(fake_waiting(b.engine) == (unsigned)n);
        fake_hold(b.engine, false);
        for (int i = 0; i < n; i++) {
            client_read(fds[i], "PUT", &a);
            ck_assert_int_eq(a.status, 201);
        }
        for (int i = 0; i < n; i++)
            client_send(fds[i], GET_ONE);
        for (int i = 0; i < n; i++) {
            client_read(fds[i], "GET", &a);
            ck_assert_int_eq(a.status, 200);
            close(fds[i]);
        }
    }
    answer_fini(&a);
}
END_TEST

START_TEST(writes_one_after_the_other)
{
    struct answer a = {0};
    int fd = client_open();

    for (int i = 0; i < 500; i++)
        ask(fd, "PUT", PUT_OK, 201, &a);
    for (int i = 0; i < 200; i++)
        client_send(fd, PUT_OK GET_ONE);
    for (int i = 0; i < 200; i++) {
        client_read(fd, "PUT", &a);
        ck_assert_int_eq(a.status, 201);
        client_read(fd, "GET", &a);
        ck_assert_int_eq(a.status, 200);
    }
    answer_fini(&a);
    close(fd);
}
END_TEST

static void one_worker(void)
{
    bench_start(1, 0);
}

TCase *case_writes(void)
{
    TCase *c = tcase_create("writes");

    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, one_worker, bench_down);
    tcase_add_test(c, write_is_answered_when_the_engine_has);
    tcase_add_test(c, full_engine_is_503);
    tcase_add_test(c, client_that_leaves_a_write);
    tcase_add_test(c, quorum_read_is_answered_when_the_engine_has);
    tcase_add_test(c, client_that_leaves_a_quorum_read);
    tcase_add_test(c, quorum_read_and_a_drain);
    tcase_add_test(c, many_connections_ready_at_once);
    tcase_add_test(c, writes_one_after_the_other);
    return c;
}
