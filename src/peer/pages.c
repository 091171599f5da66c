/* pages: what etcd's members tell each other in plain JSON, and everybody who asks. Source:
 * etcd 3.4 on its peer URL (tests/api of the peer port); contract, server 1. */
#include "peer/gate_priv.h"
#include "peer/speech.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct page {
    unsigned status;
    const char *type, *allow;
    bool nosniff, cluster_id;
    struct span text;
};

static enum MHD_Result send_page(struct visit *v, const struct page *page)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(
        page->text.len, (void *)(uintptr_t)page->text.ptr, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result rc;
    char id[17];

    if (page->allow != NULL)
        (void)MHD_add_response_header(r, "Allow", page->allow);
    (void)MHD_add_response_header(r, "Content-Type", page->type);
    if (page->nosniff)
        (void)MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    if (page->cluster_id) {
        snprintf(id, sizeof(id), "%" PRIx64, v->gate->conf->cluster_id);
        (void)MHD_add_response_header(r, "X-Etcd-Cluster-Id", id);
    }
    rc = MHD_queue_response(v->mhd, page->status, r);
    MHD_destroy_response(r);
    return rc;
}

static enum MHD_Result send_members(struct visit *v)
{
    struct buf b = {0};
    enum MHD_Result rc;

    api_members_for_peers(v->gate->api->engine, &b);
    rc = send_page(v, &(struct page){.status = 200,
                                     .type = "application/json",
                                     .cluster_id = true,
                                     .text = buf_as_span(&b)});
    buf_fini(&b);
    return rc;
}

static enum MHD_Result send_version(struct visit *v)
{
    struct api_request rq = {.method = V2_M_GET, .target = SPAN("/version")};
    struct api_result out;
    enum MHD_Result rc;

    api_handle(v->gate->api, 0, &rq, &out);
    CP_ASSERT(out.outcome == API_REPLY);
    rc = send_page(v, &(struct page){.status = (unsigned)out.reply.status,
                                     .type = "application/json",
                                     .text = out.reply.fixed});
    api_reply_fini(&out.reply);
    return rc;
}

enum MHD_Result visit_page(struct visit *v, const char *method)
{
    static const struct page not_found = {.status = 404,
                                          .type = "text/plain; charset=utf-8",
                                          .nosniff = true,
                                          .text = {"404 page not found\n", 19}};
    static const char text[] = "Method Not Allowed\n";
    bool members = strcmp(v->path, "/members") == 0, version = strcmp(v->path, "/version") == 0;
    bool ours = strcmp(v->path, SPEECH_STREAM) == 0 || strcmp(v->path, SPEECH_SNAPSHOT) == 0;

    if (!members && !version && !ours)
        return send_page(v, &not_found);
    if (ours || strcmp(method, "GET") != 0)
        return send_page(v, &(struct page){.status = 405,
                                           .allow = ours ? "POST" : "GET",
                                           .type = "text/plain; charset=utf-8",
                                           .nosniff = true,
                                           .text = SPAN(text)});
    return members ? send_members(v) : send_version(v);
}
