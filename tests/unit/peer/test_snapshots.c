/* Snapshots between members: file to file, byte for byte, in bounded memory, and what happens when
 * one breaks off. */
#include "node.h"
#include "test_peer.h"

#include "base/crc32c.h"
#include "disk/snapfile.h"
#include "proto/limits.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define SNAPSHOT "/copse/v1/snapshot"
#define LARGE    (64 * 1048576u)
#define PIECE    65536u

static void fill(char *piece, uint64_t at)
{
    for (size_t i = 0; i < PIECE; i++)
        piece[i] = (char)((at + i) * 31 + (at >> 16));
}

static void write_snapshot(struct node *n, struct snapfile_id id, uint64_t bytes)
{
    struct snapfile_writer *w;
    char *piece = mem_alloc(PIECE);
    struct err e;

    ck_assert_int_eq(snapfile_begin(&w, &diskio_system, n->dir, id, &e), 0);
    for (uint64_t at = 0; at < bytes; at += PIECE) {
        fill(piece, at);
        ck_assert_int_eq(
            snapfile_write(w, piece, bytes - at < PIECE ? (size_t)(bytes - at) : PIECE, &e), 0);
    }
    ck_assert_int_eq(snapfile_commit(&w, &e), 0);
    mem_free(piece);
}

static void check_snapshot(struct node *n, struct snapfile_id id, uint64_t bytes)
{
    struct snapfile_reader *r;
    char *want = mem_alloc(PIECE), *got = mem_alloc(PIECE);
    struct err e;

    ck_assert_msg(snapfile_open(&r, &diskio_system, n->dir, id, &e) == 0, "%s", e.text);
    ck_assert_uint_eq(snapfile_bytes(r), bytes);
    for (uint64_t at = 0; at < bytes; at += PIECE) {
        size_t len = bytes - at < PIECE ? (size_t)(bytes - at) : PIECE;

        fill(want, at);
        ck_assert_int_eq(snapfile_read(r, at, got, len, &e), 0);
        ck_assert_mem_eq(want, got, len);
    }
    snapfile_close(r);
    mem_free(want);
    mem_free(got);
}

static unsigned count_files(const struct node *n)
{
    DIR *dir = opendir(n->dir);
    struct dirent *entry;
    unsigned count = 0;

    while ((entry = readdir(dir)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static struct frame *message(uint64_t from, uint64_t to, struct snapfile_id id)
{
    struct frame *f = frame_new(FRAME_MESSAGE, from, to);

    f->message = peer_message_new(PEER_SNAPSHOT, from, to, 0);
    f->message->term = id.term;
    f->message->snapshot.mark->index = id.index;
    f->message->snapshot.mark->term = id.term;
    return f;
}

static void send_it(struct node *a, uint64_t to, struct snapfile_id id)
{
    struct frame *f = message(a->id, to, id);

    while (!a->wire->send_snapshot(a->wire->ctx, to, &f, id.index, id.term))
        pause_ms(1);
    ck_assert_ptr_null(f);
}

static void check_message(struct node *n, struct snapfile_id id)
{
    struct frame *f = node_take(n);

    ck_assert_int_eq(f->type, FRAME_MESSAGE);
    ck_assert_int_eq(f->message->type, PEER_SNAPSHOT);
    ck_assert_uint_eq(f->message->snapshot.mark->index, id.index);
    frame_free(f);
}

/* Kilobytes; of the whole process, sender and receiver. */
static long resident_max(void)
{
    struct rusage u;

    ck_assert_int_eq(getrusage(RUSAGE_SELF, &u), 0);
    return u.ru_maxrss;
}

START_TEST(a_file_arrives_before_its_message)
{
    static const uint64_t sizes[] = {0, 1, PIECE, 1000001, LARGE};
    struct node a, b;
    struct snapfile_id id = {.index = 100, .term = 7};
    long before;

    node_init(&a, 1);
    node_init(&b, 2);
    node_open(&b);
    node_meet(&a, &b);
    for (size_t i = 0; i < CP_COUNT(sizes); i++) {
        id.index++;
        write_snapshot(&a, id, sizes[i]);
        before = resident_max();
        send_it(&a, 2, id);
        check_message(&b, id);
        check_snapshot(&b, id, sizes[i]);
        ck_assert_int_lt(resident_max() - before, LARGE / 1024 / 2);
        ck_assert_uint_eq(count_files(&b), i + 1);
    }
    node_fini(&a);
    node_fini(&b);
}
END_TEST

/* While one is running a second is refused; afterwards it is taken. Frames overtake it. */
START_TEST(one_at_a_time)
{
    struct node a, b;
    struct snapfile_id id = {.index = 5, .term = 1};
    struct frame *f;

    node_init(&a, 1);
    node_init(&b, 2);
    node_meet(&a, &b); /* it has no door yet: the snapshot waits for it */
    write_snapshot(&a, id, PIECE);
    send_it(&a, 2, id);
    f = message(1, 2, id);
    ck_assert(!a.wire->send_snapshot(a.wire->ctx, 2, &f, id.index, id.term));
    frame_free(f);
    node_open(&b);
    check_message(&b, id);
    id.index++;
    write_snapshot(&a, id, PIECE);
    send_it(&a, 2, id);
    check_message(&b, id);
    node_reach(&a, &b, 1);
    node_fini(&a);
    node_fini(&b);
}
END_TEST

/* What cannot be sent is told in the log; the next one is. */
START_TEST(a_missing_file_is_no_harm)
{
    struct node a, b;
    struct snapfile_id id = {.index = 5, .term = 1};

    node_init(&a, 1);
    node_init(&b, 2);
    node_open(&b);
    node_meet(&a, &b);
    send_it(&a, 2, id);
    write_snapshot(&a, (struct snapfile_id){6, 1}, PIECE);
    send_it(&a, 2, (struct snapfile_id){6, 1});
    check_message(&b, (struct snapfile_id){6, 1});
    ck_assert_uint_eq(node_count(&b), 0);
    node_fini(&a);
    node_fini(&b);
}
END_TEST

/* The receiver's process ends in the middle, and the sender's. */
START_TEST(the_end_of_either_side_leaves_nothing)
{
    struct node a, b;
    struct snapfile_id id = {.index = 5, .term = 1};

    node_init(&a, 1);
    node_init(&b, 2);
    write_snapshot(&a, id, LARGE);
    for (unsigned i = 0; i < 2; i++) {
        node_open(&b);
        node_meet(&a, &b);
        send_it(&a, 2, id);
        while (count_files(&b) == 0)
            pause_ms(1);
        node_close(i == 0 ? &b : &a);
        if (i == 0)
            ck_assert_uint_eq(count_files(&b), node_count(&b));
        else
            while (count_files(&b) != node_count(&b))
                pause_ms(1);
        if (node_count(&b) > 0) { /* a fast machine: it was through */
            check_message(&b, id);
            break;
        }
    }
    node_fini(&a);
    node_fini(&b);
}
END_TEST

static int no_room(void *ctx, int fd, const void *bytes, size_t n, uint64_t at)
{
    (void)ctx;
    (void)fd;
    (void)bytes;
    (void)n;
    (void)at;
    return -ENOSPC;
}

START_TEST(a_full_disk_is_no_harm)
{
    struct node a, b;
    struct snapfile_id id = {.index = 5, .term = 1};
    struct diskio full = diskio_system;

    full.pwrite = no_room;
    node_init(&a, 1);
    node_init(&b, 2);
    b.io = &full;
    node_close(&b);
    node_open(&b);
    node_meet(&a, &b);
    write_snapshot(&a, id, LARGE);
    send_it(&a, 2, id);
    /* It is over once another may begin. */
    send_it(&a, 2, id);
    node_reach(&a, &b, 1);
    b.io = &diskio_system;
    node_close(&b);
    node_open(&b);
    ck_assert_uint_eq(count_files(&b), 0);
    send_it(&a, 2, id);
    check_message(&b, id);
    check_snapshot(&b, id, LARGE);
    node_fini(&a);
    node_fini(&b);
}
END_TEST

/* ---- raw ---- */

struct upload {
    struct buf head;
    char body[100];
    uint32_t crc;
};

static void upload_init(struct upload *u, struct snapfile_id id)
{
    struct frame *f = message(1, 2, id);

    *u = (struct upload){0};
    frame_encode(f, &u->head);
    frame_free(f);
    memset(u->body, 'x', sizeof(u->body));
    u->crc = crc32c(0, u->body, sizeof(u->body));
}

static int begin(struct node *b, const struct upload *u, uint64_t index, uint64_t bytes)
{
    char more[200];
    int fd = raw_dial(b);

    snprintf(more, sizeof(more),
             "X-Copse-Index: %" PRIx64 "\r\nX-Copse-Term: 1\r\nX-Copse-Bytes: %" PRIx64 "\r\n",
             index, bytes);
    raw_post(fd, b, SNAPSHOT, 1, (int64_t)(u->head.len + bytes + 4), more);
    return fd;
}

/* A byte at a time; then each part damaged, and cut off. */
START_TEST(only_what_is_whole_is_kept)
{
    struct node b;
    struct upload u;
    struct snapfile_id id = {.index = 9, .term = 1};
    int fd;

    node_init(&b, 2);
    node_open(&b);
    upload_init(&u, id);

    u.crc ^= 1;
    fd = begin(&b, &u, 9, sizeof(u.body));
    raw_send(fd, u.head.ptr, u.head.len);
    raw_send(fd, u.body, sizeof(u.body));
    raw_send(fd, &u.crc, 4);
    ck_assert_int_eq(raw_status(fd), 500);
    close(fd);
    u.crc ^= 1;

    fd = begin(&b, &u, 10, sizeof(u.body)); /* another index than the message has */
    raw_send(fd, u.head.ptr, u.head.len);
    raw_send(fd, u.body, sizeof(u.body));
    raw_send(fd, &u.crc, 4);
    ck_assert_int_eq(raw_status(fd), 400);
    close(fd);

    u.head.ptr[u.head.len - 1] ^= 1;
    fd = begin(&b, &u, 9, sizeof(u.body));
    raw_send(fd, u.head.ptr, u.head.len);
    raw_send(fd, u.body, sizeof(u.body));
    raw_send(fd, &u.crc, 4);
    ck_assert_int_eq(raw_status(fd), 400);
    close(fd);
    u.head.ptr[u.head.len - 1] ^= 1;

    fd = begin(&b, &u, 9, sizeof(u.body));
    raw_send(fd, u.head.ptr, u.head.len);
    raw_send(fd, u.body, 50);
    while (count_files(&b) == 0) /* else it may come behind the next, and take its place */
        pause_ms(1);
    close(fd);
    while (count_files(&b) > 0)
        pause_ms(1);
    ck_assert_uint_eq(node_count(&b), 0);

    fd = begin(&b, &u, 9, sizeof(u.body));
    for (size_t i = 0; i < u.head.len; i++)
        raw_send(fd, u.head.ptr + i, 1);
    for (size_t i = 0; i < sizeof(u.body); i++)
        raw_send(fd, u.body + i, 1);
    for (size_t i = 0; i < 4; i++)
        raw_send(fd, (const char *)&u.crc + i, 1);
    ck_assert_int_eq(raw_status(fd), 204);
    close(fd);
    check_message(&b, id);
    ck_assert_uint_eq(count_files(&b), 1);
    buf_fini(&u.head);
    node_fini(&b);
}
END_TEST

/* Also when it is the same one: its sender tries again before the end of the first was noticed. */
START_TEST(the_newest_goes_on)
{
    struct node b;
    struct upload u;
    int old, new;

    node_init(&b, 2);
    node_open(&b);
    upload_init(&u, (struct snapfile_id){.index = 9, .term = 1});
    old = begin(&b, &u, 9, sizeof(u.body));
    raw_send(old, u.head.ptr, u.head.len);
    while (count_files(&b) == 0)
        pause_ms(1);
    new = begin(&b, &u, 9, sizeof(u.body));
    raw_wait_end(old);
    raw_send(new, u.head.ptr, u.head.len);
    raw_send(new, u.body, sizeof(u.body));
    raw_send(new, &u.crc, 4);
    ck_assert_int_eq(raw_status(new), 204);
    close(new);
    check_message(&b, (struct snapfile_id){9, 1});
    buf_fini(&u.head);
    node_fini(&b);
}
END_TEST

START_TEST(there_is_a_largest)
{
    struct node b;
    struct upload u;
    int fd;

    node_init(&b, 2);
    node_open(&b);
    upload_init(&u, (struct snapfile_id){.index = 9, .term = 1});
    fd = begin(&b, &u, 9, LIMIT_SNAPSHOT_BYTES + 1);
    ck_assert_int_eq(raw_status(fd), 413);
    close(fd);
    fd = begin(&b, &u, 9, LIMIT_SNAPSHOT_BYTES); /* may begin */
    raw_send(fd, u.head.ptr, u.head.len);
    while (count_files(&b) == 0)
        pause_ms(1);
    close(fd);
    buf_fini(&u.head);
    node_fini(&b);
}
END_TEST

TCase *tcase_snapshots(void)
{
    TCase *t = tcase_create("snapshots");

    tcase_set_timeout(t, 300);
    tcase_add_test(t, a_file_arrives_before_its_message);
    tcase_add_test(t, one_at_a_time);
    tcase_add_test(t, a_missing_file_is_no_harm);
    tcase_add_test(t, the_end_of_either_side_leaves_nothing);
    tcase_add_test(t, a_full_disk_is_no_harm);
    tcase_add_test(t, only_what_is_whole_is_kept);
    tcase_add_test(t, the_newest_goes_on);
    tcase_add_test(t, there_is_a_largest);
    return t;
}
