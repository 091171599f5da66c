/* A stream as bytes: what is no frame ends it, frames come in any pieces, the newest stream counts.
 */
#include "node.h"
#include "test_peer.h"

#include "proto/limits.h"

#include <unistd.h>

#define STREAM "/copse/v1/stream"

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
    node_take_run(&b, 1, 1, 1);
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
        node_take_run(&b, 1, 0, 2);
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
    node_take_run(&b, 1, 1, 1);
    ck_assert_uint_eq(node_count(&b), 0);
    close(new);
    buf_fini(&f);
    node_fini(&b);
}
END_TEST

TCase *tcase_bytes(void)
{
    TCase *t = tcase_create("bytes");

    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, nonsense_ends_the_stream, 0, CP_COUNT(nonsense));
    tcase_add_test(t, frames_may_be_cut_anywhere);
    tcase_add_test(t, a_newer_stream_takes_the_place);
    return t;
}
