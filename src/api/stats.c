/* stats: /v2/stats: what a member has counted, and who it follows. Source: contract, server 2. */
#include "api/route.h"

#include "base/clock.h"
#include "base/jsonw.h"

#include <inttypes.h>

void stats_store_handle(const struct api_call *call, struct api_result *out)
{
    static const struct {
        const char *name;
        enum engine_counter counter;
    } fields[] = {
        {"setsSuccess", COUNT_SET_OK},
        {"setsFail", COUNT_SET_FAIL},
        {"deleteSuccess", COUNT_DELETE_OK},
        {"deleteFail", COUNT_DELETE_FAIL},
        {"updateSuccess", COUNT_UPDATE_OK},
        {"updateFail", COUNT_UPDATE_FAIL},
        {"createSuccess", COUNT_CREATE_OK},
        {"createFail", COUNT_CREATE_FAIL},
        {"compareAndSwapSuccess", COUNT_CAS_OK},
        {"compareAndSwapFail", COUNT_CAS_FAIL},
        {"compareAndDeleteSuccess", COUNT_CAD_OK},
        {"compareAndDeleteFail", COUNT_CAD_FAIL},
        {"expireCount", COUNT_EXPIRE},
        {"watchers", COUNT_WATCHERS},
    };
    _Static_assert(CP_COUNT(fields) == COUNT_N, "a field for each counter");
    const struct engine *e = call->api->engine;
    struct buf *b = &out->reply.body;
    uint64_t found, missing;
    engine_count_gets(e, &found, &missing);
    buf_printf(b, "{\"getsSuccess\":%" PRIu64 ",\"getsFail\":%" PRIu64, found, missing);
    for (size_t i = 0; i < CP_COUNT(fields); i++)
        buf_printf(b, ",\"%s\":%" PRIu64, fields[i].name, engine_count(e, fields[i].counter));
    buf_char(b, '}');
    out->reply.status = 200;
    out->reply.type = API_TYPE_JSON;
}

/* Go's Duration.String: the largest unit that fits, below a second with its fraction. */
static void render_duration(struct buf *b, uint64_t ns)
{
    uint64_t s = ns / NS_PER_S, fraction = ns % NS_PER_S;
    unsigned digits = 9;
    const char *unit = "s";
    if (s == 0 && fraction > 0) {
        unsigned below = fraction < 1000 ? 9 : fraction < 1000000 ? 6 : 3;
        uint64_t one = below == 9 ? 1 : below == 6 ? 1000 : 1000000;
        unit = below == 9 ? "ns" : below == 6 ? "\xc2\xb5s" : "ms";
        digits -= below;
        s = fraction / one;
        fraction %= one;
    } else if (s >= 60) {
        if (s >= 3600)
            buf_printf(b, "%" PRIu64 "h", s / 3600);
        buf_printf(b, "%" PRIu64 "m", s / 60 % 60);
        s %= 60;
    }
    buf_u64(b, s);
    if (fraction > 0) {
        for (; fraction % 10 == 0; fraction /= 10)
            digits--;
        buf_printf(b, ".%0*" PRIu64, (int)digits, fraction);
    }
    buf_span(b, span_of(unit));
}

void stats_self_handle(const struct api_call *call, struct api_result *out)
{
    struct engine *e = call->api->engine;
    struct buf *b = &out->reply.body;
    struct engine_status s;
    engine_status(e, &s);
    buf_lit(b, "{\"name\":");
    jsonw_str(b, blob_span(s.name));
    buf_printf(b, ",\"id\":\"%" PRIx64 "\",\"state\":\"%s\",\"startTime\":", s.member_id,
               s.leading ? "StateLeader" : "StateFollower");
    jsonw_time(b, s.start_ns);
    if (s.leader_id != 0) {
        int64_t uptime_ns = engine_now_ns(e) - s.leader_since_ns;
        buf_printf(b, ",\"leaderInfo\":{\"leader\":\"%" PRIx64 "\",\"uptime\":\"", s.leader_id);
        render_duration(b, uptime_ns > 0 ? (uint64_t)uptime_ns : 0);
        buf_lit(b, "\",\"startTime\":");
        jsonw_time(b, s.leader_since_ns);
    } else {
        /* etcd before its first leader: Go's zero time, and the longest of durations since */
        buf_lit(b, ",\"leaderInfo\":{\"leader\":\"\",\"uptime\":\"2562047h47m16.854775807s\","
                   "\"startTime\":\"0001-01-01T00:00:00Z\"");
    }
    /* the rates of a member without peers are 0 and left out */
    buf_lit(b, "},\"recvAppendRequestCnt\":0,\"sendAppendRequestCnt\":0}");
    out->reply.status = 200;
    out->reply.type = API_TYPE_JSON;
    blob_unref(s.name);
}

void stats_leader_handle(const struct api_call *call, struct api_result *out)
{
    struct engine_status s;
    engine_status(call->api->engine, &s);
    blob_unref(s.name);
    if (!s.leading) {
        api_message(&out->reply, 403, SPAN("not current leader"));
        return;
    }
    buf_printf(&out->reply.body, "{\"leader\":\"%" PRIx64 "\",\"followers\":{}}", s.leader_id);
    out->reply.status = 200;
    out->reply.type = API_TYPE_JSON;
}
