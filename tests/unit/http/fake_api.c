/* fake: the api; see fake.h. */
#include "fake.h"

#include "base/mem.h"

struct api_listing {
    size_t left;
};

static atomic_uint listings;
static atomic_size_t pieces;

unsigned fake_listings(void)
{
    return atomic_load(&listings);
}

size_t fake_pieces(void)
{
    return atomic_load(&pieces);
}

static const char *method_word(enum v2_method m)
{
    static const char *const words[] = {"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "OTHER"};

    return words[m];
}

static bool take_prefix(struct span *s, const char *prefix)
{
    if (!span_starts(*s, span_of(prefix)))
        return false;
    *s = span_from(*s, strlen(prefix));
    return true;
}

static size_t number(struct span s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9'; i++)
        n = n * 10 + (size_t)(s.ptr[i] - '0');
    return n;
}

static void echo(const struct api_request *rq, struct api_reply *out)
{
    buf_printf(&out->body, "%s %.*s type=%.*s body=%zu%s\n", method_word(rq->method),
               (int)rq->target.len, rq->target.ptr, (int)rq->content_type.len,
               rq->content_type.ptr != NULL ? rq->content_type.ptr : "", rq->body.len,
               rq->body_too_large ? " too large" : "");
    out->type = API_TYPE_TEXT;
}

/* There are no accounts. */
bool api_accounts_changed(struct api *a, unsigned slot, const struct accounts **seen)
{
    (void)a;
    (void)slot;
    (void)seen;
    return false;
}

void api_accounts_forget(const struct accounts **seen)
{
    (void)seen;
}

bool right_holds(const struct right *r, const struct accounts *a)
{
    (void)r;
    (void)a;
    return true;
}

void right_fini(struct right *r)
{
    buf_fini(&r->text);
}

static void open_watch(struct span target, struct api_result *out)
{
    size_t query = 0;

    while (query < target.len && target.ptr[query] != '?')
        query++;
    buf_add(&out->watch.path, target.ptr, query);
    target = span_from(target, query);
    out->outcome = API_WATCH;
    out->watch.stream = take_prefix(&target, "?stream");
    if (take_prefix(&target, "?past="))
        out->watch.since = number(target);
    if (take_prefix(&target, "?bad"))
        out->watch.since = 1000;
}

void api_handle(struct api *a, unsigned slot, const struct api_request *rq, struct api_result *out)
{
    struct span target = rq->target;

    (void)a;
    (void)slot;
    *out =
        (struct api_result){.outcome = API_REPLY, .reply = {.status = 200, .type = API_TYPE_JSON}};
    out->reply.cluster_id = out->reply.has_etcd_index = out->reply.has_raft = true;
    out->reply.etcd_index = 5;
    out->reply.raft_index = 1234567890123456789;
    out->reply.raft_term = 2;
    if (take_prefix(&target, "/read") && !rq->confirmed) {
        out->outcome = API_READ;
        out->read = mem_zalloc(sizeof(*out->read));
    } else if (take_prefix(&target, "/size/")) {
        size_t n = number(target);

        for (size_t i = 0; i < n; i++)
            buf_char(&out->reply.body, (char)('a' + i % 26));
    } else if (take_prefix(&target, "/node/")) { /* /node/LETTER/INDEX */
        out->reply.etcd_index = number(span_from(target, 2));
        buf_printf(&out->reply.body, "%c, and many bytes that all of them have in common\n",
                   target.ptr[0]);
    } else if (take_prefix(&target, "/list/")) {
        out->outcome = API_STREAM;
        out->listing = mem_zalloc(sizeof(*out->listing));
        out->listing->left = number(target);
        atomic_fetch_add(&listings, 1);
    } else if (take_prefix(&target, "/fixed")) {
        out->reply =
            (struct api_reply){.status = 405, .type = API_TYPE_TEXT_NOSNIFF, .allow = "GET,PUT"};
        out->reply.fixed = SPAN("Method Not Allowed\n");
    } else if (take_prefix(&target, "/moved")) {
        out->reply = (struct api_reply){.status = 301, .type = API_TYPE_HTML};
        buf_lit(&out->reply.location, "/else");
    } else if (take_prefix(&target, "/write") && !rq->body_too_large) {
        out->outcome = API_PROPOSE;
        out->proposal = mem_zalloc(sizeof(*out->proposal));
        out->proposal->command = blob_copy(rq->body);
    } else if (take_prefix(&target, "/watch")) {
        open_watch(target, out);
    } else {
        echo(rq, &out->reply);
        if (rq->body_too_large)
            out->reply.status = 400;
    }
}

void api_read_reply(struct api *a, unsigned slot, const struct api_request *rq,
                    struct quorum_read **r, struct api_result *out)
{
    struct api_request confirmed = *rq;

    confirmed.confirmed = true;
    api_handle(a, slot, &confirmed, out);
    if ((*r)->code != V2_OK) {
        buf_clear(&out->reply.body);
        out->reply.status = 500;
        buf_span(&out->reply.body, buf_as_span(&(*r)->cause));
    }
    buf_fini(&(*r)->cause);
    mem_free(*r);
    *r = NULL;
}

void api_proposal_reply(struct api *a, struct proposal **p, bool no_value, struct api_reply *out)
{
    struct proposal *done = *p;

    (void)a;
    (void)no_value;
    *p = NULL;
    *out = (struct api_reply){
        .status = 201, .type = API_TYPE_JSON, .cluster_id = true, .has_etcd_index = true};
    out->etcd_index = done->etcd_index;
    if (done->code == V2_OK) {
        out->event = done->event;
    } else {
        out->status = 500;
        buf_span(&out->body, buf_as_span(&done->cause));
    }
    buf_fini(&done->cause);
    blob_unref(done->command);
    mem_free(done);
}

bool api_watch_head(struct api *a, const struct watch *w, struct api_reply *out)
{
    (void)a;
    *out = (struct api_reply){
        .status = 200, .type = API_TYPE_JSON, .cluster_id = true, .has_etcd_index = true};
    out->etcd_index = w->etcd_index;
    if (w->code == V2_OK)
        return true;
    out->status = 400;
    buf_lit(&out->body, "cleared\n");
    return false;
}

void api_error(struct api_reply *out, enum v2_code code, struct span cause, uint64_t index)
{
    *out = (struct api_reply){.status = 500, .type = API_TYPE_JSON, .cluster_id = true};
    buf_printf(&out->body, "%d %.*s %llu\n", (int)code, (int)cause.len, cause.ptr,
               (unsigned long long)index);
}

bool api_listing_more(struct api_listing *l, struct buf *b, size_t max)
{
    size_t n = l->left < max ? l->left : max;

    atomic_fetch_add(&pieces, 1);
    for (size_t i = 0; i < n; i++)
        buf_char(b, 'l');
    l->left -= n;
    return l->left > 0;
}

void api_listing_free(struct api_listing *l)
{
    atomic_fetch_sub(&listings, 1);
    mem_free(l);
}

void api_reply_fini(struct api_reply *r)
{
    buf_fini(&r->location);
    buf_fini(&r->body);
    event_unref(r->event);
    *r = (struct api_reply){0};
}
