/* Watches: long polls, streams, clients that leave or do not keep up. */
#include "client.h"
#include "proto/limits.h"
#include "test_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define GET_ONE "GET /size/1 HTTP/1.1\r\nHost: x\r\n\r\n"
#define KEY     "/a"

/* The two ways in which a watch waits: on a socket of its own, or suspended in libmicrohttpd, for
 * which anything but a plain "Connection" is a reason. */
enum { WAIT_TAP, WAIT_SUSPENDED, WAITS };

static void watch(int fd, int wait, const char *query)
{
    char text[256];

    snprintf(text, sizeof(text), "GET /watch/a%s HTTP/1.1\r\nHost: x\r\n%s\r\n", query,
             wait == WAIT_TAP ? "" : "Connection: keep-alive, x\r\n");
    client_send(fd, text);
}

static unsigned open_watches(void)
{
    struct door_stats st;

    door_stats(b.door, &st);
    return (unsigned)st.watches;
}

static unsigned taps(void)
{
    struct door_stats st;

    door_stats(b.door, &st);
    return (unsigned)st.taps;
}

static uint64_t overflows(void)
{
    struct door_stats st;

    door_stats(b.door, &st);
    return st.overflows;
}

START_TEST(long_poll_sends_its_head_at_once)
{
    struct answer a = {0};
    int fd = client_open();

    watch(fd, _i, "");
    client_read_head(fd, &a);
    ck_assert_int_eq(a.status, 200);
    ck_assert(a.chunked);
    ck_assert_str_eq(answer_header(&a, "X-Etcd-Index"), "42");
    fake_emit(b.engine, KEY, 3, 0); /* one of them is for it */
    while (client_read_chunk(fd, &a))
        continue;
    ck_assert(!a.cut);
    ck_assert(span_eq(buf_as_span(&a.body), SPAN("{\"index\":1,\"pad\":\"\"}\n")));
    UNTIL(fake_watches(b.engine) == 0);
    ask(fd, "GET", GET_ONE, 200, &a); /* the connection can be used again */
    watch(fd, _i, "");
    client_read_head(fd, &a);
    fake_emit(b.engine, KEY, 1, 0);
    while (client_read_chunk(fd, &a))
        continue;
    ck_assert(!a.cut);
    answer_fini(&a);
    close(fd);
}
END_TEST

START_TEST(long_poll_from_history)
{
    struct answer a = {0};
    int fd = client_open();

    watch(fd, _i, "?past=1");
    client_read(fd, "GET", &a);
    ck_assert_int_eq(a.status, 200);
    ck_assert(a.chunked && !a.cut);
    ck_assert(span_eq(buf_as_span(&a.body), SPAN("{\"index\":1,\"pad\":\"\"}\n")));
    UNTIL(fake_watches(b.engine) == 0);
    ask(fd, "GET", "GET /watch/a?past=1 HTTP/1.0\r\n\r\n", 200, &a);
    ck_assert(!a.chunked && !a.cut);
    ck_assert(span_eq(buf_as_span(&a.body), SPAN("{\"index\":1,\"pad\":\"\"}\n")));
    answer_fini(&a);
    close(fd);
}
END_TEST

/* A socket that went out of libmicrohttpd and back, again and again; what the client sends
 * meanwhile is kept. */
START_TEST(long_polls_one_after_the_other)
{
    struct answer a = {0};
    int fd = client_open();

    for (unsigned i = 0; i < 20; i++) {
        client_send(fd, "PUT /write HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok");
        client_read(fd, "PUT", &a);
        ck_assert_int_eq(a.status, 201);
        watch(fd, _i, "");
        client_read_head(fd, &a);
        UNTIL(taps() == (_i == WAIT_TAP));
        client_send(fd, GET_ONE);
        fake_emit(b.engine, KEY, 1, i * 100);
        while (client_read_chunk(fd, &a))
            continue;
        ck_assert(!a.cut);
        client_read(fd, "GET", &a);
        ck_assert_int_eq(a.status, 200);
    }
    answer_fini(&a);
    close(fd);
}
END_TEST

/* The next request has been read together with the watch: its bytes are not lost. */
START_TEST(request_behind_a_watch)
{
    struct answer a = {0};
    int fd = client_open();

    client_send(fd, "GET /watch/a HTTP/1.1\r\nHost: x\r\n\r\n" GET_ONE);
    client_read_head(fd, &a);
    ck_assert_uint_eq(taps(), 0);
    fake_emit(b.engine, KEY, 1, 0);
    while (client_read_chunk(fd, &a))
        continue;
    ck_assert(!a.cut);
    client_read(fd, "GET", &a);
    ck_assert_int_eq(a.status, 200);
    answer_fini(&a);
    close(fd);
}
END_TEST

START_TEST(refused_watch)
{
    struct answer a = {0};
    int fd = client_open();

    watch(fd, _i, "?bad");
    client_read(fd, "GET", &a);
    ck_assert_int_eq(a.status, 400);
    ck_assert(span_eq(buf_as_span(&a.body), SPAN("cleared\n")));
    fake_refuse(b.engine, 1);
    watch(fd, _i, "");
    client_read(fd, "GET", &a);
    ck_assert_int_eq(a.status, 503);
    ck_assert_str_eq(answer_header(&a, "Retry-After"), "1");
    ask(fd, "GET", GET_ONE, 200, &a);
    answer_fini(&a);
    close(fd);
}
END_TEST

START_TEST(stream_delivers_in_order)
{
    struct answer a = {0};
    struct buf want = {0};
    int fd = client_open();

    watch(fd, _i, "?stream");
    client_read_head(fd, &a);
    for (unsigned round = 0; round < 20; round++) {
        fake_emit(b.engine, KEY, 10, 0);
        for (unsigned i = 1; i <= 10; i++)
            buf_printf(&want, "{\"index\":%u,\"pad\":\"\"}\n", i);
        while (a.body.len < want.len)
            ck_assert(client_read_chunk(fd, &a));
    }
    ck_assert(span_eq(buf_as_span(&a.body), buf_as_span(&want)));
    close(fd);
    UNTIL(fake_watches(b.engine) == 0);
    buf_fini(&want);
    answer_fini(&a);
}
END_TEST

/* What came in the turn that ended it is not lost. */
START_TEST(end_comes_behind_the_events)
{
    struct answer a = {0};
    struct buf want = {0};
    int fd = client_open();

    watch(fd, _i, "?stream");
    client_read_head(fd, &a);
    UNTIL(fake_watches(b.engine) == 1 && taps() == (_i == WAIT_TAP));
    fake_end(b.engine, KEY, 3);
    for (unsigned i = 1; i <= 3; i++)
        buf_printf(&want, "{\"index\":%u,\"pad\":\"\"}\n", i);
    while (client_read_chunk(fd, &a))
        continue;
    ck_assert(span_eq(buf_as_span(&a.body), buf_as_span(&want)));
    ck_assert(!a.cut);
    close(fd);
    UNTIL(fake_watches(b.engine) == 0);
    buf_fini(&want);
    answer_fini(&a);
}
END_TEST

/* More than the limit in one turn, and an event larger than any buffer: a client that reads gets
 * all of it. */
START_TEST(bursts_reach_a_client_that_reads)
{
    struct answer a = {0};
    int fd = client_open();

    watch(fd, _i, "?stream");
    client_read_head(fd, &a);
    fake_emit(b.engine, KEY, 10 * LIMIT_WATCHER_EVENTS, 20);
    for (unsigned lines = 0; lines < 10 * LIMIT_WATCHER_EVENTS;) {
        size_t from = a.body.len;

        ck_assert(client_read_chunk(fd, &a));
        for (size_t i = from; i < a.body.len; i++)
            lines += a.body.ptr[i] == '\n';
    }
    buf_clear(&a.body);
    fake_emit(b.engine, KEY, 1, 5000000);
    while (a.body.len < 5000000)
        ck_assert(client_read_chunk(fd, &a));
    ck_assert_uint_eq(overflows(), 0);
    close(fd);
    answer_fini(&a);
}
END_TEST

START_TEST(http10_stream_is_raw)
{
    static const char want[] = "{\"index\":1,\"pad\":\"\"}\n";
    struct answer a = {0};
    char got[sizeof(want)];
    int fd = client_open();

    client_send(fd, "GET /watch/a?stream HTTP/1.0\r\n\r\n");
    client_read_head(fd, &a);
    ck_assert(!a.chunked);
    ck_assert(span_starts(buf_as_span(&a.head), SPAN("HTTP/1.0 200")));
    fake_emit(b.engine, KEY, 1, 0);
    ck_assert_int_eq(recv(fd, got, sizeof(want) - 1, MSG_WAITALL), sizeof(want) - 1);
    ck_assert_mem_eq(got, want, sizeof(want) - 1);
    close(fd);

    fd = client_open();
    client_send(fd, "GET /watch/a HTTP/1.0\r\n\r\n");
    client_read_head(fd, &a);
    fake_emit(b.engine, KEY, 1, 0);
    ck_assert_int_eq(recv(fd, got, sizeof(want) - 1, MSG_WAITALL), sizeof(want) - 1);
    ck_assert(client_at_end(fd));
    close(fd);

    fd = client_open();
    client_send(fd, "GET /watch/a HTTP/1.0\r\n\r\n");
    client_read_head(fd, &a);
    shutdown(fd, SHUT_WR); /* ends without a byte of body */
    ck_assert(client_at_end(fd));
    answer_fini(&a);
    close(fd);
}
END_TEST

/* As in v2: the end of the client's sending half ends the watch, cleanly. */
START_TEST(half_close_ends_a_watch)
{
    struct answer a = {0};
    int fd = client_open();

    watch(fd, _i, "?stream");
    client_read_head(fd, &a);
    shutdown(fd, SHUT_WR);
    ck_assert(!client_read_chunk(fd, &a));
    ck_assert(!a.cut);
    ck_assert(client_at_end(fd));
    UNTIL(fake_watches(b.engine) == 0);
    answer_fini(&a);
    close(fd);
}
END_TEST

/* A client that does not read: what it has not got counts, the connection ends, the loss is
 * counted. */
START_TEST(slow_stream_is_cut)
{
    struct answer a = {0};
    unsigned sent = 0;
    int fd = client_open();

    watch(fd, _i, "?stream");
    client_read_head(fd, &a);
    while (overflows() == 0) {
        fake_emit(b.engine, KEY, 1, 50000);
        sent++;
        ck_assert_uint_lt(sent, 100000);
    }
    ck_assert_uint_gt(sent, LIMIT_WATCHER_EVENTS);
    UNTIL(fake_watches(b.engine) == 0);
    while (client_read_chunk(fd, &a))
        buf_clear(&a.body);
    ck_assert(a.cut);
    ck_assert_uint_eq(overflows(), 1);
    answer_fini(&a);
    close(fd);
}
END_TEST

/* History may be longer than the limit of live events. */
START_TEST(long_history_is_no_overflow)
{
    struct answer a = {0};
    unsigned lines = 0;
    int fd = client_open();

    client_send(fd, "GET /watch/a?stream HTTP/1.1\r\nHost: x\r\n\r\n");
    client_read_head(fd, &a);
    close(fd);
    fd = client_open();
    client_send(fd, "GET /watch/a?past=900 HTTP/1.0\r\n\r\n");
    client_read_head(fd, &a);
    for (char c; recv(fd, &c, 1, 0) == 1;)
        lines += c == '\n';
    ck_assert_uint_eq(lines, 1); /* a long poll takes the first */
    ck_assert_uint_eq(overflows(), 0);
    answer_fini(&a);
    close(fd);
}
END_TEST

static unsigned crowd(void)
{
    struct rlimit fds;

    getrlimit(RLIMIT_NOFILE, &fds);
    return fds.rlim_cur > 11000 ? 5000 : (unsigned)(fds.rlim_cur - 200) / 3;
}

START_TEST(crowd_comes_and_goes)
{
    unsigned n = crowd();
    struct answer a = {0};
    struct door_stats st;
    int *fds = malloc(n * sizeof(int));

    for (unsigned i = 0; i < n; i++) {
        fds[i] = client_open();
        watch(fds[i], _i, i % 2 == 0 ? "?stream" : "");
    }
    UNTIL(fake_watches(b.engine) == n && open_watches() == n);
    for (unsigned i = 0; i < n; i++)
        client_read_head(fds[i], &a);
    if (_i == WAIT_TAP)
        UNTIL(taps() == n);
    else
        ck_assert_uint_eq(taps(), 0);
    fake_emit(b.engine, KEY, 1, 0);
    for (unsigned i = 0; i < n; i++)
        ck_assert(client_read_chunk(fds[i], &a));
    for (unsigned i = 0; i < n; i++) {
        if (i % 3 == 0)
            client_gone(fds[i]);
        else
            close(fds[i]);
    }
    UNTIL(fake_watches(b.engine) == 0 && open_watches() == 0);
    UNTIL((door_stats(b.door, &st), st.connections == 0));
    free(fds);
    answer_fini(&a);
}
END_TEST

/* Clients that leave at every stage of opening, while events come. */
START_TEST(clients_leave_at_any_time)
{
    unsigned seed = 7;
    struct door_stats st;

    for (unsigned i = 0; i < 1500; i++) {
        int fd = client_open();

        seed = seed * 1103515245 + 12345;
        watch(fd, _i, (seed >> 16) % 2 == 0 ? "?stream" : "");
        if ((seed >> 17) % 3 == 0)
            fake_emit(b.engine, KEY, 2, 0);
        if ((seed >> 20) % 2 == 0)
            client_gone(fd);
        else
            close(fd);
    }
    UNTIL((door_stats(b.door, &st), st.connections == 0 && st.watches == 0));
    UNTIL(fake_watches(b.engine) == 0);
}
END_TEST

TCase *case_watches(void)
{
    TCase *c = tcase_create("watches");

    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, bench_up, bench_down);
    tcase_add_loop_test(c, long_poll_sends_its_head_at_once, 0, WAITS);
    tcase_add_loop_test(c, long_poll_from_history, 0, WAITS);
    tcase_add_loop_test(c, long_polls_one_after_the_other, 0, WAITS);
    tcase_add_test(c, request_behind_a_watch);
    tcase_add_loop_test(c, refused_watch, 0, WAITS);
    tcase_add_loop_test(c, stream_delivers_in_order, 0, WAITS);
    tcase_add_loop_test(c, end_comes_behind_the_events, 0, WAITS);
    tcase_add_loop_test(c, bursts_reach_a_client_that_reads, 0, WAITS);
    tcase_add_test(c, http10_stream_is_raw);
    tcase_add_loop_test(c, half_close_ends_a_watch, 0, WAITS);
    tcase_add_loop_test(c, slow_stream_is_cut, 0, WAITS);
    tcase_add_test(c, long_history_is_no_overflow);
    tcase_add_loop_test(c, crowd_comes_and_goes, 0, WAITS);
    tcase_add_loop_test(c, clients_leave_at_any_time, 0, WAITS);
    return c;
}
