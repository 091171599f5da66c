/* stats: /v2/stats: what a member has counted, and who it follows. Source: contract, server 2. */
#include "api/route.h"

#include "base/clock.h"
#include "base/jsonw.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

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

/* N / 10^DIGITS, without zeroes at the end. */
static void render_fixed(struct buf *b, uint64_t n, int digits)
{
    uint64_t one = 1;
    for (int i = 0; i < digits; i++)
        one *= 10;
    buf_u64(b, n / one);
    n %= one;
    if (n == 0)
        return;
    for (; n % 10 == 0; n /= 10)
        digits--;
    buf_printf(b, ".%0*" PRIu64, digits, n);
}

/* Rates that are 0 are left out. */
static void render_traffic(struct buf *b, const char *way, const struct traffic_figures *t)
{
    const struct {
        const char *name;
        double rate;
    } rates[] = {{"PkgRate", t->packets}, {"BandwidthRate", t->bytes}};
    buf_printf(b, ",\"%sAppendRequestCnt\":%" PRIu64, way, t->count);
    for (size_t i = 0; i < CP_COUNT(rates); i++) {
        uint64_t thousandths = (uint64_t)(rates[i].rate * 1000 + 0.5);
        if (thousandths == 0)
            continue;
        buf_printf(b, ",\"%s%s\":", way, rates[i].name);
        render_fixed(b, thousandths, 3);
    }
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
    struct engine_traffic t;
    engine_traffic(e, &t);
    buf_char(b, '}');
    render_traffic(b, "recv", &t.received);
    render_traffic(b, "send", &t.sent);
    buf_char(b, '}');
    out->reply.status = 200;
    out->reply.type = API_TYPE_JSON;
    blob_unref(s.name);
}

#define MS_DIGITS 6 /* milliseconds to the nanosecond */

static void render_ms(struct buf *b, const char *name, uint64_t ns)
{
    buf_printf(b, "\"%s\":", name);
    render_fixed(b, ns, MS_DIGITS);
}

static uint64_t to_ns(double ms)
{
    return (uint64_t)(ms * (double)NS_PER_MS + 0.5);
}

static void render_follower(struct buf *b, const struct follower_status *f)
{
    buf_printf(b, "\"%" PRIx64 "\":{\"latency\":{", f->id);
    render_ms(b, "current", f->now_ns);
    buf_char(b, ',');
    render_ms(b, "average", to_ns(f->mean_ms));
    buf_char(b, ',');
    render_ms(b, "standardDeviation", to_ns(f->deviation_ms));
    buf_char(b, ',');
    render_ms(b, "minimum", f->least_ns);
    buf_char(b, ',');
    render_ms(b, "maximum", f->most_ns);
    buf_printf(b, "},\"counts\":{\"fail\":%" PRIu64 ",\"success\":%" PRIu64 "}}", f->fail,
               f->success);
}

/* Go writes a map in the order of its keys, which are the ids as text. */
static int by_text(const void *a, const void *b)
{
    const struct follower_status *x = a, *y = b;
    char p[20], q[20];
    snprintf(p, sizeof p, "%" PRIx64, x->id);
    snprintf(q, sizeof q, "%" PRIx64, y->id);
    return strcmp(p, q);
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
    struct follower_status followers[LIMIT_MEMBERS];
    struct buf *b = &out->reply.body;
    unsigned n = engine_followers(call->api->engine, followers);
    qsort(followers, n, sizeof followers[0], by_text);
    buf_printf(b, "{\"leader\":\"%" PRIx64 "\",\"followers\":{", s.leader_id);
    for (unsigned i = 0; i < n; i++) {
        if (i > 0)
            buf_char(b, ',');
        render_follower(b, &followers[i]);
    }
    buf_lit(b, "}}");
    out->reply.status = 200;
    out->reply.type = API_TYPE_JSON;
}
