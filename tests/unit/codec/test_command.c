#include "codec/command.h"

#include "base/buf.h"
#include "base/mem.h"
#include "proto/limits.h"
#include "test_codec.h"

#define PATH_AT (COMMAND_HEAD_BYTES + 36) /* where the path of a STORE command begins */

static const struct command rows[] = {
    {.kind = COMMAND_STORE,
     .stamp_ns = INT64_C(1763682667882351443),
     .origin = UINT64_C(0x8e9e05c52164694d),
     .request = 1,
     .op = {.verb = OP_PUT,
            .exist = OP_EXIST_YES,
            .flags = OP_HAS_PREV_VALUE | OP_HAS_TTL | OP_NO_VALUE,
            .prev_index = UINT64_MAX,
            .ttl_s = UINT64_MAX - 1,
            .path = S("/a/b\0c\xff"),
            .value = S("new \0 value"),
            .prev_value = S("old")}},
    {.kind = COMMAND_STORE,
     .stamp_ns = INT64_MIN,
     .op =
         {.verb = OP_DELETE, .exist = OP_EXIST_NO, .flags = OP_DIR | OP_RECURSIVE, .path = S("/")}},
    {.kind = COMMAND_STORE,
     .stamp_ns = INT64_MAX,
     .origin = UINT64_MAX,
     .request = UINT64_MAX,
     .op = {.verb = OP_POST, .flags = OP_REFRESH, .path = S("/q"), .value = S("v")}},
    {.kind = COMMAND_EXPIRE, .stamp_ns = 5, .expire_max = UINT32_MAX},
    {.kind = COMMAND_LEVEL, .origin = 3, .level = 77},
    {.kind = COMMAND_MEMBER, .member = {.id = 1}},
    {.kind = COMMAND_MEMBER,
     .member = {.id = UINT64_MAX,
                .name = S("default"),
                .n_peer_urls = 1,
                .n_client_urls = 2,
                .peer_urls = {S("http://localhost:2380")},
                .client_urls = {S("http://localhost:2379"), S("")}}},
    {.kind = COMMAND_MEMBER_ADD,
     .member = {.id = 2, .name = S("m"), .n_peer_urls = 2, .peer_urls = {S("http://a:1"), S("x")}}},
    {.kind = COMMAND_MEMBER_REMOVE, .member = {.id = 3}},
    {.kind = COMMAND_MEMBER_UPDATE,
     .member = {.id = 4, .n_peer_urls = 1, .peer_urls = {S("http://b:1")}}},
    {.kind = COMMAND_ACCOUNT,
     .account = {.verb = ACCOUNT_PUT_USER,
                 .name = S("a"),
                 .hash = S("$2a$10$x"),
                 .list = {[USER_ROLES] = {.null = true},
                          [USER_GRANT] = {.packed = S("\1\0\0\0r\0\0\0\0"), .n = 2}}}},
    {.kind = COMMAND_ACCOUNT, .account = {.verb = ACCOUNT_ENABLE, .guest_open = true}},
    /* What a request wants gone stands in its URL: any bytes (auth-name-no-text). */
    {.kind = COMMAND_ACCOUNT, .account = {.verb = ACCOUNT_DELETE_ROLE, .name = S("he\xe3=1")}},
    {.kind = COMMAND_ACCOUNT, .account = {.verb = ACCOUNT_DELETE_USER, .name = S("\xff")}},
};

static void check_same_op(const struct store_op *a, const struct store_op *b)
{
    ck_assert_int_eq(a->verb, b->verb);
    ck_assert_int_eq(a->exist, b->exist);
    ck_assert_uint_eq(a->flags, b->flags);
    ck_assert_uint_eq(a->prev_index, b->prev_index);
    ck_assert_uint_eq(a->ttl_s, b->ttl_s);
    ck_assert_span_eq(a->path, b->path, "path");
    ck_assert_span_eq(a->value, b->value, "value");
    ck_assert_span_eq(a->prev_value, b->prev_value, "prev_value");
}

static void check_same_member(const struct command_member *a, const struct command_member *b)
{
    ck_assert_uint_eq(a->id, b->id);
    ck_assert_span_eq(a->name, b->name, "name");
    ck_assert_uint_eq(a->n_peer_urls, b->n_peer_urls);
    ck_assert_uint_eq(a->n_client_urls, b->n_client_urls);
    for (unsigned i = 0; i < a->n_peer_urls; i++)
        ck_assert_span_eq(a->peer_urls[i], b->peer_urls[i], "peer URL");
    for (unsigned i = 0; i < a->n_client_urls; i++)
        ck_assert_span_eq(a->client_urls[i], b->client_urls[i], "client URL");
}

static void check_same_account(const struct account_op *a, const struct account_op *b)
{
    ck_assert_int_eq(a->verb, b->verb);
    ck_assert_int_eq(a->guest_open, b->guest_open);
    ck_assert_span_eq(a->name, b->name, "name");
    ck_assert_span_eq(a->hash, b->hash, "hash");
    for (unsigned i = 0; i < ACCOUNT_LISTS; i++)
        ck_assert_msg(texts_same(a->list[i], b->list[i]), "list %u", i);
}

START_TEST(round_trip)
{
    const struct command *want = &rows[_i];
    struct blob *b = command_encode(want);
    struct command got;
    struct err e;

    memset(&got, 0xa5, sizeof(got));
    ck_assert_int_eq(command_decode(blob_span(b), &got, &e), 0);
    ck_assert_int_eq(got.kind, want->kind);
    ck_assert_int_eq(got.stamp_ns, want->stamp_ns);
    ck_assert_uint_eq(got.origin, want->origin);
    ck_assert_uint_eq(got.request, want->request);
    switch (want->kind) {
    case COMMAND_STORE:
        check_same_op(&got.op, &want->op);
        break;
    case COMMAND_EXPIRE:
        ck_assert_uint_eq(got.expire_max, want->expire_max);
        break;
    case COMMAND_LEVEL:
        ck_assert_uint_eq(got.level, want->level);
        break;
    case COMMAND_MEMBER:
    case COMMAND_MEMBER_ADD:
    case COMMAND_MEMBER_REMOVE:
    case COMMAND_MEMBER_UPDATE:
        check_same_member(&got.member, &want->member);
        break;
    case COMMAND_ACCOUNT:
        check_same_account(&got.account, &want->account);
        break;
    }
    blob_unref(b);
}
END_TEST

/* Each in memory of exactly its size, so that a sanitizer sees the first byte read beyond. */
static int decode_copy(struct span bytes, struct command *c)
{
    char *copy = mem_dup(bytes.ptr, bytes.len);
    int rc = command_decode(span_make(copy, bytes.len), c, NULL);

    mem_free(copy);
    return rc;
}

START_TEST(every_cut_is_refused)
{
    struct blob *b = command_encode(&rows[_i]);
    struct command c;

    for (size_t n = 0; n < b->len; n++)
        ck_assert_msg(decode_copy(span_make(b->data, n), &c) == ERR_MALFORMED, "%zu of %zu", n,
                      b->len);

    struct buf longer = {0};

    buf_span(&longer, blob_span(b));
    buf_char(&longer, '\0');
    ck_assert_int_eq(decode_copy(buf_as_span(&longer), &c), ERR_MALFORMED);
    buf_fini(&longer);
    blob_unref(b);
}
END_TEST

/* What is on disks and wires: a change here needs a new format number. */
START_TEST(format_1_to_the_byte)
{
    static const char want[] = "\x01\x01\0\0"
                               "\x08\x07\x06\x05\x04\x03\x02\x01"
                               "\x18\x17\x16\x15\x14\x13\x12\x11"
                               "\x28\x27\x26\x25\x24\x23\x22\x21"
                               "\x01\x02\0\0"
                               "\x18\0\0\0"
                               "\x38\x37\x36\x35\x34\x33\x32\x31"
                               "\x48\x47\x46\x45\x44\x43\x42\x41"
                               "\x02\0\0\0"
                               "\x03\0\0\0"
                               "\x01\0\0\0"
                               "/aabcx";
    const struct command c = {.kind = COMMAND_STORE,
                              .stamp_ns = INT64_C(0x0102030405060708),
                              .origin = UINT64_C(0x1112131415161718),
                              .request = UINT64_C(0x2122232425262728),
                              .op = {.verb = OP_PUT,
                                     .exist = OP_EXIST_NO,
                                     .flags = OP_HAS_PREV_VALUE | OP_HAS_TTL,
                                     .prev_index = UINT64_C(0x3132333435363738),
                                     .ttl_s = UINT64_C(0x4142434445464748),
                                     .path = S("/a"),
                                     .value = S("abc"),
                                     .prev_value = S("x")}};
    const struct command member = {.kind = COMMAND_MEMBER,
                                   .member = {.id = 5,
                                              .name = S("m"),
                                              .n_peer_urls = 1,
                                              .n_client_urls = 1,
                                              .peer_urls = {S("p")},
                                              .client_urls = {S("cc")}}};
    static const char want_member[] = "\x03\x01\0\0"
                                      "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                      "\x05\0\0\0\0\0\0\0\x01\x01\0\0"
                                      "\x01\0\0\0m\x01\0\0\0p\x02\0\0\0"
                                      "cc";
    struct blob *b = command_encode(&c);
    struct blob *m = command_encode(&member);

    ck_assert_uint_eq(b->len, sizeof(want) - 1);
    ck_assert_mem_eq(b->data, want, b->len);
    ck_assert_uint_eq(m->len, sizeof(want_member) - 1);
    ck_assert_mem_eq(m->data, want_member, m->len);
    blob_unref(b);
    blob_unref(m);
}
END_TEST

START_TEST(stamp_and_address)
{
    struct blob *b = command_encode(&rows[0]);
    struct command c;

    command_stamp(b, -12345);
    command_address(b, 678, 910);
    ck_assert_int_eq(command_decode(blob_span(b), &c, NULL), 0);
    ck_assert_int_eq(c.stamp_ns, -12345);
    ck_assert_uint_eq(c.origin, 678);
    ck_assert_uint_eq(c.request, 910);
    check_same_op(&c.op, &rows[0].op);
    blob_unref(b);
}
END_TEST

/* One byte of a good command changed. */
static const struct {
    const char *name;
    size_t row, at;
    unsigned char to;
    int want;
} patch_rows[] = {
    {"no kind", 0, 0, 0, ERR_VERSION},
    {"later kind", 0, 0, COMMAND_ACCOUNT + 1, ERR_VERSION},
    {"last kind", 0, 0, 255, ERR_VERSION},
    {"no format", 0, 1, 0, ERR_VERSION},
    {"later format", 0, 1, COMMAND_FORMAT + 1, ERR_VERSION},
    {"reserved of the head", 0, 2, 1, ERR_MALFORMED},
    {"reserved of the head, high", 3, 3, 1, ERR_MALFORMED},
    {"no verb", 0, 28, 0, ERR_MALFORMED},
    {"verb beyond", 0, 28, OP_DELETE + 1, ERR_MALFORMED},
    {"exist beyond", 0, 29, OP_EXIST_NO + 1, ERR_MALFORMED},
    {"reserved of the operation", 0, 31, 1, ERR_MALFORMED},
    {"unknown flag", 0, 32, 0x40, ERR_MALFORMED},
    {"unknown flag, high", 0, 35, 0x80, ERR_MALFORMED},
    {"length of path", 0, 52, 200, ERR_MALFORMED},
    {"length of path, high", 0, 55, 0xff, ERR_MALFORMED},
    {"length of value, high", 0, 59, 0xff, ERR_MALFORMED},
    {"length of prev_value", 0, 60, 2, ERR_MALFORMED},
    {"path not absolute", 0, PATH_AT, 'x', ERR_MALFORMED},
    {"empty component", 0, PATH_AT + 1, '/', ERR_MALFORMED},
    {"slash at the end", 0, PATH_AT + 6, '/', ERR_MALFORMED},
    {"members: peer URLs beyond", 6, 36, COMMAND_MEMBER_URLS + 1, ERR_MALFORMED},
    {"members: client URLs beyond", 6, 37, 255, ERR_MALFORMED},
    {"members: more URLs than there are", 6, 36, 2, ERR_MALFORMED},
    {"members: fewer URLs than there are", 6, 37, 1, ERR_MALFORMED},
    {"members: reserved", 6, 38, 1, ERR_MALFORMED},
    {"members: length of the name", 6, 43, 0x80, ERR_MALFORMED},
    {"accounts: a name that is no text", 10, 36, 0xff, ERR_MALFORMED},
};

START_TEST(damaged_is_refused)
{
    struct blob *b = command_encode(&rows[patch_rows[_i].row]);
    struct command c;
    struct err e;

    ck_assert_uint_ne((unsigned char)b->data[patch_rows[_i].at], patch_rows[_i].to);
    b->data[patch_rows[_i].at] = (char)patch_rows[_i].to;

    int rc = command_decode(blob_span(b), &c, &e);

    ck_assert_msg(rc == patch_rows[_i].want, "%s: %d", patch_rows[_i].name, rc);
    ck_assert_int_eq(e.code, rc);
    ck_assert_str_ne(e.text, "");
    blob_unref(b);
}
END_TEST

START_TEST(path_at_the_limit_and_beyond)
{
    char *path = mem_alloc(LIMIT_PATH_BYTES + 1);
    struct command c = {.kind = COMMAND_STORE,
                        .op = {.verb = OP_PUT, .path = {path, LIMIT_PATH_BYTES}, .value = S("v")}};

    memset(path, 'x', LIMIT_PATH_BYTES + 1);
    path[0] = '/';

    struct blob *b = command_encode(&c);
    struct command got;

    ck_assert_int_eq(command_decode(blob_span(b), &got, NULL), 0);
    ck_assert_uint_eq(got.op.path.len, LIMIT_PATH_BYTES);

    /* The value's byte goes to the path: the same bytes, one more of them path. */
    b->data[52]++;
    b->data[56]--;
    ck_assert_int_eq(command_decode(blob_span(b), &got, NULL), ERR_MALFORMED);
    blob_unref(b);
    mem_free(path);
}
END_TEST

START_TEST(entry_at_the_limit_and_beyond)
{
    size_t fixed = PATH_AT + 2; /* with the path */
    size_t most = LIMIT_ENTRY_BYTES - fixed;
    char *value = mem_zalloc(most + 1);
    struct command c = {.kind = COMMAND_STORE,
                        .op = {.verb = OP_PUT, .path = S("/a"), .value = {value, most}}};
    struct command got;
    struct blob *b = command_encode(&c);

    ck_assert_uint_eq(b->len, LIMIT_ENTRY_BYTES);
    ck_assert_int_eq(command_decode(blob_span(b), &got, NULL), 0);
    blob_unref(b);
    c.op.value.len++;
    b = command_encode(&c);
    ck_assert_int_eq(command_decode(blob_span(b), &got, NULL), ERR_MALFORMED);
    blob_unref(b);
    mem_free(value);
}
END_TEST

START_TEST(member_with_all_urls)
{
    struct command c = {.kind = COMMAND_MEMBER,
                        .member = {.id = 9,
                                   .n_peer_urls = COMMAND_MEMBER_URLS,
                                   .n_client_urls = COMMAND_MEMBER_URLS}};
    struct command got;

    for (unsigned i = 0; i < COMMAND_MEMBER_URLS; i++)
        c.member.peer_urls[i] = c.member.client_urls[i] = SPAN("http://10.0.0.1:2380");

    struct blob *b = command_encode(&c);

    ck_assert_int_eq(command_decode(blob_span(b), &got, NULL), 0);
    check_same_member(&got.member, &c.member);
    blob_unref(b);
}
END_TEST

TCase *command_case(void)
{
    TCase *tc = tcase_create("command");

    tcase_add_loop_test(tc, round_trip, 0, CP_COUNT(rows));
    tcase_add_loop_test(tc, every_cut_is_refused, 0, CP_COUNT(rows));
    tcase_add_test(tc, format_1_to_the_byte);
    tcase_add_test(tc, stamp_and_address);
    tcase_add_loop_test(tc, damaged_is_refused, 0, CP_COUNT(patch_rows));
    tcase_add_test(tc, path_at_the_limit_and_beyond);
    tcase_add_test(tc, entry_at_the_limit_and_beyond);
    tcase_add_test(tc, member_with_all_urls);
    return tc;
}
