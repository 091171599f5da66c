/* frame: every kind there and back, to the byte; what is damaged, cut off or of a later version is
 * told apart; each limit. */
#include "cluster/frame.h"

#include "base/crc32c.h"
#include "base/mem.h"
#include "codec/command.h"
#include "proto/limits.h"

#include <check.h>
#include <endian.h>
#include <stdlib.h>

#define FROM UINT64_C(0x8e9e05c52164694d)
#define TO   UINT64_C(0x91bc3c398fb3c146)

#define TYPE_AT   FRAME_HEAD_BYTES
#define FORMAT_AT (TYPE_AT + 1)
#define BODY_AT   (TYPE_AT + 20) /* what the type carries */

static struct peer_message *message(struct frame *f, enum peer_message_type type, unsigned n)
{
    f->message = peer_message_new(type, f->from, f->to, n);
    f->message->term = UINT64_MAX - 7;
    f->message->time_ns = -5;
    return f->message;
}

static struct blob *some_bytes(size_t n, char c)
{
    struct blob *b = blob_new(n);

    memset(b->data, c, n);
    return b;
}

static struct frame *a_vote(void)
{
    struct frame *f = frame_new(FRAME_MESSAGE, FROM, TO);
    struct peer_message *m = message(f, PEER_VOTE, 0);

    m->vote = (struct peer_vote){.last_index = 1, .last_term = 2, .disrupt = true};
    return f;
}

static struct frame *a_pre_vote(void)
{
    struct frame *f = a_vote();

    f->message->vote.disrupt = false;
    f->message->vote.pre_vote = true;
    return f;
}

static struct frame *a_vote_result(void)
{
    struct frame *f = frame_new(FRAME_MESSAGE, FROM, TO);

    message(f, PEER_VOTE_RESULT, 0)->vote_result.granted = true;
    return f;
}

static struct frame *a_heartbeat(void)
{
    struct frame *f = frame_new(FRAME_MESSAGE, FROM, TO);

    message(f, PEER_APPEND, 0)->append.commit = UINT64_MAX;
    return f;
}

static struct frame *an_append(void)
{
    struct frame *f = frame_new(FRAME_MESSAGE, FROM, TO);
    struct peer_append *a = &message(f, PEER_APPEND, 3)->append;

    a->prev_index = 10;
    a->prev_term = 9;
    a->commit = 8;
    a->entries[0] = (struct log_entry){9, ENTRY_COMMAND, blob_copy(SPAN("new \0 value"))};
    a->entries[1] = (struct log_entry){10, ENTRY_BARRIER, blob_new(0)};
    a->entries[2] = (struct log_entry){10, ENTRY_CHANGE, blob_copy(SPAN("members"))};
    return f;
}

static struct frame *an_append_result(void)
{
    struct frame *f = frame_new(FRAME_MESSAGE, FROM, TO);

    message(f, PEER_APPEND_RESULT, 0)->append_result =
        (struct peer_append_result){.rejected = 5, .last_index = UINT64_MAX};
    return f;
}

static struct frame *a_snapshot(void)
{
    struct frame *f = frame_new(FRAME_MESSAGE, FROM, TO);
    struct snapshot_mark *mark = message(f, PEER_SNAPSHOT, 0)->snapshot.mark;

    mark->index = 100;
    mark->term = 7;
    mark->members_index = 3;
    mark->members.n = LIMIT_MEMBERS;
    for (unsigned i = 0; i < LIMIT_MEMBERS; i++) {
        mark->members.m[i].id = i + 1;
        mark->members.m[i].role = (enum member_role)(i % 3);
    }
    return f;
}

static struct frame *a_timeout_now(void)
{
    struct frame *f = frame_new(FRAME_MESSAGE, FROM, TO);

    message(f, PEER_TIMEOUT_NOW, 0)->timeout_now = (struct peer_timeout_now){11, 12};
    return f;
}

static struct frame *a_forward(void)
{
    struct frame *f = frame_new(FRAME_FORWARD, FROM, TO);

    f->forward = (struct frame_forward){.session = 77, .number = 1, .term = 5, .n = 2};
    f->forward.commands = mem_alloc(2 * sizeof(struct blob *));
    f->forward.commands[0] = some_bytes(COMMAND_HEAD_BYTES, 'a');
    f->forward.commands[1] = some_bytes(1000, 'b');
    return f;
}

static struct frame *an_empty_forward(void)
{
    return frame_new(FRAME_FORWARD, FROM, TO);
}

static struct frame *a_refused(void)
{
    struct frame *f = frame_new(FRAME_REFUSED, FROM, TO);
    const uint64_t requests[] = {1, UINT64_MAX, 3};

    f->refused = (struct frame_refused){
        .session = 77, .number = 1, .n = 3, .requests = mem_dup(requests, sizeof(requests))};
    return f;
}

static struct frame *a_read(void)
{
    struct frame *f = frame_new(FRAME_READ, FROM, TO);

    f->read = (struct frame_read){.session = 1, .number = 2};
    return f;
}

static struct frame *a_read_index(void)
{
    struct frame *f = frame_new(FRAME_READ_INDEX, FROM, TO);

    f->read_index = (struct frame_read_index){.session = 1, .number = 2, .ok = true, .index = 3};
    return f;
}

static struct frame *a_confirm(void)
{
    struct frame *f = frame_new(FRAME_CONFIRM, FROM, TO);

    f->confirm = (struct frame_confirm){.term = 1, .number = 2};
    return f;
}

static struct frame *a_confirmed(void)
{
    struct frame *f = frame_new(FRAME_CONFIRMED, FROM, TO);

    f->confirm = (struct frame_confirm){.term = UINT64_MAX, .number = 1};
    return f;
}

static const struct {
    const char *name;
    struct frame *(*make)(void);
} kinds[] = {
    {"vote", a_vote},
    {"pre-vote", a_pre_vote},
    {"vote result", a_vote_result},
    {"heartbeat", a_heartbeat},
    {"append", an_append},
    {"append result", an_append_result},
    {"snapshot", a_snapshot},
    {"timeout now", a_timeout_now},
    {"forward", a_forward},
    {"empty forward", an_empty_forward},
    {"refused", a_refused},
    {"read", a_read},
    {"read index", a_read_index},
    {"confirm", a_confirm},
    {"confirmed", a_confirmed},
};

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

static void check_same_message(const struct peer_message *a, const struct peer_message *b)
{
    ck_assert_int_eq(a->type, b->type);
    ck_assert_uint_eq(a->term, b->term);
    ck_assert_int_eq(a->time_ns, b->time_ns);
    ck_assert_uint_eq(a->from, b->from);
    ck_assert_uint_eq(a->to, b->to);
    switch (a->type) {
    case PEER_VOTE:
        ck_assert_uint_eq(a->vote.last_index, b->vote.last_index);
        ck_assert_uint_eq(a->vote.last_term, b->vote.last_term);
        ck_assert_int_eq(a->vote.disrupt, b->vote.disrupt);
        ck_assert_int_eq(a->vote.pre_vote, b->vote.pre_vote);
        break;
    case PEER_VOTE_RESULT:
        ck_assert_int_eq(a->vote_result.granted, b->vote_result.granted);
        ck_assert_int_eq(a->vote_result.pre_vote, b->vote_result.pre_vote);
        break;
    case PEER_APPEND:
        ck_assert_uint_eq(a->append.prev_index, b->append.prev_index);
        ck_assert_uint_eq(a->append.prev_term, b->append.prev_term);
        ck_assert_uint_eq(a->append.commit, b->append.commit);
        ck_assert_uint_eq(a->append.n, b->append.n);
        for (unsigned i = 0; i < a->append.n; i++) {
            const struct log_entry *x = &a->append.entries[i], *y = &b->append.entries[i];

            ck_assert_uint_eq(x->term, y->term);
            ck_assert_int_eq(x->type, y->type);
            ck_assert(span_eq(blob_span(x->payload), blob_span(y->payload)));
        }
        break;
    case PEER_APPEND_RESULT:
        ck_assert_uint_eq(a->append_result.rejected, b->append_result.rejected);
        ck_assert_uint_eq(a->append_result.last_index, b->append_result.last_index);
        break;
    case PEER_SNAPSHOT: {
        const struct snapshot_mark *x = a->snapshot.mark, *y = b->snapshot.mark;

        ck_assert_uint_eq(x->index, y->index);
        ck_assert_uint_eq(x->term, y->term);
        ck_assert_uint_eq(x->members_index, y->members_index);
        ck_assert_uint_eq(x->members.n, y->members.n);
        for (unsigned i = 0; i < x->members.n; i++) {
            ck_assert_uint_eq(x->members.m[i].id, y->members.m[i].id);
            ck_assert_int_eq(x->members.m[i].role, y->members.m[i].role);
        }
        break;
    }
    case PEER_TIMEOUT_NOW:
        ck_assert_uint_eq(a->timeout_now.last_index, b->timeout_now.last_index);
        ck_assert_uint_eq(a->timeout_now.last_term, b->timeout_now.last_term);
        break;
    }
}

static void check_same(const struct frame *a, const struct frame *b)
{
    ck_assert_int_eq(a->type, b->type);
    ck_assert_uint_eq(a->from, b->from);
    ck_assert_uint_eq(a->to, b->to);
    switch (a->type) {
    case FRAME_MESSAGE:
        check_same_message(a->message, b->message);
        break;
    case FRAME_FORWARD:
        ck_assert_uint_eq(a->forward.session, b->forward.session);
        ck_assert_uint_eq(a->forward.number, b->forward.number);
        ck_assert_uint_eq(a->forward.term, b->forward.term);
        ck_assert_uint_eq(a->forward.n, b->forward.n);
        for (unsigned i = 0; i < a->forward.n; i++)
            ck_assert(
                span_eq(blob_span(a->forward.commands[i]), blob_span(b->forward.commands[i])));
        break;
    case FRAME_REFUSED:
        ck_assert_uint_eq(a->refused.session, b->refused.session);
        ck_assert_uint_eq(a->refused.number, b->refused.number);
        ck_assert_uint_eq(a->refused.n, b->refused.n);
        for (unsigned i = 0; i < a->refused.n; i++)
            ck_assert_uint_eq(a->refused.requests[i], b->refused.requests[i]);
        break;
    case FRAME_READ:
        ck_assert_uint_eq(a->read.session, b->read.session);
        ck_assert_uint_eq(a->read.number, b->read.number);
        break;
    case FRAME_READ_INDEX:
        ck_assert_uint_eq(a->read_index.session, b->read_index.session);
        ck_assert_uint_eq(a->read_index.number, b->read_index.number);
        ck_assert_int_eq(a->read_index.ok, b->read_index.ok);
        ck_assert_uint_eq(a->read_index.index, b->read_index.index);
        break;
    case FRAME_CONFIRM:
    case FRAME_CONFIRMED:
        ck_assert_uint_eq(a->confirm.term, b->confirm.term);
        ck_assert_uint_eq(a->confirm.number, b->confirm.number);
        break;
    }
}

START_TEST(comes_back_as_it_was)
{
    struct frame *want = kinds[_i].make(), *got = NULL;
    struct buf b = encoded(kinds[_i].make()), again;

    ck_assert_int_eq(frame_length(buf_as_span(&b)), (int64_t)b.len);
    ck_assert_msg(decode(buf_as_span(&b), &got) == 0, "%s", kinds[_i].name);
    check_same(want, got);
    again = encoded(got);
    ck_assert_msg(span_eq(buf_as_span(&b), buf_as_span(&again)), "%s", kinds[_i].name);
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
    struct buf b = encoded(a_confirm());

    ck_assert_uint_eq(b.len, sizeof(want) - 1);
    ck_assert_mem_eq(b.ptr, want, b.len);
    buf_fini(&b);
}
END_TEST

/* With a checksum that fits and without: nothing that is cut short is taken for whole. */
START_TEST(cut_anywhere_is_refused)
{
    struct buf b = encoded(kinds[_i].make());
    size_t whole = b.len;
    struct frame *f = NULL;

    for (size_t n = 0; n < whole; n++) {
        b.len = n;
        ck_assert_int_eq(decode(buf_as_span(&b), &f), ERR_MALFORMED);
        if (n < FRAME_HEAD_BYTES)
            continue;
        put_checksum(&b);
        ck_assert_msg(decode(buf_as_span(&b), &f) == ERR_MALFORMED, "%s, %zu of %zu bytes",
                      kinds[_i].name, n, whole);
    }
    buf_fini(&b);
}
END_TEST

START_TEST(a_byte_more_is_refused)
{
    struct buf b = encoded(kinds[_i].make());
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
    struct buf b = encoded(kinds[_i].make());
    struct frame *f = NULL;

    for (size_t i = 4; i < b.len; i++) {
        b.ptr[i] = (char)(b.ptr[i] ^ 1 << (i % 8));
        ck_assert_msg(decode(buf_as_span(&b), &f) == ERR_CORRUPT, "%s, byte %zu", kinds[_i].name,
                      i);
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
    {"type 0", a_read, TYPE_AT, 0, ERR_VERSION},
    {"type beyond the last", a_read, TYPE_AT, FRAME_CONFIRMED + 1, ERR_VERSION},
    {"format 0", a_read, FORMAT_AT, 0, ERR_VERSION},
    {"later format", a_read, FORMAT_AT, FRAME_FORMAT + 1, ERR_VERSION},
    {"reserved in use", a_read, TYPE_AT + 2, 1, ERR_MALFORMED},
    {"message type 0", a_vote, BODY_AT, 0, ERR_VERSION},
    {"message type beyond the last", a_vote, BODY_AT, PEER_TIMEOUT_NOW + 1, ERR_VERSION},
    {"unknown flag of a vote", a_vote, BODY_AT + 36, 4, ERR_MALFORMED},
    {"unknown flag of a result", a_vote_result, BODY_AT + 20, 4, ERR_MALFORMED},
    {"entry of no type", an_append, BODY_AT + 56, 0, ERR_MALFORMED},
    {"entry of a later type", an_append, BODY_AT + 56, ENTRY_CHANGE + 1, ERR_MALFORMED},
    {"more entries than bytes", an_append, BODY_AT + 47, 0xff, ERR_MALFORMED},
    {"entry longer than the frame", an_append, BODY_AT + 61, 0xff, ERR_MALFORMED},
    {"role beyond the last", a_snapshot, BODY_AT + 56, MEMBER_SPARE + 1, ERR_MALFORMED},
    {"more members than bytes", a_snapshot, BODY_AT + 44, LIMIT_MEMBERS + 1, ERR_MALFORMED},
    {"more commands than bytes", a_forward, BODY_AT + 27, 0xff, ERR_MALFORMED},
    {"command without room for a stamp", a_forward, BODY_AT + 28, COMMAND_HEAD_BYTES - 1,
     ERR_MALFORMED},
    {"more requests than bytes", a_refused, BODY_AT + 19, 0xff, ERR_MALFORMED},
    {"neither yes nor no", a_read_index, BODY_AT + 16, 2, ERR_MALFORMED},
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
    struct buf b = encoded(a_snapshot());
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
    struct frame *f = frame_new(FRAME_MESSAGE, FROM, TO);
    struct peer_append *a = &message(f, PEER_APPEND, 2)->append;
    size_t fixed;

    a->entries[0] = (struct log_entry){1, ENTRY_COMMAND, some_bytes(LIMIT_ENTRY_BYTES, 'x')};
    a->entries[1] = (struct log_entry){1, ENTRY_COMMAND, blob_new(0)};
    fixed = frame_bytes(f);
    ck_assert_uint_ge(n, fixed);
    blob_unref(a->entries[1].payload);
    a->entries[1].payload = some_bytes(n - fixed, 'y');
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
    struct frame *f = frame_new(FRAME_MESSAGE, FROM, TO);
    struct peer_append *a = &message(f, PEER_APPEND, 1)->append;
    struct buf b;

    a->entries[0] = (struct log_entry){1, ENTRY_COMMAND, some_bytes(LIMIT_ENTRY_BYTES + 1, 'x')};
    b = encoded(f);
    f = NULL;
    ck_assert_int_eq(decode(buf_as_span(&b), &f), ERR_MALFORMED);
    buf_fini(&b);
}
END_TEST

START_TEST(length_waits_for_its_bytes)
{
    struct buf b = encoded(a_read());

    for (size_t n = 0; n < 4; n++)
        ck_assert_int_eq(frame_length(span_make(b.ptr, n)), 0);
    ck_assert_int_eq(frame_length(span_make(b.ptr, 4)), (int64_t)b.len);
    buf_fini(&b);
}
END_TEST

/* Decoded payloads stay when the bytes go. */
START_TEST(payloads_are_copies)
{
    struct buf b = encoded(an_append());
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
    int n = CP_COUNT(kinds);

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
