/* frame: every kind there and back, to the byte; what is damaged, cut off or of a later version is
 * told apart; each limit. */
#include "frame_samples.h"

#include "base/crc32c.h"
#include "base/mem.h"
#include "codec/command.h"
#include "proto/limits.h"

#include <check.h>
#include <endian.h>
#include <stdlib.h>

#define TYPE_AT   FRAME_HEAD_BYTES
#define FORMAT_AT (TYPE_AT + 1)
#define BODY_AT   (TYPE_AT + 20) /* what the type carries */

static struct buf encoded(struct frame *f)
{
    struct buf b = {0};

    frame_encode(f, &b);
    ck_assert_uint_eq(b.len, frame_bytes(f));
    frame_free(f);
    return b;
}

static void put_checksum(struct buf *b)
{
    uint32_t len = htole32((uint32_t)(b->len - FRAME_HEAD_BYTES));
    uint32_t crc = htole32(crc32c(0, b->ptr + FRAME_HEAD_BYTES, b->len - FRAME_HEAD_BYTES));

    memcpy(b->ptr, &len, sizeof(len));
    memcpy(b->ptr + 4, &crc, sizeof(crc));
}

/* In memory of its own size, so that the sanitizer sees a read beyond the end. */
static int decode(struct span bytes, struct frame **out)
{
    char *copy = mem_dup(bytes.ptr, bytes.len);
    struct err e;
    int rc = frame_decode(span_make(copy, bytes.len), out, &e);

    ck_assert_int_eq(rc, rc < 0 ? e.code : 0);
    mem_free(copy);
    return rc;
}

START_TEST(comes_back_as_it_was)
{
    struct frame *want = frame_samples[_i].make(), *got = NULL;
    struct buf b = encoded(frame_samples[_i].make()), again;

    ck_assert_int_eq(frame_length(buf_as_span(&b)), (int64_t)b.len);
    ck_assert_msg(decode(buf_as_span(&b), &got) == 0, "%s", frame_samples[_i].name);
    sample_check_same(want, got);
    again = encoded(got);
    ck_assert_msg(span_eq(buf_as_span(&b), buf_as_span(&again)), "%s", frame_samples[_i].name);
    frame_free(want);
    buf_fini(&again);
    buf_fini(&b);
}
END_TEST

START_TEST(layout_is_pinned)
{
    static const char want[] = "\x24\x00\x00\x00"
                               "\x49\xfb\xee\xa4"
                               "\x06\x01\x00\x00"
                               "\x4d\x69\x64\x21\xc5\x05\x9e\x8e"
                               "\x46\xc1\xb3\x8f\x39\x3c\xbc\x91"
                               "\x01\x00\x00\x00\x00\x00\x00\x00"
                               "\x02\x00\x00\x00\x00\x00\x00\x00";
    struct buf b = encoded(sample_confirm());

    ck_assert_uint_eq(b.len, sizeof(want) - 1);
    ck_assert_mem_eq(b.ptr, want, b.len);
    buf_fini(&b);
}
END_TEST

/* With a checksum that fits and without: nothing that is cut short is taken for whole. */
START_TEST(cut_anywhere_is_refused)
{
    struct buf b = encoded(frame_samples[_i].make());
    size_t whole = b.len;
    struct frame *f = NULL;

    for (size_t n = 0; n < whole; n++) {
        b.len = n;
        ck_assert_int_eq(decode(buf_as_span(&b), &f), ERR_MALFORMED);
        if (n < FRAME_HEAD_BYTES)
            continue;
        put_checksum(&b);
        ck_assert_msg(decode(buf_as_span(&b), &f) == ERR_MALFORMED, "%s, %zu of %zu bytes",
                      frame_samples[_i].name, n, whole);
    }
    buf_fini(&b);
}
END_TEST

START_TEST(a_byte_more_is_refused)
{
    struct buf b = encoded(frame_samples[_i].make());
    struct frame *f = NULL;

    buf_char(&b, 0);
    ck_assert_int_eq(decode(buf_as_span(&b), &f), ERR_MALFORMED);
    put_checksum(&b);
    ck_assert_int_eq(decode(buf_as_span(&b), &f), ERR_MALFORMED);
    buf_fini(&b);
}
END_TEST

START_TEST(a_flipped_bit_is_seen)
{
    struct buf b = encoded(frame_samples[_i].make());
    struct frame *f = NULL;

    for (size_t i = 4; i < b.len; i++) {
        b.ptr[i] = (char)(b.ptr[i] ^ 1 << (i % 8));
        ck_assert_msg(decode(buf_as_span(&b), &f) == ERR_CORRUPT, "%s, byte %zu",
                      frame_samples[_i].name, i);
        b.ptr[i] = (char)(b.ptr[i] ^ 1 << (i % 8));
    }
    buf_fini(&b);
}
END_TEST

static const struct {
    const char *name;
    struct frame *(*make)(void);
    size_t at;
    unsigned char byte;
    int want;
} changes[] = {
    {"type 0", sample_read, TYPE_AT, 0, ERR_VERSION},
    {"type beyond the last", sample_read, TYPE_AT, FRAME_CONFIRMED + 1, ERR_VERSION},
    {"format 0", sample_read, FORMAT_AT, 0, ERR_VERSION},
    {"later format", sample_read, FORMAT_AT, FRAME_FORMAT + 1, ERR_VERSION},
    {"reserved in use", sample_read, TYPE_AT + 2, 1, ERR_MALFORMED},
    {"message type 0", sample_vote, BODY_AT, 0, ERR_VERSION},
    {"message type beyond the last", sample_vote, BODY_AT, PEER_TIMEOUT_NOW + 1, ERR_VERSION},
    {"unknown flag of a vote", sample_vote, BODY_AT + 36, 4, ERR_MALFORMED},
    {"unknown flag of a result", sample_vote_result, BODY_AT + 20, 4, ERR_MALFORMED},
    {"entry of no type", sample_append, BODY_AT + 56, 0, ERR_MALFORMED},
    {"entry of a later type", sample_append, BODY_AT + 56, ENTRY_CHANGE + 1, ERR_MALFORMED},
    {"more entries than bytes", sample_append, BODY_AT + 47, 0xff, ERR_MALFORMED},
    {"entry longer than the frame", sample_append, BODY_AT + 61, 0xff, ERR_MALFORMED},
    {"role beyond the last", sample_snapshot, BODY_AT + 56, MEMBER_SPARE + 1, ERR_MALFORMED},
    {"more members than bytes", sample_snapshot, BODY_AT + 44, LIMIT_MEMBERS + 1, ERR_MALFORMED},
    {"more commands than bytes", sample_forward, BODY_AT + 27, 0xff, ERR_MALFORMED},
    {"command without room for a stamp", sample_forward, BODY_AT + 28, COMMAND_HEAD_BYTES - 1,
     ERR_MALFORMED},
    {"more requests than bytes", sample_refused, BODY_AT + 19, 0xff, ERR_MALFORMED},
    {"neither yes nor no", sample_read_index, BODY_AT + 16, 2, ERR_MALFORMED},
};

START_TEST(impossible_values_are_refused)
{
    struct buf b = encoded(changes[_i].make());
    struct frame *f = NULL;

    b.ptr[changes[_i].at] = (char)changes[_i].byte;
    put_checksum(&b);

    int rc = decode(buf_as_span(&b), &f);

    ck_assert_msg(rc == changes[_i].want, "%s: %d", changes[_i].name, rc);
    buf_fini(&b);
}
END_TEST

/* One more member than there may be, with the bytes for it. */
START_TEST(too_many_members_are_refused)
{
    struct buf b = encoded(sample_snapshot());
    struct frame *f = NULL;

    b.ptr[BODY_AT + 44] = LIMIT_MEMBERS + 1;
    buf_reserve(&b, 12);
    memset(b.ptr + b.len, 0, 12);
    b.len += 12;
    put_checksum(&b);
    ck_assert_int_eq(decode(buf_as_span(&b), &f), ERR_MALFORMED);
    buf_fini(&b);
}
END_TEST

/* An append with one entry that makes the frame N bytes. */
static struct frame *frame_of(size_t n)
{
    struct frame *f = frame_new(FRAME_MESSAGE, SAMPLE_FROM, SAMPLE_TO);
    struct peer_append *a = &sample_message(f, PEER_APPEND, 2)->append;
    size_t fixed;

    a->entries[0] = (struct log_entry){1, ENTRY_COMMAND, sample_bytes(LIMIT_ENTRY_BYTES, 'x')};
    a->entries[1] = (struct log_entry){1, ENTRY_COMMAND, blob_new(0)};
    fixed = frame_bytes(f);
    ck_assert_uint_ge(n, fixed);
    blob_unref(a->entries[1].payload);
    a->entries[1].payload = sample_bytes(n - fixed, 'y');
    return f;
}

START_TEST(largest_frame_passes)
{
    struct buf b = encoded(frame_of(LIMIT_FRAME_BYTES));
    struct frame *f = NULL;

    ck_assert_int_eq(frame_length(buf_as_span(&b)), LIMIT_FRAME_BYTES);
    ck_assert_int_eq(decode(buf_as_span(&b), &f), 0);
    frame_free(f);

    /* Told by the first bytes, before the rest is waited for. */
    uint32_t body = htole32(LIMIT_FRAME_BYTES - FRAME_HEAD_BYTES + 1);

    memcpy(b.ptr, &body, sizeof(body));
    ck_assert_int_eq(frame_length(span_make(b.ptr, 4)), ERR_MALFORMED);
    buf_char(&b, 0);
    put_checksum(&b);
    ck_assert_int_eq(decode(buf_as_span(&b), &f), ERR_MALFORMED);
    buf_fini(&b);
}
END_TEST

START_TEST(an_entry_too_large_is_refused)
{
    struct frame *f = frame_new(FRAME_MESSAGE, SAMPLE_FROM, SAMPLE_TO);
    struct peer_append *a = &sample_message(f, PEER_APPEND, 1)->append;
    struct buf b;

    a->entries[0] = (struct log_entry){1, ENTRY_COMMAND, sample_bytes(LIMIT_ENTRY_BYTES + 1, 'x')};
    b = encoded(f);
    f = NULL;
    ck_assert_int_eq(decode(buf_as_span(&b), &f), ERR_MALFORMED);
    buf_fini(&b);
}
END_TEST

START_TEST(length_waits_for_its_bytes)
{
    struct buf b = encoded(sample_read());

    for (size_t n = 0; n < 4; n++)
        ck_assert_int_eq(frame_length(span_make(b.ptr, n)), 0);
    ck_assert_int_eq(frame_length(span_make(b.ptr, 4)), (int64_t)b.len);
    buf_fini(&b);
}
END_TEST

/* Decoded payloads stay when the bytes go. */
START_TEST(payloads_are_copies)
{
    struct buf b = encoded(sample_append());
    struct frame *f = NULL;

    ck_assert_int_eq(decode(buf_as_span(&b), &f), 0);
    buf_fini(&b);
    ck_assert(span_eq(blob_span(f->message->append.entries[0].payload), SPAN("new \0 value")));
    frame_free(f);
    frame_free(NULL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("frame");
    TCase *t = tcase_create("frame");
    SRunner *r = srunner_create(s);
    int n = FRAME_SAMPLES;

    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, comes_back_as_it_was, 0, n);
    tcase_add_test(t, layout_is_pinned);
    tcase_add_loop_test(t, cut_anywhere_is_refused, 0, n);
    tcase_add_loop_test(t, a_byte_more_is_refused, 0, n);
    tcase_add_loop_test(t, a_flipped_bit_is_seen, 0, n);
    tcase_add_loop_test(t, impossible_values_are_refused, 0, CP_COUNT(changes));
    tcase_add_test(t, too_many_members_are_refused);
    tcase_add_test(t, largest_frame_passes);
    tcase_add_test(t, an_entry_too_large_is_refused);
    tcase_add_test(t, length_waits_for_its_bytes);
    tcase_add_test(t, payloads_are_copies);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);

    int failed = srunner_ntests_failed(r);

    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
