/* What Go says about text that is not JSON. */
#include "ctl/gojson.h"
#include "test_ctl.h"

static const struct {
    const char *text, *why;
} rows[] = {
    {"{}", NULL},
    {" [1, -2.5e+3, \"a\\u00e9\\n\", true, false, null, {\"a\": [], \"b\": {}}] \n", NULL},
    {"0", NULL},
    {"\"\"", NULL},
    {"", "unexpected end of JSON input"},
    {"{\"a\":1", "unexpected end of JSON input"},
    {"\"a", "unexpected end of JSON input"},
    {"404 page not found\n", "invalid character 'p' after top-level value"},
    {"<html>", "invalid character '<' looking for beginning of value"},
    {"Method Not Allowed", "invalid character 'M' looking for beginning of value"},
    {"nonsense", "invalid character 'o' in literal null (expecting 'u')"},
    {"trye", "invalid character 'y' in literal true (expecting 'u')"},
    {"{a}", "invalid character 'a' looking for beginning of object key string"},
    {"{\"a\" 1}", "invalid character '1' after object key"},
    {"{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair"},
    {"{\"a\":1,}", "invalid character '}' looking for beginning of object key string"},
    {"[1 2]", "invalid character '2' after array element"},
    {"[1,]", "invalid character ']' looking for beginning of value"},
    {"\"\\x\"", "invalid character 'x' in string escape code"},
    {"\"\\u12g4\"", "invalid character 'g' in \\u hexadecimal character escape"},
    {"\"\n\"", "invalid character '\\n' in string literal"},
    {"-x", "invalid character 'x' in numeric literal"},
    {"1.x", "invalid character 'x' after decimal point in numeric literal"},
    {"1ex", "invalid character 'x' in exponent of numeric literal"},
    {"01", "invalid character '1' after top-level value"},
    {"'", "invalid character '\\'' looking for beginning of value"},
    {"]", "invalid character ']' looking for beginning of value"},
    {"{} {}", "invalid character '{' after top-level value"},
};

START_TEST(message)
{
    struct buf why = {0};
    bool good = gojson_check(span_of(rows[_i].text), &why);

    ck_assert_msg(good == (rows[_i].why == NULL), "row %d: %s", _i, rows[_i].text);
    ck_assert_str_eq(buf_cstr(&why), rows[_i].why != NULL ? rows[_i].why : "");
    buf_fini(&why);
}
END_TEST

START_TEST(deep)
{
    struct buf text = {0}, why = {0};

    for (int i = 0; i < 100000; i++)
        buf_lit(&text, "[");
    ck_assert(!gojson_check(buf_as_span(&text), &why));
    for (int i = 0; i < 100000; i++)
        buf_lit(&text, "]");
    ck_assert(gojson_check(buf_as_span(&text), &why));
    buf_fini(&text);
    buf_fini(&why);
}
END_TEST

TCase *gojson_case(void)
{
    TCase *tc = tcase_create("gojson");

    tcase_add_loop_test(tc, message, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tc, deep);
    return tc;
}
