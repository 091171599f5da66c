#include "base/num.h"

#include "base/check.h"
#include "test_base.h"

static const struct {
    const char *text;
    bool ok;
    uint64_t want;
} u64_rows[] = {
    {"0", true, 0},
    {"7", true, 7},
    {"00000000000000000000000000000012", true, 12},
    {"18446744073709551615", true, UINT64_MAX},
    {"018446744073709551615", true, UINT64_MAX},
    {"18446744073709551614", true, UINT64_MAX - 1},
    {"18446744073709551616", false, 0},
    {"18446744073709551620", false, 0},
    {"99999999999999999999", false, 0},
    {"100000000000000000000", false, 0},
    {"", false, 0},
    {"+1", false, 0},
    {"-1", false, 0},
    {" 1", false, 0},
    {"1 ", false, 0},
    {"0x1", false, 0},
    {"1e3", false, 0},
    {"1_000", false, 0},
    {"/", false, 0},
    {":", false, 0},
};

START_TEST(u64_from_text)
{
    uint64_t got = 4711;
    bool ok = num_u64(span_of(u64_rows[_i].text), &got);

    ck_assert_msg(ok == u64_rows[_i].ok, "\"%s\"", u64_rows[_i].text);
    ck_assert_msg(got == (ok ? u64_rows[_i].want : 4711), "\"%s\": %ju", u64_rows[_i].text,
                  (uintmax_t)got);
}
END_TEST

START_TEST(u64_refuses_a_nul_byte)
{
    uint64_t got;

    ck_assert(!num_u64(SPAN("1\0"), &got));
}
END_TEST

static const struct {
    const char *text;
    int want; /* -1: refused */
} bool_rows[] = {
    {"1", 1},      {"t", 1},     {"T", 1},     {"TRUE", 1},  {"true", 1},   {"True", 1},
    {"0", 0},      {"f", 0},     {"F", 0},     {"FALSE", 0}, {"false", 0},  {"False", 0},
    {"", -1},      {"tRUE", -1}, {"TRue", -1}, {"yes", -1},  {"no", -1},    {"2", -1},
    {"true ", -1}, {"01", -1},   {"on", -1},   {"tru", -1},  {"falsE", -1}, {"truee", -1},
};

START_TEST(bool_from_text)
{
    bool got = false;
    bool ok = num_bool(span_of(bool_rows[_i].text), &got);

    ck_assert_msg((ok ? got : -1) == bool_rows[_i].want, "\"%s\"", bool_rows[_i].text);
}
END_TEST

TCase *num_case(void)
{
    TCase *tc = tcase_create("num");

    tcase_add_loop_test(tc, u64_from_text, 0, CP_COUNT(u64_rows));
    tcase_add_test(tc, u64_refuses_a_nul_byte);
    tcase_add_loop_test(tc, bool_from_text, 0, CP_COUNT(bool_rows));
    return tc;
}
