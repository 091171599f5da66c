/* server: what a member says of itself. Source: contract, server 1. */
#include "api/route.h"

#include "api/server.h"

void version_handle(const struct api_call *call, struct api_result *out)
{
    (void)call;
    api_fixed(
        &out->reply, 200, API_TYPE_JSON,
        SPAN("{\"etcdserver\":\"" COMPAT_SERVER "\",\"etcdcluster\":\"" COMPAT_CLUSTER "\"}"));
}
