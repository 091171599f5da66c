/* Each row was asked of etcd 3.4.23. */
#include "test_api.h"

#include "api/mime.h"

#define NO_TYPE   "mime: no media type"
#define NO_SLASH  "mime: expected slash after first token"
#define NO_TOKEN  "mime: expected token after slash"
#define TOO_MUCH  "mime: unexpected content after media subtype"
#define BAD_PARAM "mime: invalid media parameter"
#define TWINS     "mime: duplicate parameter name"

static const struct {
    const char *value;
    bool form;
    const char *wrong;
} rows[] = {
    {"", false, NULL},
    {FORM_TYPE, true, NULL},
    {"APPLICATION/X-WWW-FORM-URLENCODED", true, NULL},
    {" " FORM_TYPE " ;charset=utf-8", true, NULL},
    {FORM_TYPE ";", true, NULL},
    {FORM_TYPE "; ", true, NULL},
    {FORM_TYPE ";;", true, BAD_PARAM},
    {FORM_TYPE "; a", true, BAD_PARAM},
    {FORM_TYPE "; a=", true, BAD_PARAM},
    {FORM_TYPE "; a=\"\"", true, NULL},
    {FORM_TYPE "; a=\"x", true, BAD_PARAM},
    {FORM_TYPE "; a=\"x\\", true, BAD_PARAM},
    {FORM_TYPE "; a=\"x\r\"", true, BAD_PARAM},
    {FORM_TYPE "; a=\"\\\"x\"; b=1", true, NULL},
    {FORM_TYPE ";a = b", true, NULL},
    {FORM_TYPE "; a=b c", true, BAD_PARAM},
    {FORM_TYPE "; a=b; a=b", true, TWINS},
    {FORM_TYPE "; a=b; A=c", true, TWINS},
    {FORM_TYPE "; a=b; a=c; d", true, TWINS},
    {FORM_TYPE "; d; a=b; a=c", true, BAD_PARAM},
    {FORM_TYPE "; a*0=x; a*0=y", true, TWINS},
    {FORM_TYPE "; a*0=x; a*1=y", true, NULL},
    {"multipart/form-data; boundary=x", false, NULL},
    {"text/plain; a", false, BAD_PARAM},
    {"a", false, NULL},
    {"/", false, NO_TYPE},
    {";", false, NO_TYPE},
    {"; a=b", false, NO_TYPE},
    {"a b", false, NO_SLASH},
    {"a/", false, NO_TOKEN},
    {"a/b c", false, TOO_MUCH},
    {"a/b/c", false, TOO_MUCH},
};

START_TEST(parse)
{
    bool form;
    const char *wrong = mime_parse(span_of(rows[_i].value), &form);
    ck_assert_msg(wrong == NULL ? rows[_i].wrong == NULL
                                : rows[_i].wrong != NULL && strcmp(wrong, rows[_i].wrong) == 0,
                  "\"%s\": %s", rows[_i].value, wrong != NULL ? wrong : "fine");
    ck_assert_msg(form == rows[_i].form, "\"%s\": form %d", rows[_i].value, form);
}
END_TEST

START_TEST(absent_is_no_form)
{
    bool form = true;
    ck_assert_ptr_null(mime_parse((struct span){0}, &form));
    ck_assert(!form);
}
END_TEST

Suite *mime_suite(void)
{
    Suite *s = suite_create("mime");
    TCase *t = tcase_create("parse");
    tcase_add_loop_test(t, parse, 0, (int)CP_COUNT(rows));
    tcase_add_test(t, absent_is_no_form);
    suite_add_tcase(s, t);
    return s;
}
