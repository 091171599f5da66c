/* Go's %q, integers and durations. */
#include "base/check.h"
#include "ctl/text.h"
#include "test_ctl.h"

static const struct {
    struct span bytes;
    const char *quoted;
} quotes[] = {
    {{"a b", 3}, "\"a b\""},
    {{"\"\\\n\t\r", 5}, "\"\\\"\\\\\\n\\t\\r\""},
    {{"\1\x7f\0", 3}, "\"\\x01\\x7f\\x00\""},
    {{"\a\v", 2}, "\"\\a\\v\""},
    {{"\xc3\xbc\xe2\x82\xac", 5}, "\"\xc3\xbc\xe2\x82\xac\""},
    {{"\xff\xc3", 2}, "\"\\xff\\xc3\""},
    {{"\xe2\x80\xa8", 3}, "\"\\u2028\""},
    {{"\xed\xa0\x80", 3}, "\"\\xed\\xa0\\x80\""},
};

START_TEST(quote)
{
    struct buf out = {0};

    text_quote(&out, quotes[_i].bytes);
    ck_assert_str_eq(buf_cstr(&out), quotes[_i].quoted);
    buf_fini(&out);
}
END_TEST

static const struct {
    const char *text;
    enum text_number outcome;
    int64_t value;
} numbers[] = {
    {"0", TEXT_OK, 0},
    {"-1", TEXT_OK, -1},
    {"+30", TEXT_OK, 30},
    {"0x1F", TEXT_OK, 31},
    {"-0b11", TEXT_OK, -3},
    {"017", TEXT_OK, 15},
    {"0o17", TEXT_OK, 15},
    {"9223372036854775807", TEXT_OK, INT64_MAX},
    {"-9223372036854775808", TEXT_OK, INT64_MIN},
    {"9223372036854775808", TEXT_RANGE, 0},
    {"99999999999999999999999", TEXT_RANGE, 0},
    {"", TEXT_SYNTAX, 0},
    {"-", TEXT_SYNTAX, 0},
    {"0x", TEXT_SYNTAX, 0},
    {"08", TEXT_SYNTAX, 0},
    {"1 ", TEXT_SYNTAX, 0},
    {"--1", TEXT_SYNTAX, 0},
};

START_TEST(integers)
{
    int64_t v = 0;

    ck_assert_msg(text_int(numbers[_i].text, &v) == numbers[_i].outcome, "%s", numbers[_i].text);
    ck_assert_int_eq(v, numbers[_i].value);
}
END_TEST

static const struct {
    const char *text;
    bool good;
    int64_t ns;
} durations[] = {
    {"0", true, 0},
    {"-0", true, 0},
    {"300ms", true, 300000000},
    {"2s", true, 2000000000},
    {"1m", true, 60000000000},
    {"1h30m", true, 5400000000000},
    {"1.5s", true, 1500000000},
    {".5s", true, 500000000},
    {"-2s", true, -2000000000},
    {"1ns", true, 1},
    {"4us", true, 4000},
    {"4\xc2\xb5s", true, 4000},
    {"3", false, 0},
    {"", false, 0},
    {"s", false, 0},
    {"1d", false, 0},
    {"1s2", false, 0},
    {".s", false, 0},
    {"soon", false, 0},
    {"99999999999h", false, 0},
};

START_TEST(spans_of_time)
{
    int64_t ns = 0;

    ck_assert_msg(text_duration(durations[_i].text, &ns) == durations[_i].good, "%s",
                  durations[_i].text);
    ck_assert_int_eq(ns, durations[_i].ns);
}
END_TEST

TCase *text_case(void)
{
    TCase *tc = tcase_create("text");

    tcase_add_loop_test(tc, quote, 0, CP_COUNT(quotes));
    tcase_add_loop_test(tc, integers, 0, CP_COUNT(numbers));
    tcase_add_loop_test(tc, spans_of_time, 0, CP_COUNT(durations));
    return tc;
}
