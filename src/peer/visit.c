/* visit: requests at the peer URLs. Who may speak is decided in the first call, before any of the
 * body is read: a peer waits for "100 Continue", which libmicrohttpd sends when that call leaves
 * the request open. Streams feed frames to the engine as they come. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "cluster/engine.h"
#include "peer/gate_priv.h"
#include "peer/net.h"
#include "peer/speech.h"

#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define REASON_BYTES 160

/* ---- connections ---- */

void visit_on_connection(void *cls, struct MHD_Connection *mhd, void **socket_cls,
                         enum MHD_ConnectionNotificationCode what)
{
    struct gate *g = cls;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        struct guest *k = mem_zalloc(sizeof(*k));

        k->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        k->mhd = mhd;
        k->since_ms = g->now_ms;
        list_add_tail(&g->guests, &k->place);
        g->n_guests++;
        *socket_cls = k;

        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);

        if (info != NULL && info->tls_session != NULL)
            handshake_begin(g, k, info->tls_session);
    } else if (*socket_cls != NULL) {
        struct guest *k = *socket_cls;

        handshake_end(k);
        list_del(&k->place);
        g->n_guests--;
        mem_free(k);
        *socket_cls = NULL;
    }
}

void visit_settle(struct visit *v, unsigned silence_s)
{
    v->guest->settled = true;
    (void)MHD_set_connection_option(v->mhd, MHD_CONNECTION_OPTION_TIMEOUT, silence_s);
}

void *visit_on_target(void *cls, const char *uri, struct MHD_Connection *mhd)
{
    struct guest *k =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    char *query = uri != NULL ? strchr((char *)(uintptr_t)uri, '?') : NULL;

    if (k->tls != NULL && !tls_visit_admit(k->tls))
        return NULL; /* which closes the connection */

    struct visit *v = mem_zalloc(sizeof(*v));

    v->gate = cls;
    v->mhd = mhd;
    v->guest = k;
    v->path = mem_strdup(uri != NULL ? uri : "");
    v->path[strcspn(v->path, "?")] = '\0';
    if (query != NULL)
        query[1] = '\0'; /* libmicrohttpd's own buffer: nothing left for it to parse */
    return v;
}

void visit_on_completed(void *cls, struct MHD_Connection *mhd, void **req_cls,
                        enum MHD_RequestTerminationCode why)
{
    struct visit *v = *req_cls;

    (void)cls;
    (void)mhd;
    (void)why;
    if (v == NULL)
        return;
    *req_cls = NULL;
    if (v->arrival != NULL)
        arrival_leave(v);
    if (v->sender != NULL && v->sender->visit == v) {
        v->sender->visit = NULL;
        if (!atomic_load(&v->gate->stop))
            net_probe(v->gate->net, v->sender->id);
    }
    if (v->guest != NULL) {
        v->guest->settled = false;
        v->guest->since_ms = v->gate->now_ms;
    }
    inflow_fini(&v->inflow);
    mem_free(v->path);
    mem_free(v);
}

/* ---- refusals ---- */

enum MHD_Result visit_reply(struct visit *v, unsigned status, const char *text)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text,
                                                             MHD_RESPMEM_MUST_COPY);
    enum MHD_Result rc;

    (void)MHD_add_response_header(r, "Content-Type", "text/plain; charset=utf-8");
    (void)MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    rc = MHD_queue_response(v->mhd, status, r);
    MHD_destroy_response(r);
    return rc;
}

static void address_of(const struct visit *v, char *out, size_t n)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(v->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *from = info != NULL ? info->client_addr : NULL;
    socklen_t len = from != NULL && from->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                                : sizeof(struct sockaddr_in);

    if (from == NULL || getnameinfo(from, len, out, (socklen_t)n, NULL, 0, NI_NUMERICHOST) != 0)
        snprintf(out, n, "unknown");
}

CP_PRINTF(3, 4)
static enum MHD_Result refuse(struct visit *v, unsigned status, const char *fmt, ...)
{
    char reason[REASON_BYTES], from[80];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(reason, sizeof(reason), fmt, args);
    va_end(args);
    address_of(v, from, sizeof(from));
    log_seldom(LOG_WARN, "peer.stranger", LOG_S("address", from), LOG_U("status", status),
               LOG_S("reason", reason));
    return visit_reply(v, status, reason);
}

bool visit_number(const struct visit *v, const char *name, uint64_t *out)
{
    const char *text = MHD_lookup_connection_value(v->mhd, MHD_HEADER_KIND, name);
    char *end;

    if (text == NULL || strlen(text) > 16 || strspn(text, "0123456789abcdef") != strlen(text))
        return false;
    *out = strtoull(text, &end, 16);
    return end != text;
}

/* Who speaks, and to whom: MHD_YES with *FROM, or the reply in *RC. */
static bool check_caller(struct visit *v, uint64_t *from, enum MHD_Result *rc)
{
    const struct peer_conf *conf = v->gate->conf;
    uint64_t wire, cluster, to;

    if (!visit_number(v, SPEECH_H_WIRE, &wire) || !visit_number(v, SPEECH_H_CLUSTER, &cluster) ||
        !visit_number(v, SPEECH_H_FROM, from) || !visit_number(v, SPEECH_H_TO, &to))
        *rc = refuse(v, 412, "headers of a copse member expected");
    else if (wire != SPEECH_VERSION)
        *rc = refuse(v, 412, "version %d of the peer protocol expected, not %" PRIu64,
                     SPEECH_VERSION, wire);
    else if (cluster != conf->cluster_id)
        *rc =
            refuse(v, 412, "cluster %" PRIx64 " expected, not %" PRIx64, conf->cluster_id, cluster);
    else if (to != conf->member_id)
        *rc = refuse(v, 412, "this is member %" PRIx64 ", not %" PRIx64, conf->member_id, to);
    else if (*from == conf->member_id)
        *rc = refuse(v, 412,
                     "member %" PRIx64 " is this one; two processes run with the same identity",
                     *from);
    else if (conf->is_removed != NULL && conf->is_removed(conf->ctx, *from))
        *rc = refuse(v, 410, "member %" PRIx64 " was removed from the cluster", *from);
    else
        return true;
    return false;
}

/* ---- streams ---- */

static struct sender *sender_of(struct gate *g, uint64_t id)
{
    struct sender *spare = NULL;

    for (unsigned i = 0; i < g->n_senders; i++) {
        if (g->senders[i].id == id)
            return &g->senders[i];
        if (g->senders[i].visit == NULL)
            spare = &g->senders[i];
    }
    if (g->n_senders < LIMIT_PEER_SENDERS)
        spare = &g->senders[g->n_senders++];
    if (spare != NULL)
        *spare = (struct sender){.id = id};
    return spare;
}

/* A member that was removed hears of the leader no more and asks for votes; its stream was opened
 * when it still belonged here. The next one it opens is answered 410. */
static bool must_be_told(const struct gate *g, const struct frame *f)
{
    return f->type == FRAME_MESSAGE && f->message->type == PEER_VOTE &&
           g->conf->is_removed != NULL && g->conf->is_removed(g->conf->ctx, f->from);
}

static void give(void *ctx, struct frame *f)
{
    struct gate *g = ctx;

    if (!must_be_told(g, f)) {
        engine_receive(g->api->engine, f);
        return;
    }

    const struct sender *sender = sender_of(g, f->from);

    if (sender != NULL && sender->visit != NULL && sender->visit->guest != NULL)
        (void)shutdown(sender->visit->guest->fd, SHUT_RDWR);
    frame_free(f);
}

static enum MHD_Result stream_begin(struct visit *v, uint64_t from)
{
    uint64_t session, number;
    struct sender *s;

    if (!visit_number(v, SPEECH_H_SESSION, &session) || !visit_number(v, SPEECH_H_NUMBER, &number))
        return refuse(v, 412, "headers of a copse stream expected");
    s = sender_of(v->gate, from);
    if (s == NULL)
        return refuse(v, 503, "too many senders");
    if (s->session == session && s->number >= number)
        return refuse(v, 409, "a newer stream of this member is here already");
    if (s->visit != NULL) {
        /* What it still holds would come behind newer frames. */
        s->visit->dead = true;
        shutdown(s->visit->guest->fd, SHUT_RDWR);
    }
    s->session = session;
    s->number = number;
    s->visit = v;
    v->sender = s;
    v->inflow =
        (struct inflow){.from = from, .to = v->gate->conf->member_id, .give = give, .ctx = v->gate};
    visit_settle(v, 0);
    log_debug("peer.stream", LOG_X("from", from), LOG_U("number", number));
    return MHD_YES;
}

static void count(struct inbound *in, uint64_t from, size_t bytes)
{
    for (unsigned i = 0; i < CP_COUNT(in->from); i++) {
        uint64_t id = metric_get(&in->from[i].id);

        if (id == 0)
            atomic_store_explicit(&in->from[i].id, from, memory_order_relaxed);
        if (id == 0 || id == from) {
            metric_count(&in->from[i].bytes, bytes);
            return;
        }
    }
}

static enum MHD_Result stream_take(struct visit *v, struct span bytes)
{
    struct err e = {.code = 0};

    if (v->dead)
        return MHD_NO;
    count(v->gate->inbound, v->inflow.from, bytes.len);
    if (inflow_feed(&v->inflow, bytes, &e) == 0)
        return MHD_YES;
    log_warn("peer.stream_broken", LOG_X("from", v->inflow.from), LOG_S("reason", e.text));
    return MHD_NO;
}

static enum MHD_Result stream_end(struct visit *v)
{
    if (inflow_is_partial(&v->inflow))
        log_warn("peer.stream_broken", LOG_X("from", v->inflow.from),
                 LOG_S("reason", "it ended within a frame"));
    return visit_reply(v, 200, "");
}

/* ---- requests ---- */

static enum MHD_Result begin(struct visit *v, const char *method)
{
    bool stream = strcmp(v->path, SPEECH_STREAM) == 0;
    enum MHD_Result rc = MHD_NO;
    uint64_t from;

    v->begun = true;
    if ((!stream && strcmp(v->path, SPEECH_SNAPSHOT) != 0) || strcmp(method, "POST") != 0)
        return MHD_YES;
    if (!check_caller(v, &from, &rc))
        return rc;
    return stream ? stream_begin(v, from) : arrival_begin(v, from);
}

enum MHD_Result visit_on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *size, void **req_cls)
{
    struct visit *v = *req_cls;

    (void)cls;
    (void)mhd;
    (void)url;
    (void)version;
    if (v == NULL)
        return MHD_NO;
    if (!v->begun)
        return begin(v, method);
    if (*size > 0) {
        struct span bytes = span_make(data, *size);

        *size = 0;
        if (v->sender != NULL)
            return stream_take(v, bytes);
        return v->arrival != NULL ? arrival_take(v, bytes) : MHD_YES;
    }
    /* Behind a "100 Continue" to a request without body libmicrohttpd 0.9.75 shows it what it has
     * of the next request, as no bytes: no reply is possible yet. */
    if (data != NULL)
        return MHD_YES;
    if (v->sender != NULL)
        return stream_end(v);
    return v->arrival != NULL ? arrival_end(v) : visit_page(v, method);
}
