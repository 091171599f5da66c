/* /debug/vars and /config/local/log. Rows asked of etcd 3.4.23, but for what the log then does. */
#include "test_api.h"

#include "base/log.h"

static void teardown(void)
{
    api_teardown();
    log_set_level(LOG_INFO);
}

static void ask(const struct api_request *rq, struct api_result *out)
{
    api_handle(&api, 0, rq, out);
    ck_assert_int_eq(out->outcome, API_REPLY);
}

#define WRONG_JSON "{\"message\":\"Invalid json body\"}"

static const struct {
    const char *body;
    int status;
    const char *reply;
    enum log_level before, after;
} levels[] = {
    {"{\"Level\":\"DEBUG\"}", 204, "", LOG_INFO, LOG_DEBUG},
    {"{\"level\":\"trace\"}", 204, "", LOG_INFO, LOG_DEBUG},
    {"{\"LEVEL\":\"Info\",\"x\":1}", 204, "", LOG_DEBUG, LOG_INFO},
    {"{\"Level\":\"notice\"}", 204, "", LOG_WARN, LOG_INFO},
    {"{\"Level\":\"WARNING\"}", 204, "", LOG_INFO, LOG_WARN},
    {"{\"Level\":\"ERROR\"}", 204, "", LOG_INFO, LOG_ERROR},
    {"{\"Level\":\"c\"}", 204, "", LOG_INFO, LOG_ERROR},
    {"{\"Level\":\"4\"}", 204, "", LOG_INFO, LOG_DEBUG},
    {"{\"Level\":\"ZZ\",\"Level\":\"I\"}", 204, "", LOG_ERROR, LOG_INFO},
    {"{\"Level\":\"WARN\"}", 400, "{\"message\":\"Invalid log level WARN\"}", LOG_INFO, LOG_INFO},
    {"{\"Level\":\"a\\\"b\"}", 400, "{\"message\":\"Invalid log level a\\\"b\"}", LOG_INFO,
     LOG_INFO},
    {"{}", 400, "{\"message\":\"Invalid log level \"}", LOG_WARN, LOG_WARN},
    {"{\"Level\":null}", 400, "{\"message\":\"Invalid log level \"}", LOG_WARN, LOG_WARN},
    {"null", 400, "{\"message\":\"Invalid log level \"}", LOG_INFO, LOG_INFO},
    {"", 400, WRONG_JSON, LOG_INFO, LOG_INFO},
    {"[]", 400, WRONG_JSON, LOG_INFO, LOG_INFO},
    {"{\"Level\":5}", 400, WRONG_JSON, LOG_INFO, LOG_INFO},
    {"{\"Level\":5,\"Level\":\"DEBUG\"}", 400, WRONG_JSON, LOG_INFO, LOG_INFO},
    {"level=DEBUG", 400, WRONG_JSON, LOG_INFO, LOG_INFO},
};

START_TEST(log_level_is_set)
{
    struct api_request rq = {
        .method = V2_M_PUT, .target = SPAN("/config/local/log"), .body = span_of(levels[_i].body)};
    struct api_result out;
    log_set_level(levels[_i].before);
    ask(&rq, &out);
    ck_assert_msg(out.reply.status == levels[_i].status, "%s: %d", levels[_i].body,
                  out.reply.status);
    same_text(levels[_i].body, buf_as_span(&out.reply.body), levels[_i].reply);
    ck_assert_int_eq(out.reply.type, levels[_i].status == 204 ? API_TYPE_NONE : API_TYPE_JSON);
    ck_assert_int_eq(log_level(), levels[_i].after);
    api_reply_fini(&out.reply);
}
END_TEST

START_TEST(vars)
{
    struct api_request rq = {.method = V2_M_GET, .target = SPAN("/debug/vars")};
    struct api_result out;
    ask(&rq, &out);
    ck_assert_int_eq(out.reply.status, 200);
    ck_assert_int_eq(out.reply.type, API_TYPE_JSON_UTF8);
    const char *text = buf_cstr(&out.reply.body);
    ck_assert_msg(strncmp(text, "{\n\"cmdline\": [\"", 15) == 0, "%s", text);
    ck_assert_ptr_nonnull(strstr(text, "test_api"));
    ck_assert_ptr_nonnull(strstr(text, "],\n\"file_descriptor_limit\": "));
    ck_assert_ptr_nonnull(strstr(text, ",\n\"raft.status\": {\"id\":\""));
    ck_assert_ptr_nonnull(strstr(text, "\"progress\":{"));
    ck_assert_str_eq(text + strlen(text) - 5, "}}\n}\n");
    api_reply_fini(&out.reply);
}
END_TEST

/* Only where clients are served, and only with the methods of etcd. */
START_TEST(elsewhere)
{
    static const struct {
        enum v2_method method;
        const char *target;
        bool health_only;
        int status;
    } rows[] = {
        {V2_M_PUT, "/debug/vars", false, 405},       {V2_M_HEAD, "/debug/vars", false, 405},
        {V2_M_GET, "/config/local/log", false, 405}, {V2_M_PUT, "/config/local/log/x", false, 404},
        {V2_M_GET, "/debug/vars", true, 404},        {V2_M_PUT, "/config/local/log", true, 404},
        {V2_M_GET, "/debug/pprof/", false, 404},     {V2_M_GET, "/debug/requests", false, 404},
    };
    for (size_t i = 0; i < CP_COUNT(rows); i++) {
        struct api_request rq = {.method = rows[i].method, .target = span_of(rows[i].target)};
        struct api_result out;
        api.health_only = rows[i].health_only;
        ask(&rq, &out);
        ck_assert_msg(out.reply.status == rows[i].status, "%s: %d", rows[i].target,
                      out.reply.status);
        api_reply_fini(&out.reply);
    }
}
END_TEST

Suite *debug_suite(void)
{
    Suite *s = suite_create("debug");
    TCase *t = tcase_create("debug");
    tcase_add_checked_fixture(t, api_setup, teardown);
    tcase_add_loop_test(t, log_level_is_set, 0, (int)CP_COUNT(levels));
    tcase_add_test(t, vars);
    tcase_add_test(t, elsewhere);
    suite_add_tcase(s, t);
    return s;
}
