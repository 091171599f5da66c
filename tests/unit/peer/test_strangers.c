/* Who is not let in at the peer port, and how many may knock for how long. */
#include "node.h"
#include "test_peer.h"

#include "proto/limits.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define STREAM      "/copse/v1/stream"
#define GET_VERSION "GET /version HTTP/1.1\r\nHost: x\r\n\r\n"

static const struct {
    const char *name, *headers;
    int status;
    const char *word; /* in the answer */
} strangers[] = {
    {"none of ours", "", 412, "headers of a copse member expected"},
    {"later version",
     "X-Copse-Wire: 2\r\nX-Copse-Cluster: cdf818194e3a8c32\r\nX-Copse-From: 1\r\nX-Copse-To: "
     "2\r\n",
     412, "version 1 of the peer protocol expected, not 2"},
    {"other cluster",
     "X-Copse-Wire: 1\r\nX-Copse-Cluster: abc\r\nX-Copse-From: 1\r\nX-Copse-To: 2\r\n", 412,
     "cluster cdf818194e3a8c32 expected, not abc"},
    {"other member",
     "X-Copse-Wire: 1\r\nX-Copse-Cluster: cdf818194e3a8c32\r\nX-Copse-From: 1\r\nX-Copse-To: "
     "3\r\n",
     412, "this is member 2, not 3"},
    {"same member",
     "X-Copse-Wire: 1\r\nX-Copse-Cluster: cdf818194e3a8c32\r\nX-Copse-From: 2\r\nX-Copse-To: "
     "2\r\n",
     412, "two processes run with the same identity"},
    {"no number",
     "X-Copse-Wire: 1\r\nX-Copse-Cluster: cdf818194e3a8c32\r\nX-Copse-From: x\r\nX-Copse-To: "
     "2\r\n",
     412, "headers of a copse member expected"},
    {"too long a number",
     "X-Copse-Wire: 1\r\nX-Copse-Cluster: 00cdf818194e3a8c32\r\nX-Copse-From: 1\r\nX-Copse-To: "
     "2\r\n",
     412, "headers of a copse member expected"},
    {"no session",
     "X-Copse-Wire: 1\r\nX-Copse-Cluster: cdf818194e3a8c32\r\nX-Copse-From: 1\r\nX-Copse-To: "
     "2\r\n",
     412, "headers of a copse stream expected"},
    {"removed",
     "X-Copse-Wire: 1\r\nX-Copse-Cluster: cdf818194e3a8c32\r\nX-Copse-From: 5\r\nX-Copse-To: "
     "2\r\n",
     410, "member 5 was removed"},
};

START_TEST(strangers_are_told_why)
{
    struct node b;
    struct buf rq = {0};
    char status[16], *reply;
    int fd;

    node_init(&b, 2);
    b.gone = 5;
    node_open(&b);
    fd = raw_dial(&b);
    buf_printf(&rq, "POST " STREAM " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n%s\r\n",
               strangers[_i].headers);
    raw_send(fd, rq.ptr, rq.len);
    reply = raw_rest(fd);
    snprintf(status, sizeof(status), " %d ", strangers[_i].status);
    ck_assert_msg(strstr(reply, status) != NULL, "%s: %s", strangers[_i].name, reply);
    ck_assert_msg(strstr(reply, strangers[_i].word) != NULL, "%s: %s", strangers[_i].name, reply);
    close(fd);
    mem_free(reply);
    buf_fini(&rq);
    node_fini(&b);
}
END_TEST

START_TEST(another_cluster_gets_no_stream)
{
    struct node a, b;

    node_init(&a, 1);
    node_init(&b, 2);
    node_close(&b);
    b.cluster_id = 7;
    node_close(&b);
    node_open(&b);
    node_meet(&a, &b);
    /* Long enough for several tries: none may succeed. */
    for (unsigned i = 0; i < 200; i++) {
        ck_assert(!node_offer(&a, 2, i));
        pause_ms(1);
    }
    node_fini(&a);
    node_fini(&b);
}
END_TEST

/* ---- how long they may stay ---- */

static struct {
    _Atomic uint64_t mono;
} fake;

static uint64_t fake_mono(void *ctx)
{
    (void)ctx;
    return fake.mono;
}

static int64_t fake_wall(void *ctx)
{
    (void)ctx;
    return 0;
}

static const struct clock fake_clock = {fake_mono, fake_wall, NULL};

/* The whole answer is read. */
static void ask_on(int fd)
{
    char text[sizeof("{\"etcdserver\":\"3\"}") - 1];

    raw_send(fd, GET_VERSION, strlen(GET_VERSION));
    ck_assert_int_eq(raw_status(fd), 200);
    ck_assert_int_eq(recv(fd, text, sizeof(text), MSG_WAITALL), (ssize_t)sizeof(text));
}

static void ask(const struct node *n)
{
    int fd = raw_dial(n);

    ask_on(fd);
    close(fd);
}

/* When the second one is answered, the door has looked at everybody since the time was changed. */
static void let_it_be(const struct node *n, uint64_t ms)
{
    fake.mono = ms * (uint64_t)NS_PER_MS;
    ask(n);
    ask(n);
}

static bool is_open(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

enum { BEGIN_MS = 50000, PATIENCE_MS = LIMIT_PEER_HEAD_S * 1000 };

/* Neither silence nor a head that trickles is suffered for long, nor a body that nobody wants; a
 * stream stays, and so does who begins again after an answer. */
START_TEST(strangers_have_limited_time)
{
    struct node b;
    int silent, trickles, body, stream, again;

    fake.mono = (uint64_t)BEGIN_MS * NS_PER_MS;
    node_init(&b, 2);
    b.clock = &fake_clock;
    node_close(&b);
    node_open(&b);
    silent = raw_dial(&b);
    trickles = raw_dial(&b);
    body = raw_dial(&b);
    stream = raw_dial(&b);
    again = raw_dial(&b);
    raw_send(trickles, GET_VERSION, 10);
    raw_post(body, &b, "/elsewhere", 1, 100, "");
    raw_post(stream, &b, STREAM, 1, -1,
             "Expect: 100-continue\r\nX-Copse-Session: 1\r\nX-Copse-Number: 1\r\n");
    ck_assert_int_eq(raw_status(stream), 100);
    ask_on(again);
    let_it_be(&b, BEGIN_MS);

    let_it_be(&b, BEGIN_MS + PATIENCE_MS - 1);
    ck_assert(is_open(silent) && is_open(trickles) && is_open(body) && is_open(again));
    raw_send(trickles, &GET_VERSION[10], 1);
    raw_send(body, "x", 1);
    ask_on(again);

    let_it_be(&b, BEGIN_MS + PATIENCE_MS + 999); /* it looks each second */
    raw_wait_end(silent);
    raw_wait_end(trickles);
    raw_wait_end(body);
    ck_assert(is_open(stream) && is_open(again));
    let_it_be(&b, BEGIN_MS + 2 * PATIENCE_MS + 999);
    raw_wait_end(again);
    ck_assert(is_open(stream));
    close(stream);
    node_fini(&b);
}
END_TEST

START_TEST(a_crowd_is_kept_out)
{
    struct node b;
    int fds[LIMIT_PEER_CONNECTIONS + 1];

    node_init(&b, 2);
    node_open(&b);
    for (unsigned i = 0; i < LIMIT_PEER_CONNECTIONS; i++) {
        fds[i] = raw_dial(&b);
        raw_send(fds[i], GET_VERSION, strlen(GET_VERSION));
        ck_assert_int_eq(raw_status(fds[i]), 200);
    }
    fds[LIMIT_PEER_CONNECTIONS] = raw_dial(&b);
    raw_wait_end(fds[LIMIT_PEER_CONNECTIONS]);
    for (unsigned i = 0; i < LIMIT_PEER_CONNECTIONS; i++)
        close(fds[i]);
    /* Their places are free again once the ends were seen. */
    for (int status = 0; status != 200;) {
        int fd = raw_dial(&b);

        raw_send(fd, GET_VERSION, strlen(GET_VERSION));
        status = raw_status(fd);
        close(fd);
    }
    node_fini(&b);
}
END_TEST

TCase *tcase_strangers(void)
{
    TCase *t = tcase_create("strangers");

    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, strangers_are_told_why, 0, CP_COUNT(strangers));
    tcase_add_test(t, another_cluster_gets_no_stream);
    tcase_add_test(t, strangers_have_limited_time);
    tcase_add_test(t, a_crowd_is_kept_out);
    return t;
}
