/* server: what a member says of itself. Source: contract, server 1. */
#include "api/route.h"

/* Clients choose their dialect by these numbers, so they name the release whose API is served, not
 * copse's own. */
#define COMPAT_SERVER  "3.4.23"
#define COMPAT_CLUSTER "3.4.0"

void version_handle(const struct api_call *call, struct api_result *out)
{
    (void)call;
    api_fixed(
        &out->reply, 200, API_TYPE_JSON,
        SPAN("{\"etcdserver\":\"" COMPAT_SERVER "\",\"etcdcluster\":\"" COMPAT_CLUSTER "\"}"));
}

void health_handle(const struct api_call *call, struct api_result *out)
{
    if (engine_has_leader(call->api->engine))
        api_fixed(&out->reply, 200, API_TYPE_TEXT, SPAN("{\"health\":\"true\"}"));
    else
        api_fixed(&out->reply, 503, API_TYPE_TEXT_NOSNIFF, SPAN("{\"health\":\"false\"}\n"));
}
