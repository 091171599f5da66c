/* debug: /debug/vars and /config/local/log: what etcd shows and lets change for whoever looks for a
 * fault. Source: contract, server 1; etcd 3.4 asked. */
#include "api/route.h"

#include "base/gojson.h"
#include "base/gojson_walk.h"
#include "base/jsonw.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

#define CMDLINE_BYTES 65536 /* of it; what is longer is cut off */

/* ---- /debug/vars ---- */

static void command_line(struct buf *b)
{
    struct buf text = {0};
    FILE *f = fopen("/proc/self/cmdline", "re");
    buf_lit(b, "\"cmdline\": [");
    if (f != NULL) {
        buf_reserve(&text, CMDLINE_BYTES);
        text.len = fread(text.ptr, 1, CMDLINE_BYTES, f);
        fclose(f);
    }
    struct span rest = buf_as_span(&text);
    for (bool first = true; rest.len > 0; first = false) {
        const char *end = memchr(rest.ptr, '\0', rest.len);
        struct span word = {rest.ptr, end != NULL ? (size_t)(end - rest.ptr) : rest.len};
        if (!first)
            buf_char(b, ',');
        jsonw_str(b, word);
        rest = span_from(rest, end != NULL ? word.len + 1 : word.len);
    }
    buf_char(b, ']');
    buf_fini(&text);
}

static void raft_status(struct engine *e, struct buf *b)
{
    struct engine_figures figures;
    struct engine_status s;
    struct follower_status f[LIMIT_MEMBERS];
    engine_figures(e, &figures);
    engine_status(e, &s);
    blob_unref(s.name);
    buf_printf(b,
               "\"raft.status\": {\"id\":\"%" PRIx64 "\",\"term\":%" PRIu64 ",\"commit\":%" PRIu64
               ",\"lead\":\"%" PRIx64 "\",\"raftState\":\"%s\",\"applied\":%" PRIu64
               ",\"progress\":{",
               s.member_id, engine_raft_term(e), figures.now[FIGURE_COMMITTED], s.leader_id,
               s.leading ? "StateLeader" : "StateFollower", figures.now[FIGURE_APPLIED]);
    unsigned n = engine_followers(e, f);
    for (unsigned i = 0; i < n; i++)
        buf_printf(b, "%s\"%" PRIx64 "\":{\"match\":%" PRIu64 "}", i > 0 ? "," : "", f[i].id,
                   f[i].match);
    buf_lit(b, "}}");
}

void vars_handle(const struct api_call *call, struct api_result *out)
{
    struct buf *b = &out->reply.body;
    struct rlimit limit;
    buf_lit(b, "{\n");
    command_line(b);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        buf_printf(b, ",\n\"file_descriptor_limit\": %" PRIu64, (uint64_t)limit.rlim_cur);
    buf_lit(b, ",\n");
    raft_status(call->api->engine, b);
    buf_lit(b, "\n}\n");
    out->reply.status = 200;
    out->reply.type = API_TYPE_JSON_UTF8;
}

/* ---- /config/local/log ---- */

static bool same_word(struct span a, const char *upper)
{
    size_t n = strlen(upper);
    bool same = a.len == n;
    for (size_t i = 0; same && i < n; i++)
        same = (a.ptr[i] >= 'a' && a.ptr[i] <= 'z' ? a.ptr[i] - 0x20 : a.ptr[i]) == upper[i];
    return same;
}

/* The value of "Level", in any letter case; of several the last one counts. */
static bool read_level(struct span body, struct buf *level)
{
    struct buf name = {0}, why = {0};
    struct gojson_walk w = {body};
    bool good = gojson_check(body, &why);
    if (good && gojson_kind(&w) == GOJSON_OBJECT) {
        gojson_enter(&w);
        while (gojson_next_member(&w, &name)) {
            bool is_level = same_word(buf_as_span(&name), "LEVEL");
            if (is_level && gojson_kind(&w) == GOJSON_STRING) {
                buf_clear(level);
                gojson_string(&w, level);
                continue;
            }
            good = good && !(is_level && gojson_kind(&w) != GOJSON_NULL);
            gojson_skip(&w);
        }
    } else if (good) {
        good = gojson_kind(&w) == GOJSON_NULL;
    }
    buf_fini(&name);
    buf_fini(&why);
    return good;
}

/* etcd has seven levels under three names each, and copse four. */
static bool find_level(struct span word, enum log_level *level)
{
    static const struct {
        const char *name, *digit, *letter;
        enum log_level level;
    } levels[] = {
        {"CRITICAL", "C", "C", LOG_ERROR}, {"ERROR", "0", "E", LOG_ERROR},
        {"WARNING", "1", "W", LOG_WARN},   {"NOTICE", "2", "N", LOG_INFO},
        {"INFO", "3", "I", LOG_INFO},      {"DEBUG", "4", "D", LOG_DEBUG},
        {"TRACE", "5", "T", LOG_DEBUG},
    };
    for (size_t i = 0; i < CP_COUNT(levels); i++) {
        *level = levels[i].level;
        if (same_word(word, levels[i].name) || same_word(word, levels[i].digit) ||
            same_word(word, levels[i].letter))
            return true;
    }
    return false;
}

/* The log tells it at the more talkative of both levels. */
static void set_level(enum log_level level, struct span word)
{
    if (level < log_level())
        log_set_level(level);
    log_info("log.level_set", LOG_SPAN("level", word));
    log_set_level(level);
}

void log_level_handle(const struct api_call *call, struct api_result *out)
{
    struct buf word = {0};
    enum log_level level;
    if (call->rq->body_too_large || !read_level(call->rq->body, &word)) {
        api_message(&out->reply, 400, SPAN("Invalid json body"));
    } else if (find_level(buf_as_span(&word), &level)) {
        set_level(level, buf_as_span(&word));
        out->reply.status = 204;
    } else {
        struct buf text = {0};
        buf_lit(&text, "Invalid log level ");
        buf_span(&text, buf_as_span(&word));
        api_message(&out->reply, 400, buf_as_span(&text));
        buf_fini(&text);
    }
    buf_fini(&word);
}
