/* answer: from a whole request to what is done about it: the reply, or a wait for the engine and
 * the reply behind it. */
#include "http/answer.h"

#include "base/mem.h"
#include "http/host.h"
#include "http/reply.h"
#include "http/stream.h"
#include "http/sub.h"

#include <netinet/in.h>

void conn_written(struct conn *k, struct proposal *p)
{
    k->proposal = p;
    conn_move(k, CONN_WRITTEN);
    conn_resume(k);
}

void conn_confirmed(struct conn *k, struct quorum_read *r)
{
    k->read = r;
    conn_move(k, CONN_READ);
    conn_resume(k);
}

/* Suspends the request and gives the write to the engine. */
static enum MHD_Result propose(struct conn *k, struct api_result *r)
{
    struct worker *w = k->worker;
    struct proposal *p = r->proposal;

    p->owner = k;
    p->done = turn_written;
    k->no_value = r->no_value;
    conn_move(k, CONN_WRITING);
    conn_suspend(k);
    w->pending++;
    if (!engine_propose(w->door->api->engine, &p)) {
        w->pending--;
        k->refused = true;
        p->code = V2_RAFT_INTERNAL;
        p->cause.len = 0;
        buf_lit(&p->cause, "etcdserver: too many requests");
        conn_written(k, p);
    }
    worker_gave(w);
    return MHD_YES;
}

/* The same for a quorum read. */
static enum MHD_Result confirm(struct conn *k, struct quorum_read *r)
{
    struct worker *w = k->worker;

    r->owner = k;
    r->done = turn_confirmed;
    conn_move(k, CONN_READING);
    conn_suspend(k);
    w->pending++;
    if (!engine_read(w->door->api->engine, r)) {
        w->pending--;
        k->refused = true;
        r->code = V2_RAFT_INTERNAL;
        buf_lit(&r->cause, "etcdserver: too many requests");
        conn_confirmed(k, r);
    }
    worker_gave(w);
    return MHD_YES;
}

void conn_proved(struct conn *k)
{
    conn_move(k, CONN_PROVED);
    conn_resume(k);
}

/* A thread of the guard's. */
static void on_proved(struct secret *s)
{
    struct conn *k = s->owner;

    s->mail.kind = MAIL_PROVED;
    s->mail.next = NULL;
    mailbox_post_chain(&k->worker->mailbox, &s->mail);
}

/* The same for what only the guard can say or do; what it had said before is needed no more. */
static enum MHD_Result prove(struct conn *k, struct secret *s)
{
    struct worker *w = k->worker;

    secret_free(k->secret);
    k->secret = s;
    s->owner = k;
    s->done = on_proved;
    conn_move(k, CONN_PROVING);
    conn_suspend(k);
    w->pending++;
    if (!guard_ask(w->door->api->guard, s)) {
        w->pending--;
        k->refused = true;
        conn_proved(k);
    }
    return MHD_YES;
}

enum MHD_Result answer_written(struct conn *k)
{
    struct proposal *p = k->proposal;
    struct api_reply r = {0};

    k->proposal = NULL;
    api_proposal_reply(k->worker->door->api, &p, k->no_value, &r);
    if (k->refused)
        reply_try_later(&r);
    return reply_send(k, &r);
}

/* Who floods is told apart by the address; of IPv6, one client has all below the first 64 bits. */
static struct span address_of(const struct conn *k)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(k->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *from = info != NULL ? info->client_addr : NULL;

    if (from != NULL && from->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)from;

        return span_make(&v4->sin_addr, sizeof(v4->sin_addr));
    }
    if (from != NULL && from->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)from;
        const struct in6_addr *at = &v6->sin6_addr;

        if (IN6_IS_ADDR_V4MAPPED(at))
            return span_make(at->s6_addr + 12, 4);
        return span_make(at->s6_addr, 8);
    }
    return SPAN("");
}

struct span answer_cert_user(const struct conn *k)
{
    if (!k->worker->door->conf.cert_is_user || k->tls == NULL || k->tls->cn == NULL)
        return (struct span){0};
    return span_of(k->tls->cn);
}

static struct api_request request_of(const struct conn *k)
{
    return (struct api_request){
        .method = k->method,
        .target = k->path_query,
        .content_type = k->content_type,
        .authorization = k->authorization,
        .cert_user = answer_cert_user(k),
        .address = k->authorization.len > 0 ? address_of(k) : SPAN(""),
        .secret = k->secret,
        .body = buf_as_span(&k->body),
        .body_too_large = k->too_large,
    };
}

/* What api made of the request. */
static enum MHD_Result act(struct conn *k, struct api_result *r)
{
    struct worker *w = k->worker;

    switch (r->outcome) {
    case API_REPLY:
        if (k->refused)
            reply_try_later(&r->reply);
        return reply_send(k, &r->reply);
    case API_PROPOSE:
        return propose(k, r);
    case API_READ:
        return confirm(k, r->read);
    case API_SECRET:
        return prove(k, r->secret);
    case API_WATCH:
        if (atomic_fetch_add_explicit(&w->door->watches, 1, memory_order_relaxed) >=
            w->door->conf.watchers_max) {
            atomic_fetch_sub_explicit(&w->door->watches, 1, memory_order_relaxed);
            buf_fini(&r->watch.path);
            right_fini(&r->watch.right);
            return reply_too_many(k, "etcdserver: too many watches");
        }
        sub_open(k, r);
        return MHD_YES;
    case API_STREAM:
        return listing_send(k, r);
    }
    CP_ASSERT(false && "an outcome of api_handle");
    return MHD_NO;
}

static enum MHD_Result handle(struct conn *k)
{
    struct worker *w = k->worker;
    struct api_result r;
    struct api_request rq = request_of(k);

    if (w->draining)
        return reply_raft_error(k, "etcdserver: server stopped");
    api_handle(w->door->api, w->number, &rq, &r);
    if (r.counted != COUNTED_NOT)
        metric_count(&w->counts.received[r.counted], 1);
    k->counted = r.outcome != API_WATCH ? r.counted : COUNTED_NOT;
    return act(k, &r);
}

static enum MHD_Result misdirected(struct conn *k, struct span name)
{
    struct api_reply r = {.status = MHD_HTTP_MISDIRECTED_REQUEST, .type = API_TYPE_TEXT_NOSNIFF};

    host_refusal(&r.body, name);
    return reply_send(k, &r);
}

enum MHD_Result answer_begin(struct conn *k)
{
    struct span name = host_name(k->host);

    k->begin_ns = clock_mono_ns(&clock_system);
    if (k->tls == NULL && !host_allowed(k->worker->door->conf.host_names, name))
        return misdirected(k, name);
    if (k->crowded_out)
        return reply_too_many(k, "etcdserver: too many requests");
    return handle(k);
}

enum MHD_Result answer_proved(struct conn *k)
{
    if (k->refused)
        return reply_too_many(k, "etcdserver: too many requests");
    return handle(k);
}

static void forget_read(struct conn *k)
{
    buf_fini(&k->read->cause);
    mem_free(k->read);
    k->read = NULL;
}

enum MHD_Result answer_confirmed(struct conn *k)
{
    struct worker *w = k->worker;
    struct api_result r;
    struct api_request rq = request_of(k);

    if (w->draining) { /* the engine may be gone */
        forget_read(k);
        return reply_raft_error(k, "etcdserver: server stopped");
    }
    api_read_reply(w->door->api, w->number, &rq, &k->read, &r);
    return act(k, &r);
}

void answer_forget(struct conn *k)
{
    if (k->proposal != NULL) {
        struct api_reply r = {0};

        api_proposal_reply(k->worker->door->api, &k->proposal, k->no_value, &r);
        api_reply_fini(&r);
    }
    if (k->read != NULL)
        forget_read(k);
    secret_free(k->secret);
    k->secret = NULL;
}
