/* Listening, limits on connections, draining and stopping. */
#include "client.h"
#include "test_http.h"

#include "base/listen.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define PUT_OK  "PUT /write HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok"
#define GET_ONE "GET /size/1 HTTP/1.1\r\nHost: x\r\n\r\n"
#define STREAM  "GET /watch/a?stream HTTP/1.1\r\nHost: x\r\n\r\n"

START_TEST(port_in_use_says_what_to_do)
{
    struct err e = {0};
    int fd;
    char want[256];

    bench_up();
    ck_assert_int_lt(
        listen_open(&(struct listen_at){"127.0.0.1", b.port, "listen-client-urls"}, &fd, 1, &e), 0);
    snprintf(want, sizeof(want),
             "listen on 127.0.0.1:%s: Address already in use; stop what listens there or choose "
             "another --listen-client-urls",
             b.port);
    ck_assert_str_eq(e.text, want);
    ck_assert_int_lt(
        listen_open(&(struct listen_at){"203.0.113.1", "0", "listen-client-urls"}, &fd, 1, &e), 0);
    ck_assert_ptr_nonnull(strstr(e.text, "this machine does not have the address"));
    ck_assert_int_lt(
        listen_open(&(struct listen_at){"127.0.0.1", "not a port", "listen-client-urls"}, &fd, 1,
                    &e),
        0);
    ck_assert_ptr_nonnull(strstr(e.text, "listen on 127.0.0.1:not a port: "));
    bench_down();
}
END_TEST

START_TEST(several_addresses_share_a_port)
{
    struct err e = {0};
    int fds[4];
    int n = listen_open(&(struct listen_at){"", "0", "listen-client-urls"}, fds, 4, &e);

    ck_assert_msg(n >= 1, "%s", e.text);
    while (n > 0)
        close(fds[--n]);
}
END_TEST

START_TEST(connections_beyond_the_limit_get_503)
{
    struct answer a = {0};
    struct door_stats st;
    int one, two, three;

    bench_start(2, 2);
    one = client_open();
    two = client_open();
    ask(one, "GET", GET_ONE, 200, &a);
    ask(two, "GET", GET_ONE, 200, &a);
    three = client_open();
    client_read(three, "GET", &a);
    ck_assert_int_eq(a.status, 503);
    ck_assert(client_at_end(three));
    close(three);
    close(two);
    UNTIL((door_stats(b.door, &st), st.connections == 1));
    three = client_open();
    ask(three, "GET", GET_ONE, 200, &a);
    ask(one, "GET", GET_ONE, 200, &a);
    door_stats(b.door, &st);
    ck_assert_uint_eq(st.refused, 1);
    close(one);
    close(three);
    answer_fini(&a);
    bench_down();
}
END_TEST

static void *let_go(void *unused)
{
    struct answer a = {0};
    int idle = *(int *)unused;

    /* The end of the idle connection shows that draining has begun. */
    ck_assert(client_at_end(idle));
    fake_hold(b.engine, false);
    answer_fini(&a);
    return NULL;
}

START_TEST(drain_answers_writes_and_ends_watches)
{
    struct answer a = {0};
    int idle, writer, watcher, uploader;
    pthread_t t;

    bench_up();
    idle = client_open();
    writer = client_open();
    watcher = client_open();
    uploader = client_open();
    ask(idle, "GET", GET_ONE, 200, &a);
    client_send(watcher, STREAM);
    client_read_head(watcher, &a);
    client_send(
        uploader,
        "PUT /write HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    client_read_head(uploader, &a); /* 100: its request has begun */
    fake_hold(b.engine, true);
    client_send(writer, PUT_OK);
    UNTIL(fake_waiting(b.engine) == 1 && fake_watches(b.engine) == 1);
    pthread_create(&t, NULL, let_go, &idle);
    door_drain(b.door, 20000);
    pthread_join(t, NULL);

    client_read(writer, "PUT", &a);
    ck_assert_int_eq(a.status, 201);
    ck_assert(client_at_end(writer));
    ck_assert(!client_read_chunk(watcher, &a));
    ck_assert(!a.cut);
    ck_assert(client_at_end(watcher));
    ask(uploader, "PUT", "ok", 500, &a);
    ck_assert(span_eq(buf_as_span(&a.body), SPAN("300 etcdserver: server stopped 0\n")));
    ck_assert_str_eq(answer_header(&a, "Connection"), "close");
    ck_assert(client_at_end(uploader));
    ck_assert_uint_eq(fake_watches(b.engine), 0);
    close(idle);
    close(writer);
    close(watcher);
    close(uploader);
    answer_fini(&a);
    bench_down();
}
END_TEST

/* The grace is over while a write waits: what the engine answers later is still delivered before
 * the end. */
START_TEST(drain_gives_up_after_its_grace)
{
    struct answer a = {0};
    int fd;

    bench_up();
    fd = client_open();
    fake_hold(b.engine, true);
    client_send(fd, PUT_OK);
    UNTIL(fake_waiting(b.engine) == 1);
    door_drain(b.door, 1);
    fake_hold(b.engine, false);
    client_read(fd, "PUT", &a);
    ck_assert_int_eq(a.status, 201);
    close(fd);
    answer_fini(&a);
    bench_down();
}
END_TEST

START_TEST(stop_with_clients_of_every_kind)
{
    struct answer a = {0};
    int fds[40];

    bench_start(3, 0);
    for (size_t i = 0; i < CP_COUNT(fds); i++) {
        fds[i] = client_open();
        switch (i % 5) {
        case 0:
            client_send(fds[i], STREAM);
            client_read_head(fds[i], &a);
            break;
        case 1:
            ask(fds[i], "GET", GET_ONE, 200, &a);
            break;
        case 2:
            client_send(fds[i], "PUT /write HTTP/1.1\r\nHost: x\r\nContent-Le");
            break;
        case 3:
            client_send(fds[i], "GET /list/50000000 HTTP/1.1\r\nHost: x\r\n\r\n");
            client_read_head(fds[i], &a);
            break;
        default:
            break;
        }
    }
    door_drain(b.door, 1);
    bench_down();
    for (size_t i = 0; i < CP_COUNT(fds); i++)
        close(fds[i]);
    answer_fini(&a);
}
END_TEST

START_TEST(new_and_stop_without_start)
{
    struct err e = {0};
    struct door *d;
    struct door_conf conf = {.workers = 3};

    ck_assert_int_eq(door_new(&d, &conf, &e), 0);
    door_turn_end(d);
    door_drain(d, 1000);
    door_stop(d);
}
END_TEST

TCase *case_life(void)
{
    TCase *c = tcase_create("life");

    tcase_set_timeout(c, 60);
    tcase_add_test(c, port_in_use_says_what_to_do);
    tcase_add_test(c, several_addresses_share_a_port);
    tcase_add_test(c, connections_beyond_the_limit_get_503);
    tcase_add_test(c, drain_answers_writes_and_ends_watches);
    tcase_add_test(c, drain_gives_up_after_its_grace);
    tcase_add_test(c, stop_with_clients_of_every_kind);
    tcase_add_test(c, new_and_stop_without_start);
    return c;
}
