/* /v2/stats. The shapes are those of etcd 3.4.23. */
#include "test_api.h"

#include <stdio.h>

#define ID "5c76a90ae78bcee7"

static void expect(const char *target, int status, const char *body)
{
    struct api_request rq = {.method = V2_M_GET, .target = span_of(target)};
    struct api_result out;
    api_handle(&api, 0, &rq, &out);
    ck_assert_int_eq(out.outcome, API_REPLY);
    ck_assert_msg(out.reply.status == status, "%s: %d", target, out.reply.status);
    ck_assert_int_eq(out.reply.type, API_TYPE_JSON);
    ck_assert(!out.reply.cluster_id && !out.reply.has_etcd_index && !out.reply.has_raft);
    same_text(target, buf_as_span(&out.reply.body), body);
    api_reply_fini(&out.reply);
}

static void ask(enum v2_method method, const char *target)
{
    struct api_request rq = {.method = method, .target = span_of(target)};
    struct api_result out;
    api_handle(&api, 0, &rq, &out);
    if (out.outcome == API_PROPOSE) {
        fake_engine_apply(&engine, out.proposal);
        api_proposal_reply(&api, &out.proposal, out.no_value, &out.reply);
    }
    buf_fini(&out.watch.path);
    right_fini(&out.watch.right);
    api_reply_fini(&out.reply);
}

START_TEST(store)
{
    engine.found = 7;
    engine.missing = 8;
    expect("/v2/stats/store", 200,
           "{\"getsSuccess\":7,\"getsFail\":8,\"setsSuccess\":100,\"setsFail\":101,"
           "\"deleteSuccess\":102,\"deleteFail\":103,\"updateSuccess\":104,\"updateFail\":105,"
           "\"createSuccess\":106,\"createFail\":107,\"compareAndSwapSuccess\":108,"
           "\"compareAndSwapFail\":109,\"compareAndDeleteSuccess\":110,"
           "\"compareAndDeleteFail\":111,\"expireCount\":112,\"watchers\":113}");
}
END_TEST

static const struct {
    enum v2_method method;
    const char *target;
    unsigned found, missing;
} reads[] = {
    {V2_M_GET, "/v2/keys/a", 1, 0},
    {V2_M_GET, "/v2/keys", 1, 0},
    {V2_M_HEAD, "/v2/keys/a", 1, 0},
    {V2_M_GET, "/v2/keys/a?quorum=true", 1, 0},
    {V2_M_GET, "/v2/keys/none", 0, 1},
    {V2_M_HEAD, "/v2/keys/none", 0, 1},
    {V2_M_GET, "/v2/keys/a/b", 0, 1},
    {V2_M_GET, "/v2/keys/a?wait=true", 0, 0},
    {V2_M_GET, "/v2/keys/a?wait=maybe", 0, 0},
    {V2_M_PUT, "/v2/keys/a?value=2", 0, 0},
    {V2_M_DELETE, "/v2/keys/none", 0, 0},
    {V2_M_GET, "/v2/members", 0, 0},
};

START_TEST(counts_as_read)
{
    ask(V2_M_PUT, "/v2/keys/a?value=1");
    ask(reads[_i].method, reads[_i].target);
    ck_assert_msg(engine.found == reads[_i].found, "%s", reads[_i].target);
    ck_assert_msg(engine.missing == reads[_i].missing, "%s", reads[_i].target);
}
END_TEST

START_TEST(leader)
{
    expect("/v2/stats/leader", 200, "{\"leader\":\"" ID "\",\"followers\":{}}");
    engine.n_followers = 2;
    engine.followers[0] = (struct follower_status){.id = 0xb2, .fail = 3};
    engine.followers[1] = (struct follower_status){.id = 0x1000000000000001,
                                                   .success = 5,
                                                   .now_ns = 500,
                                                   .least_ns = 500,
                                                   .most_ns = 2500000,
                                                   .mean_ms = 1.25025,
                                                   .deviation_ms = 10};
    expect("/v2/stats/leader", 200,
           "{\"leader\":\"" ID "\",\"followers\":{\"1000000000000001\":{\"latency\":{"
           "\"current\":0.0005,\"average\":1.25025,\"standardDeviation\":10,\"minimum\":0.0005,"
           "\"maximum\":2.5},\"counts\":{\"fail\":0,\"success\":5}},\"b2\":{\"latency\":{"
           "\"current\":0,\"average\":0,\"standardDeviation\":0,\"minimum\":0,\"maximum\":0},"
           "\"counts\":{\"fail\":3,\"success\":0}}}}");
    engine.leader = false;
    expect("/v2/stats/leader", 403, "{\"message\":\"not current leader\"}");
}
END_TEST

static const struct {
    int64_t ns;
    const char *text;
} uptimes[] = {
    {-1, "0s"},
    {0, "0s"},
    {1, "1ns"},
    {999, "999ns"},
    {1000, "1\xc2\xb5s"},
    {1020, "1.02\xc2\xb5s"},
    {999999, "999.999\xc2\xb5s"},
    {1000000, "1ms"},
    {12345678, "12.345678ms"},
    {1000001, "1.000001ms"},
    {1000000000, "1s"},
    {1919171361, "1.919171361s"},
    {1000000010, "1.00000001s"},
    {59900000000, "59.9s"},
    {60000000000, "1m0s"},
    {701036195307, "11m41.036195307s"},
    {3600000000000, "1h0m0s"},
    {INT64_C(360000000000001), "100h0m0.000000001s"},
};

START_TEST(self)
{
    char body[512];
    engine.now_ns = NS_PER_S * 1790000001 + 5000 + uptimes[_i].ns;
    snprintf(body, sizeof(body),
             "{\"name\":\"m\\u003c1\\u003e\",\"id\":\"" ID "\",\"state\":\"StateLeader\","
             "\"startTime\":\"2026-09-21T14:13:20Z\",\"leaderInfo\":{\"leader\":\"" ID
             "\",\"uptime\":\"%s\",\"startTime\":\"2026-09-21T14:13:21.000005Z\"},"
             "\"recvAppendRequestCnt\":0,\"sendAppendRequestCnt\":0}",
             uptimes[_i].text);
    expect("/v2/stats/self", 200, body);
}
END_TEST

START_TEST(self_without_leader)
{
    engine.leader = false;
    expect("/v2/stats/self", 200,
           "{\"name\":\"m\\u003c1\\u003e\",\"id\":\"" ID "\",\"state\":\"StateFollower\","
           "\"startTime\":\"2026-09-21T14:13:20Z\",\"leaderInfo\":{\"leader\":\"\","
           "\"uptime\":\"2562047h47m16.854775807s\",\"startTime\":\"0001-01-01T00:00:00Z\"},"
           "\"recvAppendRequestCnt\":0,\"sendAppendRequestCnt\":0}");
}
END_TEST

START_TEST(self_with_traffic)
{
    engine.leader = false;
    engine.traffic.sent = (struct traffic_figures){.count = 7};
    engine.traffic.received =
        (struct traffic_figures){.count = 300, .packets = 20.0004, .bytes = 1234.5678};
    expect("/v2/stats/self", 200,
           "{\"name\":\"m\\u003c1\\u003e\",\"id\":\"" ID "\",\"state\":\"StateFollower\","
           "\"startTime\":\"2026-09-21T14:13:20Z\",\"leaderInfo\":{\"leader\":\"\","
           "\"uptime\":\"2562047h47m16.854775807s\",\"startTime\":\"0001-01-01T00:00:00Z\"},"
           "\"recvAppendRequestCnt\":300,\"recvPkgRate\":20,\"recvBandwidthRate\":1234.568,"
           "\"sendAppendRequestCnt\":7}");
}
END_TEST

Suite *stats_suite(void)
{
    Suite *s = suite_create("stats");
    TCase *t = tcase_create("requests");
    tcase_add_checked_fixture(t, api_setup, api_teardown);
    tcase_add_test(t, store);
    tcase_add_loop_test(t, counts_as_read, 0, (int)CP_COUNT(reads));
    tcase_add_test(t, leader);
    tcase_add_loop_test(t, self, 0, (int)CP_COUNT(uptimes));
    tcase_add_test(t, self_without_leader);
    tcase_add_test(t, self_with_traffic);
    suite_add_tcase(s, t);
    return s;
}
