/* Streams between members: order, each once, bounds, breaks. */
#include "node.h"
#include "test_peer.h"

#include "base/listen.h"
#include "proto/limits.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

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
    node_take_run(&b, 1, 0, 20000);
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
        while (node_offer(&a, 2, 99))
            pause_ms(1);
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
    node_take_run(&b, 1, 9, 1);
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

/* ---- starting ---- */

static int next_descriptor(void)
{
    int next = dup(STDIN_FILENO);

    ck_assert_int_ge(next, 0);
    close(next);
    return next;
}

static void limit_descriptors(rlim_t n, rlim_t *before)
{
    struct rlimit limit;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (before != NULL)
        *before = limit.rlim_cur;
    limit.rlim_cur = n;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* With each number of descriptors that is too small. */
START_TEST(without_descriptors_it_does_not_start)
{
    struct node b;
    int rc = -1;

    node_init(&b, 2);

    struct peer_conf conf = {.cluster_id = CLUSTER,
                             .member_id = 3,
                             .listen_fds = &b.fd,
                             .n_listen = 1,
                             .snap_dir = b.dir,
                             .io = b.io,
                             .clock = &clock_system};

    rlim_t next = (rlim_t)next_descriptor(), all;

    limit_descriptors(next, &all);
    for (rlim_t spare = 0; rc != 0; spare++) {
        struct peer *p;
        struct err e = {.code = 0};

        limit_descriptors(next + spare, NULL);
        rc = peer_new(&p, &conf, &e);
        if (rc == 0) {
            rc = peer_open(p, &b.api, &e);
            if (rc == 0)
                peer_close(p);
            peer_free(p);
        }
        ck_assert_msg((rc == 0) == (e.text[0] == '\0'), "%s", e.text);
        ck_assert(rc == 0 || spare < 32);
        ck_assert(spare > 0 || rc != 0);
    }
    limit_descriptors(all, NULL);
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
    tcase_add_test(t, without_descriptors_it_does_not_start);
    return t;
}
