/* What is answered before any handler, and which handler gets what. Rows asked of etcd 3.4.23. */
#include "fake_engine.h"
#include "test_api.h"

#include "api/target.h"
#include "proto/url.h"

#define NOT_FOUND "404 page not found\n"
#define WRONG     "Method Not Allowed\n"
#define KEYS      "HEAD,GET,PUT,POST,DELETE"
#define PAGE(url) "<a href=\"" url "\">Moved Permanently</a>.\n\n"

static const struct {
    enum v2_method method;
    const char *target;
    int status;
    enum api_type type;
    const char *body, *location, *allow;
} rows[] = {
    {V2_M_GET, "/", 404, API_TYPE_TEXT_NOSNIFF, NOT_FOUND, "", NULL},
    {V2_M_POST, "/v2", 404, API_TYPE_TEXT_NOSNIFF, NOT_FOUND, "", NULL},
    {V2_M_GET, "/v2/", 404, API_TYPE_TEXT_NOSNIFF, NOT_FOUND, "", NULL},
    {V2_M_GET, "/v2/keysx", 404, API_TYPE_TEXT_NOSNIFF, NOT_FOUND, "", NULL},
    {V2_M_GET, "/version/", 404, API_TYPE_TEXT_NOSNIFF, NOT_FOUND, "", NULL},
    {V2_M_GET, "/health/x", 404, API_TYPE_TEXT_NOSNIFF, NOT_FOUND, "", NULL},
    {V2_M_OTHER, "/v2/keys/a", 405, API_TYPE_TEXT_NOSNIFF, WRONG, "", KEYS},
    {V2_M_OTHER, "/v2/keys", 405, API_TYPE_TEXT_NOSNIFF, WRONG, "", KEYS},
    {V2_M_HEAD, "/version", 405, API_TYPE_TEXT_NOSNIFF, WRONG, "", "GET"},
    {V2_M_POST, "/health", 405, API_TYPE_TEXT_NOSNIFF, WRONG, "", "GET"},
    {V2_M_GET, "/v2/stats/self/", 404, API_TYPE_TEXT_NOSNIFF, NOT_FOUND, "", NULL},
    {V2_M_GET, "/v2/stats/nope", 404, API_TYPE_TEXT_NOSNIFF, NOT_FOUND, "", NULL},
    {V2_M_GET, "/v2/machines/", 404, API_TYPE_TEXT_NOSNIFF, NOT_FOUND, "", NULL},
    {V2_M_GET, "/v2/membersx", 404, API_TYPE_TEXT_NOSNIFF, NOT_FOUND, "", NULL},
    {V2_M_HEAD, "/v2/members", 405, API_TYPE_TEXT_NOSNIFF, WRONG, "", "GET,POST,DELETE,PUT"},
    {V2_M_OTHER, "/v2/members/1", 405, API_TYPE_TEXT_NOSNIFF, WRONG, "", "GET,POST,DELETE,PUT"},
    {V2_M_PUT, "/v2/machines", 405, API_TYPE_TEXT_NOSNIFF, WRONG, "", "GET,HEAD"},
    {V2_M_HEAD, "/v2/stats/self", 405, API_TYPE_TEXT_NOSNIFF, WRONG, "", "GET"},
    {V2_M_POST, "/v2/stats/store", 405, API_TYPE_TEXT_NOSNIFF, WRONG, "", "GET"},
    {V2_M_HEAD, "/v2/stats/leader", 405, API_TYPE_TEXT_NOSNIFF, WRONG, "", "GET"},
    {V2_M_GET, "/version?x=1", 200, API_TYPE_JSON,
     "{\"etcdserver\":\"3.4.23\",\"etcdcluster\":\"3.4.0\"}", "", NULL},
    {V2_M_GET, "/health", 200, API_TYPE_TEXT, "{\"health\":\"true\"}", "", NULL},
    {V2_M_OPTIONS, "/v2/keys/a", 200, API_TYPE_NONE, "", "", NULL},
    {V2_M_OPTIONS, "/no//where", 200, API_TYPE_NONE, "", "", NULL},
    {V2_M_OPTIONS, "*", 200, API_TYPE_NONE, "", "", NULL},
    {V2_M_GET, "foo", 400, API_TYPE_TEXT, "400 Bad Request", "", NULL},
    {V2_M_GET, "/v2/keys/%zz", 400, API_TYPE_TEXT, "400 Bad Request", "", NULL},
    {V2_M_PUT, "/v2/keys/%", 400, API_TYPE_TEXT, "400 Bad Request", "", NULL},
    {V2_M_GET, "/v2/keys/a//b", 301, API_TYPE_HTML, PAGE("/v2/keys/a/b"), "/v2/keys/a/b", NULL},
    {V2_M_HEAD, "/v2/keys/a//b", 301, API_TYPE_HTML, "", "/v2/keys/a/b", NULL},
    {V2_M_PUT, "/v2/keys/a/./b?value=1", 301, API_TYPE_NONE, "", "/v2/keys/a/b?value=1", NULL},
    {V2_M_DELETE, "/v2/keys/a/../b/", 301, API_TYPE_NONE, "", "/v2/keys/b/", NULL},
    {V2_M_OTHER, "/v2//x", 301, API_TYPE_NONE, "", "/v2/x", NULL},
    {V2_M_GET, "/v2/keys/..", 301, API_TYPE_HTML, PAGE("/v2"), "/v2", NULL},
    {V2_M_GET, "/v2/keys//", 301, API_TYPE_HTML, PAGE("/v2/keys/"), "/v2/keys/", NULL},
    {V2_M_GET, "/v2/keys/a/../../..", 301, API_TYPE_HTML, PAGE("/"), "/", NULL},
    {V2_M_GET, "//v2/keys/a", 301, API_TYPE_HTML, PAGE("/v2/keys/a"), "/v2/keys/a", NULL},
    {V2_M_GET, "/v2/keys/a/.", 301, API_TYPE_HTML, PAGE("/v2/keys/a"), "/v2/keys/a", NULL},
    {V2_M_GET, "/v2/keys/%2e%2e/x", 301, API_TYPE_HTML, PAGE("/v2/x"), "/v2/x", NULL},
    {V2_M_GET, "/v2/keys/a%2F%2Fb", 301, API_TYPE_HTML, PAGE("/v2/keys/a/b"), "/v2/keys/a/b", NULL},
    {V2_M_GET, "/v2/keys/a#b//c", 301, API_TYPE_HTML, PAGE("/v2/keys/a%23b/c"), "/v2/keys/a%23b/c",
     NULL},
    {V2_M_GET, "/v2/keys/a//b?", 301, API_TYPE_HTML, PAGE("/v2/keys/a/b"), "/v2/keys/a/b", NULL},
    {V2_M_GET, "/v2/keys/a//%20%3Cb%3E%22'%26;", 301, API_TYPE_HTML,
     PAGE("/v2/keys/a/%20%3Cb%3E%22%27&amp;;"), "/v2/keys/a/%20%3Cb%3E%22%27&;", NULL},
    {V2_M_GET, "/v2/keys/a//b?y=<'\">&\xc3\xa9", 301, API_TYPE_HTML,
     PAGE("/v2/keys/a/b?y=&lt;&#39;&#34;&gt;&amp;\xc3\xa9"), "/v2/keys/a/b?y=<'\">&%c3%a9", NULL},
    {V2_M_GET, "http://h", 301, API_TYPE_HTML, PAGE("/"), "/", NULL},
    {V2_M_GET, "http://h/version", 200, API_TYPE_JSON,
     "{\"etcdserver\":\"3.4.23\",\"etcdcluster\":\"3.4.0\"}", "", NULL},
};

static struct span body_of(const struct api_reply *r)
{
    return r->fixed.ptr != NULL ? r->fixed : buf_as_span(&r->body);
}

START_TEST(routes)
{
    struct engine e;
    fake_engine_init(&e);
    struct api a = {.engine = &e};
    struct api_request rq = {.method = rows[_i].method, .target = span_of(rows[_i].target)};
    struct api_result out;
    const char *what = rows[_i].target;
    api_handle(&a, 0, &rq, &out);
    ck_assert_int_eq(out.outcome, API_REPLY);
    ck_assert_msg(out.reply.status == rows[_i].status, "%s: %d", what, out.reply.status);
    ck_assert_msg(out.reply.type == rows[_i].type, "%s: type %d", what, (int)out.reply.type);
    same_text(what, body_of(&out.reply), rows[_i].body);
    same_text(what, buf_as_span(&out.reply.location), rows[_i].location);
    ck_assert_pstr_eq(out.reply.allow, rows[_i].allow);
    ck_assert(!out.reply.cluster_id && !out.reply.has_etcd_index && !out.reply.has_raft);
    api_reply_fini(&out.reply);
    fake_engine_fini(&e);
}
END_TEST

START_TEST(health_without_leader)
{
    struct engine e;
    fake_engine_init(&e);
    e.leader = false;
    struct api a = {.engine = &e};
    struct api_request rq = {.method = V2_M_GET, .target = SPAN("/health")};
    struct api_result out;
    api_handle(&a, 0, &rq, &out);
    ck_assert_int_eq(out.reply.status, 503);
    same_text("health", body_of(&out.reply), "{\"health\":\"false\"}\n");
    api_reply_fini(&out.reply);
    fake_engine_fini(&e);
}
END_TEST

START_TEST(not_ready)
{
    static const struct {
        const char *target;
        int status;
        const char *body;
    } asks[] = {
        {"/livez", 200, "ok\n"},
        {"/readyz", 503,
         "[+]serving ok\n[-]leader failed: no leader is known: are most of the other members "
         "reachable?\n[-]log_space failed: no room for the log: make room on the disk of the data "
         "directory\nreadyz check failed\n"},
        {"/readyz?exclude=leader&exclude=log_space&exclude=none", 200, "ok\n"},
        {"/readyz?verbose=1&exclude=leader", 503,
         "[+]serving ok\n[-]log_space failed: no room for the log: make room on the disk of the "
         "data directory\nreadyz check failed\n"},
    };
    struct engine e;
    fake_engine_init(&e);
    e.leader = false;
    e.log_full = true;
    struct api a = {.engine = &e};
    for (size_t i = 0; i < CP_COUNT(asks); i++) {
        struct api_request rq = {.method = V2_M_GET, .target = span_of(asks[i].target)};
        struct api_result out;
        api_handle(&a, 0, &rq, &out);
        ck_assert_int_eq(out.reply.status, asks[i].status);
        same_text(asks[i].target, body_of(&out.reply), asks[i].body);
        api_reply_fini(&out.reply);
    }
    fake_engine_fini(&e);
}
END_TEST

START_TEST(health_only)
{
    struct engine e;
    fake_engine_init(&e);
    struct api a = {.engine = &e, .health_only = true};
    static const char *const targets[] = {"/health", "/metrics", "/v2/keys/a", "/version"};
    for (size_t i = 0; i < CP_COUNT(targets); i++) {
        struct api_request rq = {.method = V2_M_GET, .target = span_of(targets[i])};
        struct api_result out;
        api_handle(&a, 0, &rq, &out);
        ck_assert_int_eq(out.reply.status, i < 2 ? 200 : 404);
        api_reply_fini(&out.reply);
    }
    fake_engine_fini(&e);
}
END_TEST

/* Every path of up to eight bytes out of three: clean is what the cleaning leaves as it is. */
START_TEST(clean_is_what_cleaning_leaves)
{
    char s[9] = "/";
    for (unsigned len = 1; len <= sizeof s; len++) {
        unsigned total = 1;
        for (unsigned i = 1; i < len; i++)
            total *= 3;
        for (unsigned k = 0; k < total; k++) {
            for (unsigned i = 1, x = k; i < len; i++, x /= 3)
                s[i] = "/.a"[x % 3];
            struct span path = {s, len};
            struct buf clean = {0};
            struct target t;
            bool same = url_clean_path(&clean, path);
            ck_assert_msg((target_parse(path, &t) == TARGET_CLEAN) == same, "%.*s", (int)len, s);
            target_fini(&t);
            buf_fini(&clean);
        }
    }
}
END_TEST

Suite *route_suite(void)
{
    Suite *s = suite_create("route");
    TCase *t = tcase_create("table");
    tcase_add_test(t, not_ready);
    tcase_add_test(t, health_only);
    tcase_add_loop_test(t, routes, 0, (int)CP_COUNT(rows));
    tcase_add_test(t, health_without_leader);
    tcase_add_test(t, clean_is_what_cleaning_leaves);
    suite_add_tcase(s, t);
    return s;
}
