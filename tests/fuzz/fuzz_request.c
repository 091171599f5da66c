/* Requests one after the other, from the request line to the reply, with a real store behind them.
 * A request is a letter for the method, a line with the target, a line with the Content-Type, the
 * body up to a byte 0x1e. */
#include "../unit/api/fake_engine.h"

#include "base/gojson.h"
#include "fuzz.h"
#include "store/read.h"

#define REQUESTS_MAX 64
#define FORM_TYPE    "application/x-www-form-urlencoded"

static struct span take_until(struct span *rest, char c)
{
    const char *end = rest->len > 0 ? memchr(rest->ptr, c, rest->len) : NULL;
    struct span part = {rest->ptr, end != NULL ? (size_t)(end - rest->ptr) : rest->len};
    *rest = span_from(*rest, end != NULL ? part.len + 1 : part.len);
    return part;
}

static enum v2_method method_of(char letter)
{
    static const enum v2_method methods[] = {V2_M_GET,    V2_M_HEAD,    V2_M_PUT,  V2_M_POST,
                                             V2_M_DELETE, V2_M_OPTIONS, V2_M_OTHER};
    const char *at = letter != '\0' ? strchr("GHPODTX", letter) : NULL;
    return at != NULL ? methods[at - "GHPODTX"] : methods[(unsigned char)letter % 7];
}

static void check_reply(const struct api_reply *r)
{
    struct span body = r->fixed.ptr != NULL ? r->fixed
                       : r->event != NULL   ? event_json(r->event)
                                            : buf_as_span(&r->body);
    CP_ASSERT(r->status >= 200 && r->status < 600);
    CP_ASSERT((r->fixed.ptr != NULL) + (r->event != NULL) + (r->body.len > 0) <= 1);
    CP_ASSERT((r->status == 301) == (r->location.len > 0));
    CP_ASSERT((r->status == 405 && !r->cluster_id) == (r->allow != NULL));
    if (r->has_etcd_index) {
        CP_ASSERT(r->type == API_TYPE_JSON && r->cluster_id);
        CP_ASSERT(r->has_raft == (r->status < 300));
        CP_ASSERT(body.len > 2 && body.ptr[0] == '{' && body.ptr[body.len - 1] == '\n');
        CP_ASSERT(memchr(body.ptr, '\n', body.len) == body.ptr + body.len - 1);
    } else if (r->type == API_TYPE_JSON) {
        struct buf why = {0};
        CP_ASSERT(!r->has_raft && gojson_check(body, &why));
        buf_fini(&why);
    }
    /* a redirect ends: its place is clean; that of an account may have too many names */
    if (r->status == 301) {
        struct api_request again = {.method = V2_M_OTHER, .target = buf_as_span(&r->location)};
        struct api none = {.engine = NULL};
        struct api_result out;
        api_handle(&none, 0, &again, &out);
        CP_ASSERT(out.reply.status == 404 || out.reply.status == 405 ||
                  (out.reply.status == 400 && out.reply.type == API_TYPE_JSON));
        api_reply_fini(&out.reply);
    }
}

static void send(struct api *a, struct span text)
{
    struct api_request rq = {.method = method_of(text.len > 0 ? text.ptr[0] : 'G')};
    struct span rest = span_from(text, text.len > 0 ? 1 : 0);
    rq.target = take_until(&rest, '\n');
    rq.content_type = take_until(&rest, '\n');
    if (span_eq(rq.content_type, SPAN("f"))) /* spares the fuzzer the long word */
        rq.content_type = SPAN(FORM_TYPE);
    else if (span_eq(rq.content_type, SPAN("j")))
        rq.content_type = SPAN("application/json");
    rq.body = rest;

    struct api_result out;
    api_handle(a, 0, &rq, &out);
    if (out.outcome == API_READ) {
        out.read->code = V2_OK;
        api_read_reply(a, 0, &rq, &out.read, &out);
    }
    switch (out.outcome) {
    case API_READ:
        CP_NEVER("a read that was confirmed");
    case API_PROPOSE:
        fake_engine_apply(a->engine, out.proposal);
        api_proposal_reply(a, &out.proposal, out.no_value, &out.reply);
        break;
    case API_WATCH:
        CP_ASSERT(out.watch.path.len > 0 && out.watch.path.ptr[0] == '/');
        buf_fini(&out.watch.path);
        right_fini(&out.watch.right);
        return;
    case API_STREAM:
        for (struct buf all = {0}; api_listing_more(out.listing, &all, 4096); buf_fini(&all))
            CP_ASSERT(all.len > 0);
        api_listing_free(out.listing);
        api_reply_fini(&out.reply);
        return;
    case API_SECRET: /* a new password; what it comes to is fuzz_account's */
        secret_free(out.secret);
        return;
    case API_REPLY:
        break;
    }
    check_reply(&out.reply);
    api_reply_fini(&out.reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct span rest = span_make(bytes, n);
    struct engine e;
    fake_engine_init(&e);
    e.shared = true;
    struct api a = {.engine = &e};
    for (unsigned i = 0; rest.len > 0 && i < REQUESTS_MAX; i++)
        send(&a, take_until(&rest, 0x1e));
    store_check(e.store);
    fake_engine_fini(&e);
    return 0;
}
