/* members: /v2/members and /v2/machines: who is in the cluster, for clients and for other members.
 * Source: contract, server 1 and 3. */
#include "api/roll.h"

#include "base/jsonw.h"

#include <inttypes.h>
#include <stdlib.h>

static int by_bytes(const void *a, const void *b)
{
    return span_cmp(*(const struct span *)a, *(const struct span *)b);
}

static void list(const struct roll *t, struct api_reply *reply)
{
    struct buf *b = &reply->body;
    reply->status = 200;
    reply->type = API_TYPE_JSON;
    buf_lit(b, "{\"members\":[");
    for (unsigned i = 0; i < t->n; i++) {
        if (i > 0)
            buf_char(b, ',');
        roll_render(b, &t->rows[i]);
    }
    buf_lit(b, "]}\n");
}

static void show_leader(const struct roll *t, struct engine *e, struct api_reply *reply)
{
    struct engine_status status;
    engine_status(e, &status);
    blob_unref(status.name);
    const struct roll_row *leader = roll_find(t, status.leader_id);
    if (status.leader_id == 0 || leader == NULL) {
        api_message(reply, 503, SPAN("During election"));
        return;
    }
    reply->status = 200;
    reply->type = API_TYPE_JSON;
    roll_render(&reply->body, leader);
    buf_char(&reply->body, '\n');
}

void members_handle(const struct api_call *call, struct api_result *out)
{
    struct api_reply *reply = &out->reply;
    struct span name = span_starts(call->path, SPAN("/")) ? span_from(call->path, 1) : call->path;
    if (call->rq->method != V2_M_GET) {
        member_change(call, name, out);
    } else {
        struct roll t;
        roll_read(&t, call->api->engine);
        if (name.len == 0)
            list(&t, reply);
        else if (span_eq(name, SPAN("leader")))
            show_leader(&t, call->api->engine, reply);
        else
            api_message(reply, 404, SPAN("Not found"));
        roll_fini(&t);
    }
    reply->cluster_id = true;
}

static void add_urls(struct buf *b, const char *name, const struct span *urls, unsigned n)
{
    if (n == 0)
        return;
    buf_printf(b, ",\"%s\":", name);
    roll_render_urls(b, urls, n);
}

/* As a peer of etcd writes it: ids are numbers, and what is empty is left out, the peer URLs
 * excepted. */
void api_members_for_peers(struct engine *e, struct buf *b)
{
    struct roll t;
    roll_read(&t, e);
    buf_char(b, '[');
    for (unsigned i = 0; i < t.n; i++) {
        const struct command_member *m = &t.rows[i].info;
        buf_printf(b, "%s{\"id\":%" PRIu64 ",\"peerURLs\":", i > 0 ? "," : "", t.rows[i].id);
        roll_render_urls(b, m->peer_urls, m->n_peer_urls);
        if (m->name.len > 0) {
            buf_lit(b, ",\"name\":");
            jsonw_str(b, m->name);
        }
        add_urls(b, "clientURLs", m->client_urls, m->n_client_urls);
        buf_char(b, '}');
    }
    buf_lit(b, "]\n");
    roll_fini(&t);
}

void machines_handle(const struct api_call *call, struct api_result *out)
{
    struct roll t;
    struct span urls[LIMIT_MEMBERS * COMMAND_MEMBER_URLS];
    unsigned n = 0;
    roll_read(&t, call->api->engine);
    for (unsigned i = 0; i < t.n; i++)
        for (unsigned k = 0; k < t.rows[i].info.n_client_urls; k++)
            urls[n++] = t.rows[i].info.client_urls[k];
    qsort(urls, n, sizeof(urls[0]), by_bytes);
    out->reply.status = 200;
    out->reply.type = API_TYPE_TEXT;
    for (unsigned i = 0; i < n; i++) {
        if (i > 0)
            buf_lit(&out->reply.body, ", ");
        buf_span(&out->reply.body, urls[i]);
    }
    roll_fini(&t);
}
