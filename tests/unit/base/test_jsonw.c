#include "base/jsonw.h"

#include "base/check.h"
#include "base/clock.h"
#include "test_base.h"

#define ROW(in, out)                                                                               \
    {                                                                                              \
        {(in), sizeof(in) - 1}, out                                                                \
    }

/* Source: contract, keys 8. */
static const struct {
    struct span in;
    const char *out;
} string_rows[] = {
    ROW("", ""),
    ROW("plain text, with / and ' and \x7f", "plain text, with / and ' and \x7f"),
    ROW("\"\\\n\r\t", "\\\"\\\\\\n\\r\\t"),
    ROW("a\0b", "a\\u0000b"),
    ROW("\b\f\x01\x1f", "\\u0008\\u000c\\u0001\\u001f"),
    ROW("<a href='x'>&</a>", "\\u003ca href='x'\\u003e\\u0026\\u003c/a\\u003e"),
    ROW("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
    ROW("x\xe2\x80\xa7y\xe2\x80\xa8z\xe2\x80\xa9\xe2\x80\xaa",
        "x\xe2\x80\xa7y\\u2028z\\u2029\xe2\x80\xaa"),
    ROW("\xef\xbf\xbd", "\xef\xbf\xbd"),
    ROW("\xff", "\\ufffd"),
    ROW("a\xffz\xfe", "a\\ufffdz\\ufffd"),
    ROW("\x80\xbf", "\\ufffd\\ufffd"),
    ROW("\xc0\x80", "\\ufffd\\ufffd"),
    ROW("\xc1\xbf", "\\ufffd\\ufffd"),
    ROW("\xc2", "\\ufffd"),
    ROW("\xc2x", "\\ufffdx"),
    ROW("\xe2\x82", "\\ufffd\\ufffd"),
    ROW("\xe2\x82z", "\\ufffd\\ufffdz"),
    ROW("\xe0\x9f\xbf", "\\ufffd\\ufffd\\ufffd"),
    ROW("\xe0\xa0\x80", "\xe0\xa0\x80"),
    ROW("\xed\x9f\xbf", "\xed\x9f\xbf"),
    ROW("\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd"),
    ROW("\xee\x80\x80", "\xee\x80\x80"),
    ROW("\xf0\x8f\xbf\xbf", "\\ufffd\\ufffd\\ufffd\\ufffd"),
    ROW("\xf0\x90\x80\x80", "\xf0\x90\x80\x80"),
    ROW("\xf0\x9f\x98", "\\ufffd\\ufffd\\ufffd"),
    ROW("\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"),
    ROW("\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"),
    ROW("\xf5\x80\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"),
    ROW("12345678\"", "12345678\\\""),
    ROW("1234567\"8", "1234567\\\"8"),
    ROW("123456789abcdef\xe2\x80\xa8", "123456789abcdef\\u2028"),
};

START_TEST(strings)
{
    struct buf got = {0}, want = {0};

    buf_lit(&got, "before");
    jsonw_str(&got, string_rows[_i].in);
    buf_printf(&want, "before\"%s\"", string_rows[_i].out);
    ck_assert_span_eq(buf_as_span(&got), buf_as_span(&want), string_rows[_i].out);
    buf_fini(&got);
    buf_fini(&want);
}
END_TEST

/* Another way to the same answer: by code points, a byte at a time. */
static void slow_str(struct buf *b, struct span s)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

    buf_char(b, '"');
    for (size_t i = 0; i < s.len;) {
        unsigned char c = (unsigned char)s.ptr[i];
        unsigned n = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
        uint32_t point = n == 1 ? c : c & (0x7fu >> n);
        bool valid = n == 1 || (c >= 0xc0 && c < 0xf8 && s.len - i >= n);

        for (unsigned k = 1; valid && k < n; k++) {
            unsigned char next = (unsigned char)s.ptr[i + k];

            valid = next >> 6 == 2;
            point = point << 6 | (next & 0x3f);
        }
        if (valid && (point < least[n] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)))
            valid = false;
        if (!valid) {
            buf_lit(b, "\\ufffd");
            i++;
            continue;
        }
        if (point == '"' || point == '\\')
            buf_printf(b, "\\%c", (char)point);
        else if (point == '\n' || point == '\r' || point == '\t')
            buf_printf(b, "\\%c", point == '\n' ? 'n' : point == '\r' ? 'r' : 't');
        else if (point < 0x20 || point == '<' || point == '>' || point == '&' ||
                 (point & ~1u) == 0x2028)
            buf_printf(b, "\\u%04x", point);
        else
            buf_add(b, s.ptr + i, n);
        i += n;
    }
    buf_char(b, '"');
}

START_TEST(strings_as_a_slow_writer)
{
    static const char edge[] =
        "\x7f\x80\x81\x8f\x90\x9f\xa0\xa8\xa9\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xe2"
        "\xec\xed\xee\xef\xf0\xf1\xf3\xf4\xf5\xff<>&\"\\\n\0abcd";
    uint64_t random = 1;
    struct buf got = {0}, want = {0};

    for (int round = 0; round < 20000; round++) {
        char text[24];
        size_t n;

        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        n = (random >> 40) % (sizeof(text) + 1);
        for (size_t i = 0; i < n; i++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
            text[i] = edge[(random >> 40) % (sizeof(edge) - 1)];
        }
        buf_clear(&got);
        buf_clear(&want);
        jsonw_str(&got, span_make(text, n));
        slow_str(&want, span_make(text, n));
        ck_assert_span_eq(buf_as_span(&got), buf_as_span(&want), "random text");
    }
    buf_fini(&got);
    buf_fini(&want);
}
END_TEST

START_TEST(every_offset_of_an_escape)
{
    struct buf got = {0}, want = {0};
    char text[40];

    for (size_t at = 0; at < sizeof(text); at++) {
        memset(text, 'x', sizeof(text));
        text[at] = '<';
        buf_clear(&got);
        buf_clear(&want);
        jsonw_str(&got, span_make(text, sizeof(text)));
        slow_str(&want, span_make(text, sizeof(text)));
        ck_assert_span_eq(buf_as_span(&got), buf_as_span(&want), "one escape");
    }
    buf_fini(&got);
    buf_fini(&want);
}
END_TEST

static const struct {
    int64_t wall_ns;
    const char *want;
} time_rows[] = {
    {0, "1970-01-01T00:00:00Z"},
    {1, "1970-01-01T00:00:00.000000001Z"},
    {-1, "1969-12-31T23:59:59.999999999Z"},
    {500000000, "1970-01-01T00:00:00.5Z"},
    {-500000000, "1969-12-31T23:59:59.5Z"},
    {INT64_C(1763682667882351443), "2025-11-20T23:51:07.882351443Z"},
    {INT64_C(1763682667882351440), "2025-11-20T23:51:07.88235144Z"},
    {INT64_C(1763682667000000000), "2025-11-20T23:51:07Z"},
    {INT64_C(951782399) * NS_PER_S, "2000-02-28T23:59:59Z"},
    {INT64_C(951782400) * NS_PER_S, "2000-02-29T00:00:00Z"},
    {INT64_C(951868800) * NS_PER_S, "2000-03-01T00:00:00Z"},
    {INT64_C(1709164800) * NS_PER_S, "2024-02-29T00:00:00Z"},
    {INT64_C(1735689599) * NS_PER_S, "2024-12-31T23:59:59Z"},
    {INT64_C(1735689600) * NS_PER_S, "2025-01-01T00:00:00Z"},
    {INT64_C(4107542400) * NS_PER_S, "2100-03-01T00:00:00Z"},
    {INT64_C(4107542399) * NS_PER_S, "2100-02-28T23:59:59Z"},
    {INT64_MAX, "2262-04-11T23:47:16.854775807Z"},
    {INT64_MIN, "1677-09-21T00:12:43.145224192Z"},
};

START_TEST(times)
{
    struct buf got = {0}, want = {0};

    jsonw_time(&got, time_rows[_i].wall_ns);
    buf_printf(&want, "\"%s\"", time_rows[_i].want);
    ck_assert_span_eq(buf_as_span(&got), buf_as_span(&want), time_rows[_i].want);
    buf_fini(&got);
    buf_fini(&want);
}
END_TEST

START_TEST(times_with_fixed_digits)
{
    struct buf b = {0};

    jsonw_utc(&b, INT64_C(1763682667004999999), 3);
    buf_char(&b, ' ');
    jsonw_utc(&b, INT64_C(1763682667004999999), 0);
    buf_char(&b, ' ');
    jsonw_utc(&b, INT64_C(1763682667000000000), 9);
    ck_assert_str_eq(buf_cstr(&b), "2025-11-20T23:51:07.004Z 2025-11-20T23:51:07Z "
                                   "2025-11-20T23:51:07.000000000Z");
    buf_fini(&b);
}
END_TEST

TCase *jsonw_case(void)
{
    TCase *tc = tcase_create("jsonw");

    tcase_add_loop_test(tc, strings, 0, CP_COUNT(string_rows));
    tcase_add_test(tc, strings_as_a_slow_writer);
    tcase_add_test(tc, every_offset_of_an_escape);
    tcase_add_loop_test(tc, times, 0, CP_COUNT(time_rows));
    tcase_add_test(tc, times_with_fixed_digits);
    return tc;
}
