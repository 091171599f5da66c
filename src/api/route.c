/* route: method and path to a handler, and what is answered before any: OPTIONS, broken and unclean
 * paths, 404, 405. */
#include "api/route.h"

#define METHOD(m)  (1u << V2_M_##m)
#define ANY_METHOD (~0u)

struct route {
    const char *path;
    bool below; /* also what lies below it */
    unsigned methods;
    const char *allow;
    enum grant_need reads, writes; /* what GET and HEAD, and the other methods demand */
    bool asks;                     /* the handler asks itself, once it knows what for */
    api_handler *handle;
};

static const struct route routes[] = {
    {"/v2/keys", true, METHOD(HEAD) | METHOD(GET) | METHOD(PUT) | METHOD(POST) | METHOD(DELETE),
     "HEAD,GET,PUT,POST,DELETE", GRANT_READ, GRANT_WRITE, true, keys_handle},
    {"/v2/members", true, METHOD(GET) | METHOD(POST) | METHOD(DELETE) | METHOD(PUT),
     "GET,POST,DELETE,PUT", GRANT_OPEN, GRANT_ROOT, false, members_handle},
    {"/v2/machines", false, METHOD(GET) | METHOD(HEAD), "GET,HEAD", GRANT_OPEN, GRANT_NEVER, false,
     machines_handle},
    {"/v2/stats/self", false, METHOD(GET), "GET", GRANT_OPEN, GRANT_NEVER, false,
     stats_self_handle},
    {"/v2/stats/store", false, METHOD(GET), "GET", GRANT_OPEN, GRANT_NEVER, false,
     stats_store_handle},
    {"/v2/stats/leader", false, METHOD(GET), "GET", GRANT_OPEN, GRANT_NEVER, false,
     stats_leader_handle},
    {"/v2/auth/enable", false, METHOD(GET) | METHOD(PUT) | METHOD(DELETE), "GET,PUT,DELETE",
     GRANT_OPEN, GRANT_ROOT, false, auth_enable_handle},
    {"/v2/auth/users", true, ANY_METHOD, NULL, GRANT_ROOT, GRANT_ROOT, true, auth_users_handle},
    {"/v2/auth/roles", true, ANY_METHOD, NULL, GRANT_ROOT, GRANT_ROOT, true, auth_roles_handle},
    {"/version", false, METHOD(GET), "GET", GRANT_OPEN, GRANT_NEVER, false, version_handle},
    {"/debug/vars", false, METHOD(GET), "GET", GRANT_OPEN, GRANT_NEVER, false, vars_handle},
    {"/config/local/log", false, METHOD(PUT), "PUT", GRANT_NEVER, GRANT_ROOT, false,
     log_level_handle},
    /* from here on, also where nothing but health is told */
    {"/health", false, METHOD(GET), "GET", GRANT_OPEN, GRANT_NEVER, false, health_handle},
    {"/livez", false, METHOD(GET), "GET", GRANT_OPEN, GRANT_NEVER, false, livez_handle},
    {"/readyz", false, METHOD(GET), "GET", GRANT_OPEN, GRANT_NEVER, false, readyz_handle},
    {"/metrics", false, METHOD(GET), "GET", GRANT_OPEN, GRANT_NEVER, false, metrics_handle},
};

#define HEALTH_ROUTES 4

static bool leads_to(const struct route *r, struct span path, struct span *rest)
{
    struct span pattern = span_of(r->path);
    if (!span_starts(path, pattern))
        return false;
    *rest = span_from(path, pattern.len);
    return rest->len == 0 || (r->below && rest->ptr[0] == '/');
}

static void redirect(const struct api_request *rq, const struct target *t, struct api_reply *reply)
{
    reply->status = 301;
    target_header(&reply->location, buf_as_span(&t->location));
    if (rq->method != V2_M_GET && rq->method != V2_M_HEAD)
        return;
    reply->type = API_TYPE_HTML;
    if (rq->method == V2_M_GET)
        target_page(&reply->body, buf_as_span(&t->location));
}

static bool admits(const struct route *r, const struct api_call *call, struct api_result *out)
{
    bool reads = call->rq->method == V2_M_GET || call->rq->method == V2_M_HEAD;
    return api_admit(call, &(struct grant_ask){.need = reads ? r->reads : r->writes}, out);
}

static void dispatch(const struct api_call *call, struct api_result *out)
{
    struct api_call inner = *call;
    size_t first = call->api->health_only ? CP_COUNT(routes) - HEALTH_ROUTES : 0;
    for (size_t i = first; i < CP_COUNT(routes); i++) {
        const struct route *r = &routes[i];
        if (!leads_to(r, call->path, &inner.path))
            continue;
        if ((r->methods & (1u << call->rq->method)) == 0) {
            api_fixed(&out->reply, 405, API_TYPE_TEXT_NOSNIFF, SPAN("Method Not Allowed\n"));
            out->reply.allow = r->allow;
        } else if (r->asks || admits(r, &inner, out)) {
            r->handle(&inner, out);
        }
        return;
    }
    api_fixed(&out->reply, 404, API_TYPE_TEXT_NOSNIFF, SPAN("404 page not found\n"));
}

void api_handle(struct api *a, unsigned slot, const struct api_request *rq, struct api_result *out)
{
    struct target t;
    *out = (struct api_result){.outcome = API_REPLY};
    if (rq->method == V2_M_OPTIONS) {
        out->reply.status = 200;
        return;
    }
    switch (target_parse(rq->target, &t)) {
    case TARGET_BAD:
        api_fixed(&out->reply, 400, API_TYPE_TEXT, SPAN("400 Bad Request"));
        break;
    case TARGET_REDIRECT:
        redirect(rq, &t, &out->reply);
        break;
    case TARGET_CLEAN:
        dispatch(
            &(struct api_call){.api = a, .slot = slot, .rq = rq, .path = t.path, .query = t.query},
            out);
        break;
    }
    target_fini(&t);
}
