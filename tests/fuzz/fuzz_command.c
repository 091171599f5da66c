/* Bytes of the log: whatever decodes encodes to the same bytes, and can be applied and rendered. */
#include "codec/command.h"
#include "codec/render.h"
#include "fuzz.h"

static void check_within(struct span part, struct span whole)
{
    if (part.len == 0)
        return;
    CP_ASSERT(part.ptr >= whole.ptr);
    CP_ASSERT(part.len <= whole.len);
    CP_ASSERT((size_t)(part.ptr - whole.ptr) <= whole.len - part.len);
}

static void check_spans(const struct command *c, struct span whole)
{
    if (c->kind == COMMAND_STORE) {
        check_within(c->op.path, whole);
        check_within(c->op.value, whole);
        check_within(c->op.prev_value, whole);
    }
    if (c->kind == COMMAND_MEMBER ||
        (c->kind >= COMMAND_MEMBER_ADD && c->kind <= COMMAND_MEMBER_UPDATE)) {
        check_within(c->member.name, whole);
        for (unsigned i = 0; i < c->member.n_peer_urls; i++)
            check_within(c->member.peer_urls[i], whole);
        for (unsigned i = 0; i < c->member.n_client_urls; i++)
            check_within(c->member.client_urls[i], whole);
    }
}

/* The operation alone, on a tree that has something of everything. */
static void apply(const struct command *c)
{
    static const struct {
        struct span path;
        uint32_t flags;
    } seeds[] = {
        {{"/f", 2}, 0},
        {{"/d/_h/x", 7}, 0},
        {{"/d/e", 4}, OP_DIR},
        {{"/t", 2}, OP_HAS_TTL},
    };
    struct store *s = store_new();
    struct store_result r;
    int64_t now_ns = STORE_YEAR_2000_NS;
    struct buf json = {0};

    for (size_t i = 0; i < CP_COUNT(seeds); i++) {
        struct store_op op = {.verb = OP_PUT,
                              .flags = seeds[i].flags,
                              .ttl_s = 1,
                              .path = seeds[i].path,
                              .value = SPAN("1")};

        CP_ASSERT(store_apply(s, &op, now_ns, &r) == V2_OK);
    }
    if (store_apply(s, &c->op, c->stamp_ns, &r) == V2_OK)
        render_result(&json, &r, c->stamp_ns);
    else
        render_error(&json, r.code, r.cause, r.index);
    store_check(s);
    store_publish(s);

    struct render_get *g =
        render_get_new(version_root(store_pin(s, 0)), SPAN("/"), true, c->stamp_ns);

    while (render_get_more(g, &json, 1))
        continue;
    render_get_free(g);
    store_unpin(s, 0);
    store_free(s);
    buf_fini(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct span in = span_make(bytes, n);
    struct command c;
    struct err e;

    if (command_decode(in, &c, &e) != 0)
        return 0;
    check_spans(&c, in);

    struct blob *again = command_encode(&c);

    CP_ASSERT(span_eq(blob_span(again), in));
    blob_unref(again);
    if (c.kind == COMMAND_STORE)
        apply(&c);
    return 0;
}
