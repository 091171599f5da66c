/* /v2/members and /v2/machines. The messages are those of etcd 3.4.23. */
#include "test_api.h"

#include "base/jsonw.h"

#include <stdio.h>

#define ID "5c76a90ae78bcee7"
#define MEMBER                                                                                     \
    "{\"id\":\"" ID "\",\"name\":\"m\\u003c1\\u003e\",\"peerURLs\":[\"http://a:1\","               \
    "\"http://b:2\"],\"clientURLs\":[\"http://c:3\",\"http://d:4\"]}"
#define JSON          "application/json"
#define MESSAGE(text) "{\"message\":\"" text "\"}"
#define URLS(urls)    "{\"peerURLs\":[" urls "]}"
#define WRONG         "Method Not Allowed\n"
#define REFUSED       MESSAGE("Internal Server Error")
/* its id: of the sorted URLs and the time, without a token */
#define ADDED                                                                                      \
    "{\"id\":\"84ce460836057c81\",\"name\":\"\",\"peerURLs\":[\"http://B:2\",\"https://a:9\"],"    \
    "\"clientURLs\":[]}\n"
#define IN_USE MESSAGE("membership: peerURL exists")

static struct api_reply ask(enum v2_method method, const char *target, const char *type,
                            const char *body)
{
    struct api_request rq = {.method = method, .target = span_of(target)};
    struct api_result out;
    if (type != NULL)
        rq.content_type = span_of(type);
    if (body != NULL)
        rq.body = span_of(body);
    api_handle(&api, 0, &rq, &out);
    if (out.outcome == API_PROPOSE) {
        fake_engine_apply(&engine, out.proposal);
        api_proposal_reply(&api, &out.proposal, out.no_value, &out.reply);
    }
    return out.reply;
}

static struct span body_of(const struct api_reply *r)
{
    return r->fixed.ptr != NULL ? r->fixed : buf_as_span(&r->body);
}

static const struct {
    enum v2_method method;
    const char *target, *content_type, *request;
    int status;
    enum api_type type;
    const char *body;
    bool lost; /* there is no leader */
} rows[] = {
    {V2_M_GET, "/v2/members", NULL, NULL, 200, API_TYPE_JSON,
     "{\"members\":[{\"id\":\"ab\",\"name\":\"\",\"peerURLs\":[],\"clientURLs\":[]}," MEMBER "]}\n",
     false},
    {V2_M_GET, "/v2/members/", NULL, NULL, 200, API_TYPE_JSON,
     "{\"members\":[{\"id\":\"ab\",\"name\":\"\",\"peerURLs\":[],\"clientURLs\":[]}," MEMBER "]}\n",
     true},
    {V2_M_GET, "/v2/members/leader", NULL, NULL, 200, API_TYPE_JSON, MEMBER "\n", false},
    {V2_M_GET, "/v2/members/leader", NULL, NULL, 503, API_TYPE_JSON, MESSAGE("During election"),
     true},
    {V2_M_GET, "/v2/members/leader/", NULL, NULL, 404, API_TYPE_JSON, MESSAGE("Not found"), false},
    {V2_M_GET, "/v2/members/" ID, NULL, NULL, 404, API_TYPE_JSON, MESSAGE("Not found"), false},

    {V2_M_PUT, "/v2/members", NULL, NULL, 405, API_TYPE_TEXT_NOSNIFF, WRONG, false},
    {V2_M_DELETE, "/v2/members/", NULL, NULL, 405, API_TYPE_TEXT_NOSNIFF, WRONG, false},
    {V2_M_PUT, "/v2/members/0x1", "x", "", 404, API_TYPE_JSON, MESSAGE("No such member: 0x1"),
     false},
    {V2_M_PUT, "/v2/members/+1", NULL, "", 404, API_TYPE_JSON, MESSAGE("No such member: +1"),
     false},
    {V2_M_DELETE, "/v2/members/12345678901234567", NULL, NULL, 404, API_TYPE_JSON,
     MESSAGE("No such member: 12345678901234567"), false},
    {V2_M_DELETE, "/v2/members/a%2Fb", NULL, NULL, 404, API_TYPE_JSON,
     MESSAGE("No such member: a/b"), false},
    {V2_M_DELETE, "/v2/members/1/", NULL, NULL, 404, API_TYPE_JSON, MESSAGE("No such member: 1/"),
     false},
    {V2_M_DELETE, "/v2/members/%3Ca%3E%FF%20", NULL, NULL, 404, API_TYPE_JSON,
     MESSAGE("No such member: \\u003ca\\u003e\\ufffd "), false},
    {V2_M_DELETE, "/v2/members/000000000000000000000000001A", NULL, NULL, 404, API_TYPE_JSON,
     MESSAGE("No such member: 1a"), false},
    {V2_M_DELETE, "/v2/members/ffffffffffffffff", NULL, NULL, 404, API_TYPE_JSON,
     MESSAGE("No such member: ffffffffffffffff"), false},

    {V2_M_PUT, "/v2/members/1", NULL, "{}", 415, API_TYPE_JSON,
     MESSAGE("Bad Content-Type , accept application/json"), false},
    {V2_M_PUT, "/v2/members/1", ";", "{}", 415, API_TYPE_JSON,
     MESSAGE("Bad Content-Type , accept application/json"), false},
    {V2_M_PUT, "/v2/members/1", "Application/JSON", "{}", 415, API_TYPE_JSON,
     MESSAGE("Bad Content-Type Application/JSON, accept application/json"), false},
    {V2_M_PUT, "/v2/members/1", "Application/JSON ; x", "{}", 400, API_TYPE_JSON,
     MESSAGE("no valid URLs given"), false},
    {V2_M_POST, "/v2/members", "text/PLAIN ; x", "{}", 415, API_TYPE_JSON,
     MESSAGE("Bad Content-Type text/plain, accept application/json"), false},
    {V2_M_POST, "/v2/members/x/y", JSON, "", 400, API_TYPE_JSON,
     MESSAGE("unexpected end of JSON input"), false},

    {V2_M_PUT, "/v2/members/1", JSON, URLS("\"http://a:1\""), 404, API_TYPE_JSON,
     MESSAGE("No such member: 1"), false},
    {V2_M_PUT, "/v2/members/ab", JSON, URLS("\"http://x:1\",\" HTTP://a:1 \""), 409, API_TYPE_JSON,
     IN_USE, false},
    {V2_M_POST, "/v2/members", JSON, URLS("\"http://b:2\""), 409, API_TYPE_JSON, IN_USE, false},
    {V2_M_POST, "/v2/members/x", JSON, URLS("\"http://B:2\",\" HTTPS://a:9 \""), 201, API_TYPE_JSON,
     ADDED, false},
    {V2_M_PUT, "/v2/members/" ID, JSON, URLS("\"http://a:1\""), 204, API_TYPE_NONE, "", false},
    {V2_M_PUT, "/v2/members/AB", JSON, URLS("\"http://a:9\""), 204, API_TYPE_NONE, "", false},
    {V2_M_PUT, "/v2/members/dead", JSON, URLS("\"http://a:9\""), 500, API_TYPE_JSON, REFUSED,
     false},
    {V2_M_DELETE, "/v2/members/dead", NULL, NULL, 410, API_TYPE_JSON,
     MESSAGE("Member permanently removed: dead"), false},
    {V2_M_DELETE, "/v2/members/0ab", NULL, NULL, 204, API_TYPE_NONE, "", false},
    {V2_M_DELETE, "/v2/members/" ID, NULL, NULL, 204, API_TYPE_NONE, "", false},
    {V2_M_DELETE, "/v2/members/1", NULL, NULL, 500, API_TYPE_JSON, REFUSED, true},
    {V2_M_POST, "/v2/members", JSON, URLS("\"http://b:2\""), 500, API_TYPE_JSON, REFUSED, true},
    {V2_M_POST, "/v2/members", JSON,
     URLS("\"http://a:3\",\"http://a:4\",\"http://a:5\",\"http://a:6\",\"http://a:7\","
          "\"http://b:3\",\"http://b:4\",\"http://b:5\",\"http://b:6\",\"http://b:7\","
          "\"http://c:3\",\"http://c:4\",\"http://c:5\",\"http://c:6\",\"http://c:7\","
          "\"http://d:3\",\"http://d:4\""),
     400, API_TYPE_JSON, MESSAGE("more than 16 URLs"), false},
};

START_TEST(members)
{
    const char *what = rows[_i].target;
    engine.leader = !rows[_i].lost;
    struct api_reply r = ask(rows[_i].method, what, rows[_i].content_type, rows[_i].request);
    ck_assert_msg(r.status == rows[_i].status, "%s: %d", what, r.status);
    ck_assert_msg(r.type == rows[_i].type, "%s: type %d", what, (int)r.type);
    same_text(what, body_of(&r), rows[_i].body);
    ck_assert(r.cluster_id && !r.has_etcd_index && !r.has_raft && r.allow == NULL);
    api_reply_fini(&r);
}
END_TEST

/* ---- --strict-reconfig-check ---- */

struct streams {
    uint64_t up_s[3]; /* of the members 1, 2, 3; this one is none of them */
};

static uint64_t connected_ns(void *peers, uint64_t id)
{
    const struct streams *s = peers;
    return id >= 1 && id <= 3 ? s->up_s[id - 1] * (uint64_t)NS_PER_S : 0;
}

/* Members 1 to N beside this one; those below STARTED have a name. */
static void populate(unsigned n, unsigned started)
{
    unsigned indexes;
    struct command gone = {.kind = COMMAND_MEMBER_REMOVE, .member = {.id = 0xab}};
    (void)member_apply(&engine.members, &gone, &indexes);
    for (unsigned i = 1; i <= n; i++) {
        char url[32];
        snprintf(url, sizeof(url), "http://m:%u", i);
        struct command c = {.kind = COMMAND_MEMBER_ADD,
                            .member = {.id = i,
                                       .name = i <= started ? SPAN("m") : SPAN(""),
                                       .n_peer_urls = 1,
                                       .peer_urls = {span_of(url)}}};
        ck_assert_int_eq(member_apply(&engine.members, &c, &indexes), MEMBER_DONE);
    }
}

static const struct {
    const char *what;
    unsigned n, started;
    struct streams streams;
    enum v2_method method;
    const char *target;
    int status;
} strict_rows[] = {
    {"add to one", 0, 0, {{0}}, V2_M_POST, "/v2/members", 201},
    {"add while one has not started", 1, 0, {{0}}, V2_M_POST, "/v2/members", 500},
    {"add while one is away", 2, 2, {{9, 0}}, V2_M_POST, "/v2/members", 500},
    {"add while one is there for 4 s", 2, 2, {{9, 4}}, V2_M_POST, "/v2/members", 500},
    {"add while all are there for 5 s", 2, 2, {{9, 5}}, V2_M_POST, "/v2/members", 201},
    {"the last one cannot go", 0, 0, {{0}}, V2_M_DELETE, "/v2/members/" ID, 500},
    {"one of two", 1, 1, {{9}}, V2_M_DELETE, "/v2/members/1", 204},
    {"one of two that never started", 1, 0, {{0}}, V2_M_DELETE, "/v2/members/1", 204},
    {"the one that is away", 2, 2, {{9, 0}}, V2_M_DELETE, "/v2/members/2", 204},
    {"one that is needed", 2, 2, {{9, 0}}, V2_M_DELETE, "/v2/members/1", 500},
    {"oneself, needed", 2, 2, {{9, 0}}, V2_M_DELETE, "/v2/members/" ID, 500},
    {"one of three", 2, 2, {{9, 9}}, V2_M_DELETE, "/v2/members/1", 204},
    {"one of three, just come", 2, 2, {{9, 1}}, V2_M_DELETE, "/v2/members/1", 500},
    {"most have not started", 3, 0, {{0}}, V2_M_DELETE, "/v2/members/1", 500},
    {"nobody of that id", 2, 2, {{9, 9}}, V2_M_DELETE, "/v2/members/77", 404},
};

START_TEST(strict)
{
    struct streams streams = strict_rows[_i].streams;
    api.strict_reconfig = true;
    api.connected_ns = connected_ns;
    api.peers = &streams;
    populate(strict_rows[_i].n, strict_rows[_i].started);
    bool add = strict_rows[_i].method == V2_M_POST;
    struct api_reply r = ask(strict_rows[_i].method, strict_rows[_i].target, add ? JSON : NULL,
                             add ? URLS("\"http://new:1\"") : NULL);
    ck_assert_msg(r.status == strict_rows[_i].status, "%s: %d", strict_rows[_i].what, r.status);
    api_reply_fini(&r);
}
END_TEST

START_TEST(for_peers)
{
    struct buf b = {0};
    api_members_for_peers(&engine, &b);
    ck_assert_str_eq(buf_cstr(&b),
                     "[{\"id\":171,\"peerURLs\":[]},{\"id\":6662698563040693991,\"peerURLs\":["
                     "\"http://a:1\",\"http://b:2\"],\"name\":\"m\\u003c1\\u003e\","
                     "\"clientURLs\":[\"http://c:3\",\"http://d:4\"]}]\n");
    buf_fini(&b);
}
END_TEST

START_TEST(machines)
{
    struct api_reply r = ask(_i == 0 ? V2_M_GET : V2_M_HEAD, "/v2/machines", NULL, NULL);
    ck_assert_int_eq(r.status, 200);
    ck_assert_int_eq(r.type, API_TYPE_TEXT);
    ck_assert(!r.cluster_id);
    same_text("machines", body_of(&r), "http://c:3, http://d:4");
    api_reply_fini(&r);
}
END_TEST

START_TEST(body_too_large)
{
    struct api_request rq = {.method = V2_M_POST,
                             .target = SPAN("/v2/members"),
                             .content_type = SPAN(JSON),
                             .body_too_large = true};
    struct api_result out;
    api_handle(&api, 0, &rq, &out);
    ck_assert_int_eq(out.reply.status, 413);
    same_text("too large", body_of(&out.reply), MESSAGE("request body too large"));
    api_reply_fini(&out.reply);
}
END_TEST

static const struct {
    const char *body, *message;
} bodies[] = {
    {"[]", "json: cannot unmarshal array into Go value of type struct { PeerURLs []string "
           "\"json:\\\"peerURLs\\\"\" }"},
    {"null", "no valid URLs given"},
    {"1", "json: cannot unmarshal number into Go value of type struct { PeerURLs []string "
          "\"json:\\\"peerURLs\\\"\" }"},
    {"\"x\"", "json: cannot unmarshal string into Go value of type struct { PeerURLs []string "
              "\"json:\\\"peerURLs\\\"\" }"},
    {"true", "json: cannot unmarshal bool into Go value of type struct { PeerURLs []string "
             "\"json:\\\"peerURLs\\\"\" }"},
    {"{}", "no valid URLs given"},
    {"{\"peerURLs\":null}", "no valid URLs given"},
    {"{\"peerURLs\":\"x\"}",
     "json: cannot unmarshal string into Go struct field .peerURLs of type []string"},
    {"{\"peerURLs\":{}}",
     "json: cannot unmarshal object into Go struct field .peerURLs of type []string"},
    {"{\"peerURLs\":1}",
     "json: cannot unmarshal number into Go struct field .peerURLs of type []string"},
    {"{\"peerURLs\":true}",
     "json: cannot unmarshal bool into Go struct field .peerURLs of type []string"},
    {"{\"peerURLs\":[1]}",
     "json: cannot unmarshal number into Go struct field .peerURLs of type string"},
    {"{\"peerURLs\":[null]}", "URL scheme must be http, https, unix, or unixs: "},
    {"{\"peerURLs\":[[]]}",
     "json: cannot unmarshal array into Go struct field .peerURLs of type string"},
    {"{\"peerURLs\":[{}]}",
     "json: cannot unmarshal object into Go struct field .peerURLs of type string"},
    {"{\"peerURLs\":[false]}",
     "json: cannot unmarshal bool into Go struct field .peerURLs of type string"},
    {"{\"PEERurls\":[\"x\"]}", "URL scheme must be http, https, unix, or unixs: x"},
    {"{\"peerurls\":[\"x\"],\"peerURLs\":[\"y\"]}",
     "URL scheme must be http, https, unix, or unixs: y"},
    {"{\"peerURLs\":[\"y\"],\"peerurls\":[\"x\"]}",
     "URL scheme must be http, https, unix, or unixs: x"},
    {"{\"peerURLs\":[\"x\"]} x", "invalid character 'x' after top-level value"},
    {"{\"peerURLs\":[\"x\",]}", "invalid character ']' looking for beginning of value"},
    {"{\"peerURLs\":[\"x\"", "unexpected end of JSON input"},
    {"{a}", "invalid character 'a' looking for beginning of object key string"},
    {"", "unexpected end of JSON input"},
    {"{'a':1}", "invalid character '\\'' looking for beginning of object key string"},
    {"{\"name\":1,\"peerURLs\":[\"x\"]}", "URL scheme must be http, https, unix, or unixs: x"},
    {"{\"peerURLs\":[1,\"x\"],\"peerurls\":\"q\"}",
     "json: cannot unmarshal number into Go struct field .peerURLs of type string"},
    {"{\"peerURLs\":[\"\\u00e9\\n\\u0000\"]}",
     "parse \"\xc3\xa9\\n\\x00\": net/url: invalid control character in URL"},
    {"{\"peerURLs\":[\"\\ud800\"]}",
     "URL scheme must be http, https, unix, or unixs: \xef\xbf\xbd"},
    {"{\"x\":1e999,\"peerURLs\":[\"x\"]}", "URL scheme must be http, https, unix, or unixs: x"},
    {"{\"x\":123456789012345678901234567890,\"peerURLs\":[\"x\"]}",
     "URL scheme must be http, https, unix, or unixs: x"},
    {"{\"peerURLs\":[1e999]}",
     "json: cannot unmarshal number into Go struct field .peerURLs of type string"},
    {"[1", "unexpected end of JSON input"},
    {"[\"peerURLs\"]", "json: cannot unmarshal array into Go value of type struct { PeerURLs "
                       "[]string \"json:\\\"peerURLs\\\"\" }"},
    {"{\"peerURLs\":[\"x\"],\"peerURLs\":1}",
     "json: cannot unmarshal number into Go struct field .peerURLs of type []string"},
    {"{\"peerURLs\":[\"x\"],\"peerURLs\":null}", "no valid URLs given"},
    {"{\"peerURLs\":[\"x\"],\"peerURLs\":[]}", "no valid URLs given"},
    {"{\"\":1}", "no valid URLs given"},
    {"nul", "invalid character ' ' in literal null (expecting 'l')"},
    {"{\"peerURLs\":[-]}", "invalid character ']' in numeric literal"},
    {"{\"peerURLs\":[\"<&>\"]}", "URL scheme must be http, https, unix, or unixs: <&>"},
    {"\xef\xbb\xbf{}", "invalid character '\xc3\xaf' looking for beginning of value"},
    {"{\"peerURLs\":[\"http://a:1/\",\"y\"]}", "URL must not contain a path: http://a:1/"},
    {"{\"peerURLs\":[\"x\",\"http://a:1/\"]}", "URL scheme must be http, https, unix, or unixs: x"},
    {"{\"peerURLs\":[1,[],\"x\"]}",
     "json: cannot unmarshal number into Go struct field .peerURLs of type string"},
    {"-0.5e1", "json: cannot unmarshal number into Go value of type struct { PeerURLs []string "
               "\"json:\\\"peerURLs\\\"\" }"},
    {"\"\\q\"", "invalid character 'q' in string escape code"},
    {"{\"peerURLs\":[\"\xff\"]}", "URL scheme must be http, https, unix, or unixs: \xef\xbf\xbd"},
};

START_TEST(body)
{
    struct api_reply r = ask(V2_M_PUT, "/v2/members/1", JSON, bodies[_i].body);
    struct buf want = {0};
    buf_lit(&want, "{\"message\":");
    jsonw_str(&want, span_of(bodies[_i].message));
    buf_char(&want, '}');
    ck_assert_msg(r.status == 400, "%s: %d", bodies[_i].body, r.status);
    same_text(bodies[_i].body, body_of(&r), buf_cstr(&want));
    buf_fini(&want);
    api_reply_fini(&r);
}
END_TEST

/* NULL: fine. */
Suite *members_suite(void)
{
    Suite *s = suite_create("members");
    TCase *t = tcase_create("requests");
    tcase_add_checked_fixture(t, api_setup, api_teardown);
    tcase_add_loop_test(t, members, 0, (int)CP_COUNT(rows));
    tcase_add_loop_test(t, machines, 0, 2);
    tcase_add_loop_test(t, strict, 0, (int)CP_COUNT(strict_rows));
    tcase_add_test(t, for_peers);
    tcase_add_test(t, body_too_large);
    tcase_add_loop_test(t, body, 0, (int)CP_COUNT(bodies));
    suite_add_tcase(s, t);
    return s;
}
