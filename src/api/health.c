/* health: is this member well? /health as etcd has it; /livez (would a restart help?) and /readyz
 * (should requests come here?) as etcd 3.5 and Kubernetes have them, with ?verbose and ?exclude=.
 */
#include "api/route.h"

#include "proto/url.h"

void health_handle(const struct api_call *call, struct api_result *out)
{
    if (engine_has_leader(call->api->engine))
        api_fixed(&out->reply, 200, API_TYPE_TEXT, SPAN("{\"health\":\"true\"}"));
    else
        api_fixed(&out->reply, 503, API_TYPE_TEXT_NOSNIFF, SPAN("{\"health\":\"false\"}\n"));
}

struct check {
    const char *name;
    bool live; /* part of /livez too */
    /* NULL: well; else what is wrong and what to look at. */
    const char *(*wrong)(struct engine *e, const struct engine_figures *f);
};

/* Whoever reads this was served by a worker; and the engine answers or ends the process. */
static const char *serving(struct engine *e, const struct engine_figures *f)
{
    (void)e;
    (void)f;
    return NULL;
}

static const char *leader(struct engine *e, const struct engine_figures *f)
{
    (void)f;
    return engine_has_leader(e) ? NULL
                                : "no leader is known: are most of the other members reachable?";
}

static const char *log_space(struct engine *e, const struct engine_figures *f)
{
    (void)e;
    return f->log_full ? "no room for the log: make room on the disk of the data directory" : NULL;
}

static const struct check checks[] = {
    {"serving", true, serving},
    {"leader", false, leader},
    {"log_space", false, log_space},
};

/* ?verbose, and which checks are left out. */
struct asked {
    bool verbose;
    bool without[CP_COUNT(checks)];
};

static void parse(struct span query, struct asked *a)
{
    *a = (struct asked){.verbose = false};
    while (query.len > 0) {
        const char *amp = memchr(query.ptr, '&', query.len);
        struct span part = {query.ptr, amp != NULL ? (size_t)(amp - query.ptr) : query.len};
        query = span_from(query, amp != NULL ? part.len + 1 : part.len);
        if (span_eq(part, SPAN("verbose")) || span_starts(part, SPAN("verbose=")))
            a->verbose = true;
        if (!span_starts(part, SPAN("exclude=")))
            continue;
        for (size_t i = 0; i < CP_COUNT(checks); i++)
            if (span_eq(span_from(part, strlen("exclude=")), span_of(checks[i].name)))
                a->without[i] = true;
    }
}

static void look(const struct api_call *call, struct api_result *out, const char *name,
                 bool live_only)
{
    struct engine *e = call->api->engine;
    struct buf *b = &out->reply.body;
    struct engine_figures f;
    struct asked asked;
    bool well = true;
    parse(call->query, &asked);
    engine_figures(e, &f);
    for (size_t i = 0; i < CP_COUNT(checks); i++) {
        if (asked.without[i] || (live_only && !checks[i].live))
            continue;
        const char *wrong = checks[i].wrong(e, &f);
        well = well && wrong == NULL;
        if (wrong != NULL)
            buf_printf(b, "[-]%s failed: %s\n", checks[i].name, wrong);
        else
            buf_printf(b, "[+]%s ok\n", checks[i].name);
    }
    if (well && !asked.verbose)
        buf_clear(b);
    if (well && !asked.verbose)
        buf_lit(b, "ok\n");
    else
        buf_printf(b, "%s check %s\n", name, well ? "passed" : "failed");
    out->reply.status = well ? 200 : 503;
    out->reply.type = API_TYPE_TEXT_NOSNIFF;
}

void livez_handle(const struct api_call *call, struct api_result *out)
{
    look(call, out, "livez", true);
}

void readyz_handle(const struct api_call *call, struct api_result *out)
{
    look(call, out, "readyz", false);
}
