#include "test_proto.h"

#include "proto/limits.h"
#include "proto/url.h"
#include "proto/v2.h"

#include <check.h>
#include <stdlib.h>

#define S(literal)                                                                                 \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

#define ck_assert_span_eq(got, want, name)                                                         \
    do {                                                                                           \
        struct span got_ = (got), want_ = (want);                                                  \
        ck_assert_msg(span_eq(got_, want_), "%s: got %.*s, want %.*s", (name), (int)got_.len,      \
                      got_.ptr, (int)want_.len, want_.ptr);                                        \
    } while (0)

static const struct {
    struct span in;
    enum url_mode mode;
    struct span out;
    struct span bad; /* ptr NULL: good */
} unescape_rows[] = {
    {S(""), URL_QUERY, S(""), {0}},
    {S("a+b%20c"), URL_QUERY, S("a b c"), {0}},
    {S("a+b%20c"), URL_PATH, S("a+b c"), {0}},
    {S("%00%ff%FF%aF"), URL_PATH, S("\0\xff\xff\xaf"), {0}},
    {S("%2F%2e%2b"), URL_QUERY, S("/.+"), {0}},
    {S("%25%32"), URL_QUERY, S("%2"), {0}},
    {S("\xff raw \x01"), URL_QUERY, S("\xff raw \x01"), {0}},
    {S("%"), URL_QUERY, S(""), S("%")},
    {S("%4"), URL_QUERY, S(""), S("%4")},
    {S("a%4"), URL_QUERY, S(""), S("%4")},
    {S("%zz"), URL_QUERY, S(""), S("%zz")},
    {S("ok%4gmore"), URL_QUERY, S(""), S("%4g")},
    {S("%g4more"), URL_PATH, S(""), S("%g4")},
    {S("%%41"), URL_QUERY, S(""), S("%%4")},
    {S("%41%"), URL_QUERY, S(""), S("%")},
    {S("% 1"), URL_QUERY, S(""), S("% 1")},
    {S("%+1"), URL_QUERY, S(""), S("%+1")},
    {S("%4\0"), URL_QUERY, S(""), S("%4\0")},
};

START_TEST(unescape)
{
    struct buf got = {0};
    struct span bad = {0};
    struct buf want = {0};

    buf_lit(&got, "kept");
    buf_lit(&want, "kept");
    buf_span(&want, unescape_rows[_i].out);

    bool ok = url_unescape(&got, unescape_rows[_i].in, unescape_rows[_i].mode, &bad);

    ck_assert_msg(ok == (unescape_rows[_i].bad.ptr == NULL), "%s", unescape_rows[_i].in.ptr);
    ck_assert_span_eq(buf_as_span(&got), buf_as_span(&want), unescape_rows[_i].in.ptr);
    if (!ok)
        ck_assert_span_eq(bad, unescape_rows[_i].bad, unescape_rows[_i].in.ptr);
    buf_fini(&got);
    buf_fini(&want);
}
END_TEST

START_TEST(escape_as_go)
{
    struct buf path = {0}, query = {0};
    struct span all = S(" !\"#$%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~\x7f\xc3\xa9\0\n");

    url_escape_path(&path, all);
    url_escape_query(&query, all);
    ck_assert_str_eq(
        buf_cstr(&path),
        "%20%21%22%23$%25&%27%28%29%2A+,-./09:;%3C=%3E%3F@AZ%5B%5C%5D%5E_%60az%7B%7C%7D~%7F"
        "%C3%A9%00%0A");
    ck_assert_str_eq(
        buf_cstr(&query),
        "+%21%22%23%24%25%26%27%28%29%2A%2B%2C-.%2F09%3A%3B%3C%3D%3E%3F%40AZ%5B%5C%5D%5E_"
        "%60az%7B%7C%7D~%7F%C3%A9%00%0A");
    buf_fini(&path);
    buf_fini(&query);
}
END_TEST

START_TEST(escape_and_back)
{
    struct buf escaped = {0}, back = {0};
    char all[256];
    struct span bad;

    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    for (int mode = URL_PATH; mode <= URL_QUERY; mode++) {
        buf_clear(&escaped);
        buf_clear(&back);
        if (mode == URL_PATH)
            url_escape_path(&escaped, span_make(all, 256));
        else
            url_escape_query(&escaped, span_make(all, 256));
        ck_assert(url_unescape(&back, buf_as_span(&escaped), (enum url_mode)mode, &bad));
        ck_assert_span_eq(buf_as_span(&back), span_make(all, 256), "all bytes");
    }
    buf_fini(&escaped);
    buf_fini(&back);
}
END_TEST

static const struct {
    const char *in;
    const char *pairs; /* name=value; of each */
} pair_rows[] = {
    {"", ""},
    {"&", ""},
    {"&&&", ""},
    {"a", "a=;"},
    {"a=", "a=;"},
    {"=", "=;"},
    {"=v", "=v;"},
    {"a=1&b=2", "a=1;b=2;"},
    {"&a=1&&b=2&", "a=1;b=2;"},
    {"a=1=2", "a=1=2;"},
    {"a&b&a=%26", "a=;b=;a=%26;"},
    {"wait&recursive=true", "wait=;recursive=true;"},
};

START_TEST(pairs)
{
    struct buf got = {0};
    struct span rest = span_of(pair_rows[_i].in);
    struct url_pair pair;

    while (url_next_pair(&rest, &pair))
        buf_printf(&got, "%.*s=%.*s;", (int)pair.name.len, pair.name.ptr, (int)pair.value.len,
                   pair.value.ptr);
    ck_assert_uint_eq(rest.len, 0);
    ck_assert_str_eq(buf_cstr(&got), pair_rows[_i].pairs);
    buf_fini(&got);
}
END_TEST

static const struct {
    const char *in, *out;
} clean_rows[] = {
    {"", "/"},
    {"/", "/"},
    {"a", "/a"},
    {"/a", "/a"},
    {"/a/", "/a/"},
    {"//", "/"},
    {"//a", "/a"},
    {"/a//b", "/a/b"},
    {"/a/b//", "/a/b/"},
    {"/.", "/"},
    {"/./", "/"},
    {"/a/.", "/a"},
    {"/a/./", "/a/"},
    {"/..", "/"},
    {"/../..", "/"},
    {"/../a", "/a"},
    {"/a/..", "/"},
    {"/a/../", "/"},
    {"/a/b/..", "/a"},
    {"/a/b/../", "/a/"},
    {"/a/b/../../../c", "/c"},
    {"/...", "/..."},
    {"/..a/.b/c..", "/..a/.b/c.."},
    {"/v2/keys/..", "/v2"},
    {"/v2/keys/a/..", "/v2/keys"},
    {"/v2/keys//", "/v2/keys/"},
    {"/v2/keys/a//b/./c/../d", "/v2/keys/a/b/d"},
};

START_TEST(clean)
{
    struct buf got = {0};
    struct span in = span_of(clean_rows[_i].in);
    bool same;

    /* What stood in the buffer is neither changed nor taken for a part of the path. */
    buf_lit(&got, "/x");
    same = url_clean_path(&got, in);
    ck_assert_msg(same == (strcmp(clean_rows[_i].in, clean_rows[_i].out) == 0), "%s",
                  clean_rows[_i].in);
    ck_assert_span_eq(span_from(buf_as_span(&got), 2), span_of(clean_rows[_i].out),
                      clean_rows[_i].in);
    ck_assert(span_starts(buf_as_span(&got), SPAN("/x")));
    buf_fini(&got);
}
END_TEST

START_TEST(clean_at_the_limits)
{
    struct buf deep = {0}, got = {0};

    for (int i = 0; i < LIMIT_PATH_BYTES / 2; i++)
        buf_lit(&deep, "/a");
    ck_assert(url_clean_path(&got, buf_as_span(&deep)));
    for (int i = 0; i < LIMIT_PATH_BYTES / 2 + 1; i++)
        buf_lit(&deep, "/..");
    buf_clear(&got);
    ck_assert(!url_clean_path(&got, buf_as_span(&deep)));
    ck_assert_span_eq(buf_as_span(&got), SPAN("/"), "all the way up");
    buf_fini(&deep);
    buf_fini(&got);
}
END_TEST

/* Source: contract, keys 4. */
static const struct {
    int code, status;
    const char *message;
} code_rows[] = {
    {100, 404, "Key not found"},
    {101, 412, "Compare failed"},
    {102, 403, "Not a file"},
    {104, 400, "Not a directory"},
    {105, 412, "Key already exists"},
    {107, 400, "Root is read only"},
    {108, 403, "Directory not empty"},
    {110, 401, "The request requires user authentication"},
    {201, 400, "PrevValue is Required in POST form"},
    {202, 400, "The given TTL in POST form is not a number"},
    {203, 400, "The given index in POST form is not a number"},
    {209, 400, "Invalid field"},
    {210, 400, "Invalid POST form"},
    {211, 400, "Value provided on refresh"},
    {212, 400, "A TTL must be provided on refresh"},
    {300, 500, "Raft Internal Error"},
    {301, 500, "During Leader Election"},
    {401, 400, "The event in requested index is outdated and cleared"},
    {206, 400, ""},
    {999, 400, ""},
};

START_TEST(codes)
{
    enum v2_code code = (enum v2_code)code_rows[_i].code;

    ck_assert_str_eq(v2_message(code), code_rows[_i].message);
    ck_assert_int_eq(v2_status(code), code_rows[_i].status);
}
END_TEST

START_TEST(actions)
{
    static const char *const want[] = {
        "get", "set", "create", "update", "compareAndSwap", "delete", "compareAndDelete", "expire"};

    for (size_t i = 0; i < CP_COUNT(want); i++)
        ck_assert_str_eq(v2_action_name((enum v2_action)i), want[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("proto");
    TCase *tc = tcase_create("url and words");

    tcase_add_loop_test(tc, unescape, 0, CP_COUNT(unescape_rows));
    tcase_add_test(tc, escape_as_go);
    tcase_add_test(tc, escape_and_back);
    tcase_add_loop_test(tc, pairs, 0, CP_COUNT(pair_rows));
    tcase_add_loop_test(tc, clean, 0, CP_COUNT(clean_rows));
    tcase_add_test(tc, clean_at_the_limits);
    tcase_add_loop_test(tc, codes, 0, CP_COUNT(code_rows));
    tcase_add_test(tc, actions);
    suite_add_tcase(suite, tc);
    suite_add_tcase(suite, peer_url_case());

    SRunner *runner = srunner_create(suite);

    srunner_run_all(runner, CK_NORMAL);

    int failed = srunner_ntests_failed(runner);

    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
