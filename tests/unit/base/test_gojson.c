/* What Go says about text that is not JSON. */
#include "base/gojson.h"
#include "base/gojson_walk.h"
#include "test_base.h"

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
    {"nul", "invalid character ' ' in literal null (expecting 'l')"},
    {"-", "invalid character ' ' in numeric literal"},
    {"[1.", "invalid character ' ' after decimal point in numeric literal"},
    {"[1", "unexpected end of JSON input"},
    {"\"\\", "invalid character ' ' in string escape code"},
    {"\"\\u1", "invalid character ' ' in \\u hexadecimal character escape"},
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

    for (int i = 0; i < 10000; i++)
        buf_lit(&text, "[");
    ck_assert(!gojson_check(buf_as_span(&text), &why));
    ck_assert_str_eq(buf_cstr(&why), "unexpected end of JSON input");
    buf_lit(&text, "[");
    buf_clear(&why);
    ck_assert(!gojson_check(buf_as_span(&text), &why));
    ck_assert_str_eq(buf_cstr(&why), "invalid character '[' exceeded max depth");
    text.len--;
    for (int i = 0; i < 10000; i++)
        buf_lit(&text, "]");
    ck_assert(gojson_check(buf_as_span(&text), &why));
    buf_fini(&text);
    buf_fini(&why);
}
END_TEST

/* What a walk meets, in order. */
static void walk_value(struct gojson_walk *w, struct buf *out)
{
    struct buf name = {0};
    enum gojson_kind kind = gojson_kind(w);

    if (kind == GOJSON_STRING) {
        gojson_string(w, out);
    } else if (kind == GOJSON_ARRAY) {
        buf_char(out, '(');
        for (gojson_enter(w); gojson_next_item(w); buf_char(out, ' '))
            walk_value(w, out);
        buf_char(out, ')');
    } else if (kind == GOJSON_OBJECT) {
        for (gojson_enter(w); gojson_next_member(w, &name); gojson_skip(w)) {
            buf_span(out, buf_as_span(&name));
            buf_printf(out, ":%s ", gojson_kind_name(gojson_kind(w)));
        }
    } else {
        buf_printf(out, "%s", gojson_kind_name(kind));
        gojson_skip(w);
    }
    buf_fini(&name);
}

static const struct {
    const char *text, *met;
} walks[] = {
    {" [ ] ", "()"},
    {" { } ", ""},
    {"[1, -2.5e+999 ,true,false , null]", "(number number bool bool null )"},
    {"[[[1],2],[],{}]", "(((number ) number ) ()  )"},
    {"{\"a\":1,\"b\" : {\"]\":[\"}\"]} , \"c\":[[\"\\\"]\"],{}], \"\":\"x\\\\\" , \"d\":null}",
     "a:number b:object c:array :string d:null "},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t<\"", "\"\\/\b\f\n\r\t<"},
    {"\"\\u0041\\u00e9\\u20AC\\uD83d\\ude00\"", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
    {"\"\\ud800\\ud83d\\ude00\\udc00x\\ud800\"",
     "\xef\xbf\xbd\xf0\x9f\x98\x80\xef\xbf\xbdx\xef\xbf\xbd"},
    {"\"\xff\xc3\xa9\xe2\x82\"", "\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd"},
};

START_TEST(walk)
{
    struct buf got = {0}, why = {0};
    struct gojson_walk w = {span_of(walks[_i].text)};

    ck_assert(gojson_check(w.rest, &why));
    walk_value(&w, &got);
    ck_assert_span_eq(buf_as_span(&got), span_of(walks[_i].met), walks[_i].text);
    buf_fini(&got);
}
END_TEST

TCase *gojson_case(void)
{
    TCase *tc = tcase_create("gojson");

    tcase_add_loop_test(tc, message, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tc, deep);
    tcase_add_loop_test(tc, walk, 0, sizeof(walks) / sizeof(walks[0]));
    return tc;
}
