/* Streams between members: order, each once, bounds, breaks, and who is not let in. */
#include "node.h"
#include "test_peer.h"

#include "base/crc32c.h"
#include "base/listen.h"
#include "proto/limits.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define STREAM "/copse/v1/stream"

static void check_run(struct node *n, uint64_t from, uint64_t first, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct frame *f = node_take(n);

        ck_assert_uint_eq(f->from, from);
        ck_assert_uint_eq(f->to, n->id);
        ck_assert_uint_eq(f->read.number, first + i);
        frame_free(f);
    }
}

START_TEST(all_come_in_order_and_once)
{
    struct node a, b;

    node_init(&a, 1);
    node_init(&b, 2);
    node_open(&a);
    node_open(&b);
    node_meet(&a, &b);
    for (uint64_t i = 0; i < 20000; i++)
        node_send(&a, 2, frame_numbered(1, 2, i));
    check_run(&b, 1, 0, 20000);
    ck_assert_uint_eq(node_count(&b), 0);
    node_fini(&a);
    node_fini(&b);
}
END_TEST

START_TEST(three_speak_with_each_other)
{
    struct node n[3];

    for (unsigned i = 0; i < 3; i++) {
        node_init(&n[i], i + 1);
        node_open(&n[i]);
    }
    for (unsigned i = 0; i < 3; i++) {
        struct wire_peer peers[2];

        for (unsigned j = 0, k = 0; j < 3; j++)
            if (j != i)
                peers[k++] =
                    (struct wire_peer){.id = j + 1, .n_urls = 1, .urls = {span_of(n[j].url)}};
        node_tell(&n[i], peers, 2);
    }
    for (unsigned round = 0; round < 100; round++)
        for (unsigned i = 0; i < 3; i++)
            for (unsigned j = 0; j < 3; j++)
                if (i != j)
                    node_reach(&n[i], &n[j], round);
    for (unsigned i = 0; i < 3; i++)
        node_fini(&n[i]);
}
END_TEST

START_TEST(a_frame_of_any_size_passes)
{
    static const size_t sizes[] = {28, 1000, 65536, 131072, 1048576, LIMIT_ENTRY_BYTES};
    struct node a, b;

    node_init(&a, 1);
    node_init(&b, 2);
    node_open(&b);
    node_meet(&a, &b);
    for (size_t i = 0; i < CP_COUNT(sizes); i++)
        node_send(&a, 2, frame_sized(1, 2, sizes[i]));
    for (size_t i = 0; i < CP_COUNT(sizes); i++) {
        struct frame *want = frame_sized(1, 2, sizes[i]), *got = node_take(&b);

        ck_assert_uint_eq(got->forward.n, 1);
        ck_assert(
            span_eq(blob_span(want->forward.commands[0]), blob_span(got->forward.commands[0])));
        frame_free(want);
        frame_free(got);
    }
    node_fini(&a);
    node_fini(&b);
}
END_TEST

/* One that cannot be sent stays with the caller, and the stream goes on. */
START_TEST(a_frame_too_large_is_refused)
{
    struct node a, b;
    struct frame *f = frame_sized(1, 2, LIMIT_FRAME_BYTES);

    node_init(&a, 1);
    node_init(&b, 2);
    node_open(&b);
    node_meet(&a, &b);
    node_reach(&a, &b, 1);
    ck_assert(!a.wire->send(a.wire->ctx, 2, &f));
    ck_assert_ptr_nonnull(f);
    frame_free(f);
    node_reach(&a, &b, 2);
    node_fini(&a);
    node_fini(&b);
}
END_TEST

START_TEST(nothing_is_taken_for_nobody)
{
    struct node a;
    struct frame *f = frame_numbered(1, 2, 1);
    struct wire_peer homeless = {.id = 2};

    node_init(&a, 1);
    ck_assert(!a.wire->send(a.wire->ctx, 2, &f));
    node_tell(&a, &homeless, 1);
    ck_assert(!a.wire->send(a.wire->ctx, 2, &f));
    ck_assert(!a.wire->send_snapshot(a.wire->ctx, 2, &f, 1, 1));
    frame_free(f);
    node_fini(&a);
}
END_TEST

/* A peer that takes the stream and then reads nothing: what waits is bounded, and the others do not
 * notice. */
START_TEST(a_stuck_peer_costs_no_more_than_its_queue)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct listen_at at = {"127.0.0.1", "0", "listen-peer-urls"};
    struct node a, b;
    struct sockaddr_in addr;
    socklen_t len = sizeof(addr);
    char url[40];
    struct err e;
    int listener, fd, room = 65536;
    size_t sent = 0;

    node_init(&a, 1);
    node_init(&b, 2);
    node_open(&b);
    ck_assert_int_eq(listen_open(&at, &listener, 1, &e), 1);
    setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u", ntohs(addr.sin_port));

    struct wire_peer peers[] = {{.id = 2, .n_urls = 1, .urls = {span_of(b.url)}},
                                {.id = 3, .n_urls = 1, .urls = {span_of(url)}}};

    node_tell(&a, peers, 2);
    while ((fd = accept(listener, NULL, NULL)) < 0)
        pause_ms(1);
    raw_send(fd, go_on, sizeof(go_on) - 1);

    node_send(&a, 3, frame_sized(1, 3, 1048576));
    for (bool taken = true; taken;) {
        struct frame *f = frame_sized(1, 3, 1048576);

        taken = a.wire->send(a.wire->ctx, 3, &f);
        sent += taken ? 1048576 : 0;
        frame_free(f);
        ck_assert_uint_lt(sent, LIMIT_PEER_QUEUE_BYTES + 64 * 1048576u);
    }
    ck_assert_uint_gt(sent, LIMIT_PEER_QUEUE_BYTES / 2);
    for (unsigned i = 0; i < 100; i++)
        node_reach(&a, &b, i);
    close(fd);
    close(listener);
    node_fini(&a);
    node_fini(&b);
}
END_TEST

START_TEST(a_peer_that_comes_back_is_found)
{
    struct node a, b;

    node_init(&a, 1);
    node_init(&b, 2);
    node_open(&b);
    node_meet(&a, &b);
    for (uint64_t life = 0; life < 3; life++) {
        node_reach(&a, &b, 10 * life);
        node_close(&b);
        /* The break is noticed, by refusals, without anybody waiting for it. */
        for (struct frame *f = frame_numbered(1, 2, 99);; f = frame_numbered(1, 2, 99)) {
            if (!a.wire->send(a.wire->ctx, 2, &f)) {
                frame_free(f);
                break;
            }
            pause_ms(1);
        }
        while (node_count(&b) > 0)
            frame_free(node_take(&b));
        node_open(&b);
    }
    node_reach(&a, &b, 100);
    node_fini(&a);
    node_fini(&b);
}
END_TEST

/* Without any frame to it: its own stream ends, and nobody listens any more. */
START_TEST(a_peer_that_is_gone_is_told)
{
    struct node a, b;

    node_init(&a, 1);
    node_init(&b, 2);
    node_open(&a);
    node_open(&b);
    node_meet(&a, &b);
    node_meet(&b, &a);
    node_reach(&a, &b, 1);
    node_reach(&b, &a, 1);
    node_fini(&b);
    node_wait_lost(&a, 2);
    node_fini(&a);
}
END_TEST

START_TEST(a_sender_that_comes_back_is_heard)
{
    struct node a, b;

    node_init(&a, 1);
    node_init(&b, 2);
    node_open(&b);
    for (uint64_t life = 0; life < 3; life++) {
        node_meet(&a, &b);
        node_reach(&a, &b, life);
        node_close(&a);
    }
    node_fini(&a);
    node_fini(&b);
}
END_TEST

/* The first URL answers nobody, the second is right. */
START_TEST(all_urls_are_tried)
{
    struct node a, b, none;

    node_init(&a, 1);
    node_init(&b, 2);
    node_init(&none, 3);
    close(none.fd);
    node_open(&b);

    struct wire_peer peer = {.id = 2, .n_urls = 2, .urls = {span_of(none.url), span_of(b.url)}};

    node_tell(&a, &peer, 1);
    node_reach(&a, &b, 1);
    none.fd = dup(b.fd);
    node_fini(&a);
    node_fini(&b);
    node_fini(&none);
}
END_TEST

/* Streams to those who stay are not touched; a new URL is a new stream, and whoever is dropped gets
 * nothing any more. */
START_TEST(the_list_of_peers_can_change)
{
    struct node a, b, c;
    struct frame *f = frame_numbered(1, 2, 9);

    node_init(&a, 1);
    node_init(&b, 2);
    node_init(&c, 2); /* where 2 moves to */
    node_open(&b);
    node_open(&c);
    node_meet(&a, &b);
    node_reach(&a, &b, 1);
    node_meet(&a, &b);
    ck_assert(a.wire->send(a.wire->ctx, 2, &f));
    check_run(&b, 1, 9, 1);
    node_meet(&a, &c);
    node_reach(&a, &c, 2);
    node_tell(&a, NULL, 0);
    f = frame_numbered(1, 2, 10);
    ck_assert(!a.wire->send(a.wire->ctx, 2, &f));
    frame_free(f);
    ck_assert_uint_eq(node_count(&b), 0);
    node_fini(&a);
    node_fini(&b);
    node_fini(&c);
}
END_TEST

START_TEST(a_removed_member_learns_it)
{
    struct node a, b;

    node_init(&a, 1);
    node_init(&b, 2);
    b.gone = 1;
    node_open(&a);
    node_open(&b);
    node_meet(&a, &b);
    node_wait_removed(&a);
    ck_assert_uint_eq(node_count(&b), 0);
    node_fini(&a);
    node_fini(&b);
}
END_TEST

/* ---- who is not let in ---- */

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
        struct frame *f = frame_numbered(1, 2, i);

        ck_assert(!a.wire->send(a.wire->ctx, 2, &f));
        frame_free(f);
        pause_ms(1);
    }
    node_fini(&a);
    node_fini(&b);
}
END_TEST

/* ---- bytes that are no frames ---- */

static const char stream_head[] =
    "Expect: 100-continue\r\nX-Copse-Session: 1\r\nX-Copse-Number: 1\r\n";

static int raw_stream(struct node *b)
{
    int fd = raw_dial(b);

    raw_post(fd, b, STREAM, 1, -1, stream_head);
    ck_assert_int_eq(raw_status(fd), 100);
    return fd;
}

static struct buf bytes_of(struct frame *f)
{
    struct buf out = {0};

    frame_encode(f, &out);
    frame_free(f);
    return out;
}

static struct buf damaged(void)
{
    struct buf b = bytes_of(frame_numbered(1, 2, 2));

    b.ptr[b.len - 1] ^= 1;
    return b;
}

static struct buf garbage(void)
{
    struct buf b = {0};

    for (unsigned i = 0; i < 1000; i++)
        buf_char(&b, (char)(i % 7));
    return b;
}

static struct buf oversize(void)
{
    struct buf b = {0};

    buf_lit(&b, "\xff\xff\xff\x7f");
    return b;
}

static struct buf one_too_many(void)
{
    uint32_t n = LIMIT_FRAME_BYTES - FRAME_HEAD_BYTES + 1;
    struct buf b = {0};

    buf_add(&b, &n, sizeof(n));
    return b;
}

static struct buf from_another(void)
{
    return bytes_of(frame_numbered(7, 2, 2));
}

static struct buf for_another(void)
{
    return bytes_of(frame_numbered(1, 7, 2));
}

static struct buf snapshot_alone(void)
{
    struct frame *f = frame_new(FRAME_MESSAGE, 1, 2);

    f->message = peer_message_new(PEER_SNAPSHOT, 1, 2, 0);
    return bytes_of(f);
}

static const struct {
    const char *name;
    struct buf (*make)(void);
} nonsense[] = {
    {"damaged", damaged},
    {"garbage", garbage},
    {"oversize", oversize},
    {"a byte too many", one_too_many},
    {"from another", from_another},
    {"for another", for_another},
    {"snapshot without its file", snapshot_alone},
};

/* What came before is delivered, the stream ends, the door stays. */
START_TEST(nonsense_ends_the_stream)
{
    struct node b;
    struct buf good, bad = nonsense[_i].make();
    int fd;

    node_init(&b, 2);
    node_open(&b);
    fd = raw_stream(&b);
    good = bytes_of(frame_numbered(1, 2, 1));
    raw_chunk(fd, good.ptr, good.len);
    raw_chunk(fd, bad.ptr, bad.len);
    raw_chunk(fd, good.ptr, good.len);
    raw_wait_end(fd);
    check_run(&b, 1, 1, 1);
    ck_assert_msg(node_count(&b) == 0, "%s", nonsense[_i].name);
    buf_fini(&good);
    buf_fini(&bad);
    node_fini(&b);
}
END_TEST

/* Every way to cut two frames into two pieces. */
START_TEST(frames_may_be_cut_anywhere)
{
    struct node b;
    struct buf two = bytes_of(frame_numbered(1, 2, 0));
    int fd;

    node_init(&b, 2);
    node_open(&b);
    fd = raw_stream(&b);
    frame_encode(&(struct frame){.type = FRAME_READ, .from = 1, .to = 2, .read.number = 1}, &two);
    for (size_t at = 1; at < two.len; at++) {
        raw_chunk(fd, two.ptr, at);
        raw_chunk(fd, two.ptr + at, two.len - at);
        check_run(&b, 1, 0, 2);
    }
    raw_send(fd, "0\r\n\r\n", 5);
    ck_assert_int_eq(raw_status(fd), 200);
    close(fd);
    buf_fini(&two);
    node_fini(&b);
}
END_TEST

START_TEST(a_newer_stream_takes_the_place)
{
    struct node b;
    struct buf f = bytes_of(frame_numbered(1, 2, 1));
    int old, new, late;

    node_init(&b, 2);
    node_open(&b);
    old = raw_stream(&b);
    raw_chunk(old, f.ptr, f.len - 5);
    new = raw_dial(&b);
    raw_post(new, &b, STREAM, 1, -1,
             "Expect: 100-continue\r\nX-Copse-Session: 1\r\nX-Copse-Number: 3\r\n");
    ck_assert_int_eq(raw_status(new), 100);
    raw_wait_end(old);
    late = raw_dial(&b);
    raw_post(late, &b, STREAM, 1, -1, "X-Copse-Session: 1\r\nX-Copse-Number: 2\r\n");
    ck_assert_int_eq(raw_status(late), 409);
    close(late);
    raw_chunk(new, f.ptr, f.len);
    check_run(&b, 1, 1, 1);
    ck_assert_uint_eq(node_count(&b), 0);
    close(new);
    buf_fini(&f);
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
        raw_send(fds[i], "GET /version HTTP/1.1\r\nHost: x\r\n\r\n", 35);
        ck_assert_int_eq(raw_status(fds[i]), 200);
    }
    fds[LIMIT_PEER_CONNECTIONS] = raw_dial(&b);
    raw_wait_end(fds[LIMIT_PEER_CONNECTIONS]);
    for (unsigned i = 0; i < LIMIT_PEER_CONNECTIONS; i++)
        close(fds[i]);
    /* Their places are free again once the ends were seen. */
    for (int status = 0; status != 200;) {
        int fd = raw_dial(&b);

        raw_send(fd, "GET /version HTTP/1.1\r\nHost: x\r\n\r\n", 35);
        status = raw_status(fd);
        close(fd);
    }
    node_fini(&b);
}
END_TEST

TCase *tcase_streams(void)
{
    TCase *t = tcase_create("streams");

    tcase_set_timeout(t, 300);
    tcase_add_test(t, all_come_in_order_and_once);
    tcase_add_test(t, three_speak_with_each_other);
    tcase_add_test(t, a_frame_of_any_size_passes);
    tcase_add_test(t, a_frame_too_large_is_refused);
    tcase_add_test(t, nothing_is_taken_for_nobody);
    tcase_add_test(t, a_stuck_peer_costs_no_more_than_its_queue);
    tcase_add_test(t, a_peer_that_comes_back_is_found);
    tcase_add_test(t, a_peer_that_is_gone_is_told);
    tcase_add_test(t, a_sender_that_comes_back_is_heard);
    tcase_add_test(t, all_urls_are_tried);
    tcase_add_test(t, the_list_of_peers_can_change);
    tcase_add_test(t, a_removed_member_learns_it);
    tcase_add_loop_test(t, strangers_are_told_why, 0, CP_COUNT(strangers));
    tcase_add_test(t, another_cluster_gets_no_stream);
    tcase_add_loop_test(t, nonsense_ends_the_stream, 0, CP_COUNT(nonsense));
    tcase_add_test(t, frames_may_be_cut_anywhere);
    tcase_add_test(t, a_newer_stream_takes_the_place);
    tcase_add_test(t, a_crowd_is_kept_out);
    return t;
}
