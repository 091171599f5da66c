/* Snapshots of random trees: loading one and dumping that gives the same bytes, and the loaded
 * store goes on just as the first one does. */
#include "base/clock.h"
#include "codec/render.h"
#include "snap.h"
#include "test_codec.h"

#include <stdio.h>

#define NOW        INT64_C(1763682667882351443)
#define MAX_EVENTS 4096

static uint32_t draw(uint64_t *seed, uint32_t below)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((*seed >> 33) % below);
}

/* A component of a path: few of them, so that they meet, and some hard to write. */
static void add_name(struct buf *b, uint64_t *seed)
{
    static const struct span odd[] = {
        S("_hidden"),
        S("a-"),
        S("a"),
        S("a0"),
        S("\xc3\xa9"),
        S("\xff\xfe"),
        S("\xc3"),
        S("\xed\xa0\x80"),
        S("line\nfeed"),
        S("tab\t\"quote\""),
        S("back\\slash"),
        S("nul\0nul"),
        S("\x1f\x7f"),
        S("<&>"),
        S("\xe2\x80\xa8"),
        S("\xf0\x9f\x8c\xb0"),
        S(" "),
        S("..."),
        S("file"),
        S("64\":\""),
    };

    if (draw(seed, 3) == 0)
        buf_span(b, odd[draw(seed, CP_COUNT(odd))]);
    else
        buf_printf(b, "name-%03u", draw(seed, 60));
}

static void make_path(struct buf *b, uint64_t *seed)
{
    unsigned depth = draw(seed, 20) == 0 ? 60 : 1 + draw(seed, 4);

    buf_clear(b);
    for (unsigned i = 0; i < depth; i++) {
        buf_char(b, '/');
        if (depth > 10)
            buf_char(b, 'd');
        else
            add_name(b, seed);
    }
}

static void make_value(struct buf *b, uint64_t *seed)
{
    unsigned kind = draw(seed, 40);
    size_t n = kind == 0 ? 100000 : kind < 5 ? 1000 : draw(seed, 30);
    bool bytes = draw(seed, 3) == 0;

    buf_clear(b);
    for (size_t i = 0; i < n; i++)
        buf_char(b, (char)(bytes ? draw(seed, 256) : ' ' + draw(seed, 95)));
}

/* A random operation; spans are in the two buffers. */
static void make_op(struct store_op *op, struct buf *path, struct buf *value, uint64_t *seed)
{
    make_path(path, seed);
    make_value(value, seed);
    *op = (struct store_op){.verb = OP_PUT, .path = buf_as_span(path)};
    switch (draw(seed, 12)) {
    case 0:
        op->verb = OP_DELETE;
        op->flags = OP_RECURSIVE | OP_DIR;
        break;
    case 1:
        op->verb = OP_DELETE;
        break;
    case 2:
        op->verb = OP_POST;
        op->value = buf_as_span(value);
        break;
    case 3:
    case 4:
        op->flags = OP_DIR;
        break;
    case 5:
        op->flags = OP_REFRESH | OP_HAS_TTL;
        op->exist = OP_EXIST_YES;
        break;
    case 6:
        op->flags = OP_DIR;
        op->exist = OP_EXIST_YES;
        break;
    default:
        op->value = buf_as_span(value);
    }
    if (draw(seed, 4) == 0) {
        op->flags |= OP_HAS_TTL;
        op->ttl_s = draw(seed, 10) == 0 ? UINT64_C(9300000000) : draw(seed, 100);
    }
}

struct run {
    struct store *store;
    int64_t now_ns;
    uint64_t oldest;
    struct event *event[MAX_EVENTS];
    size_t n;
};

/* Keeps an event; some spoiled, so that their JSON is none. */
static void keep(struct run *r, const struct store_result *res, uint64_t *seed)
{
    struct event *e = render_event(res, r->now_ns);

    if (draw(seed, 10) == 0) {
        struct event *spoiled = event_new(e->action, e->index, event_path(e), SPAN("{\n\xff}\n"));

        event_unref(e);
        e = spoiled;
    }
    ck_assert_uint_lt(r->n, MAX_EVENTS);
    r->event[r->n++] = e;
}

/* The same operation on both stores gives the same. */
static void both(struct run *a, struct store *b, const struct store_op *op)
{
    struct store_result x, y;

    store_apply(a->store, op, a->now_ns, &x);
    if (b == NULL)
        return;
    store_apply(b, op, a->now_ns, &y);
    ck_assert_int_eq(x.code, y.code);
    ck_assert_uint_eq(x.index, y.index);
    ck_assert_span_eq(x.path, y.path, "path");
    ck_assert_span_eq(x.cause, y.cause, "cause");
}

static void expire_both(struct run *a, struct store *b)
{
    struct store_result x, y;
    bool more = true;

    while (more) {
        more = store_expire_next(a->store, a->now_ns, &x);
        if (b == NULL)
            continue;
        ck_assert(store_expire_next(b, a->now_ns, &y) == more);
        if (more)
            ck_assert_span_eq(x.path, y.path, "expired");
    }
}

/* N operations on A's store and, if there is one, on B. */
static void go_on(struct run *a, struct store *b, unsigned n, uint64_t *seed)
{
    struct buf path = {0}, value = {0};
    struct store_op op;

    for (unsigned i = 0; i < n; i++) {
        make_op(&op, &path, &value, seed);
        both(a, b, &op);
        a->now_ns += draw(seed, 1000) * NS_PER_MS;
        if (draw(seed, 10) == 0)
            expire_both(a, b);
        if (draw(seed, 50) == 0) {
            store_burn(a->store);
            if (b != NULL)
                store_burn(b);
        }
        if (draw(seed, 8) == 0) {
            store_publish(a->store);
            if (b != NULL)
                store_publish(b);
        }
    }
    buf_fini(&path);
    buf_fini(&value);
}

static void some_events(struct run *a, uint64_t *seed)
{
    struct buf path = {0}, value = {0};
    struct store_result res;
    struct store_op op;

    a->oldest = store_index(a->store) + 1;
    for (unsigned i = 0; i < 50; i++) {
        make_op(&op, &path, &value, seed);
        if (store_apply(a->store, &op, a->now_ns, &res) == V2_OK)
            keep(a, &res, seed);
    }
    buf_fini(&path);
    buf_fini(&value);
}

START_TEST(random_trees)
{
    uint64_t seed = (uint64_t)_i * 7919 + 1;
    struct run a = {.store = store_new(), .now_ns = NOW};
    struct buf first = {0}, again = {0};
    struct load_result b;
    struct err e;

    go_on(&a, NULL, 20u << _i % 7, &seed);
    some_events(&a, &seed);

    struct dump_head head = {.history_oldest = a.oldest,
                             .raft_index = seed,
                             .time_ns = a.now_ns,
                             .n_counters = 2,
                             .counters = {1, 2}};

    snap_dump(a.store, &head, a.event, a.n, draw(&seed, 5000), &first);
    ck_assert_msg(snap_load(buf_as_span(&first), draw(&seed, 3000), &b, &e) == 0, "%d: %s", _i,
                  e.text);
    store_check(b.store);
    snap_again(&b, &again);
    ck_assert_msg(span_eq(buf_as_span(&first), buf_as_span(&again)), "%d: another snapshot", _i);

    struct store_stats x, y;

    store_stats(a.store, &x);
    store_stats(b.store, &y);
    ck_assert(x.files == y.files && x.dirs == y.dirs && x.value_bytes == y.value_bytes);

    go_on(&a, b.store, 500, &seed);
    a.now_ns += INT64_C(200) * NS_PER_S;
    expire_both(&a, b.store);
    store_check(a.store);
    store_check(b.store);
    buf_clear(&first);
    buf_clear(&again);
    b.head.history_oldest = store_index(b.store) + 1;
    snap_dump(a.store, &b.head, NULL, 0, 1000, &first);
    snap_dump(b.store, &b.head, NULL, 0, 1000, &again);
    ck_assert_msg(span_eq(buf_as_span(&first), buf_as_span(&again)), "%d: went apart", _i);

    for (size_t i = 0; i < a.n; i++)
        event_unref(a.event[i]);
    store_free(a.store);
    load_result_fini(&b);
    buf_fini(&first);
    buf_fini(&again);
}
END_TEST

/* A snapshot is that of its version, whatever is written while it is taken. */
START_TEST(pinned_meanwhile)
{
    uint64_t seed = 11;
    struct run a = {.store = store_new(), .now_ns = NOW};
    struct dump_head head = {.history_oldest = 1};
    struct buf want = {0}, got = {0};

    go_on(&a, NULL, 1500, &seed);
    snap_dump(a.store, &head, NULL, 0, SIZE_MAX, &want);

    struct dump *d = dump_new(&head, store_pin(a.store, 0), NULL, 0);
    int pin = store_pin_keep(a.store, 0);

    while (dump_more(d, &got, 200))
        go_on(&a, NULL, 5, &seed);
    dump_free(d);
    store_pin_release(a.store, pin);
    ck_assert(span_eq(buf_as_span(&got), buf_as_span(&want)));
    store_free(a.store);
    buf_fini(&want);
    buf_fini(&got);
}
END_TEST

/* Every number of children around the edges of pages, in one directory and below each other. */
START_TEST(page_edges)
{
    struct dump_head head = {.history_oldest = 1};
    struct store *s = store_new();
    struct store_result res;

    for (unsigned n = 0; n < 300; n++) {
        struct buf bytes = {0};
        struct load_result r;
        struct err e;

        snap_dump(s, &head, NULL, 0, 4096, &bytes);
        ck_assert_msg(snap_load(buf_as_span(&bytes), 0, &r, &e) == 0, "%u: %s", n, e.text);
        store_check(r.store);
        for (unsigned i = 0; i < n; i++) {
            char key[32];
            struct store_op op = {.verb = OP_DELETE, .flags = OP_RECURSIVE};

            snprintf(key, sizeof(key), "/%03u", i * 7 % 300);
            op.path = span_of(key);
            store_apply(r.store, &op, NOW, &res);
        }
        store_publish(r.store);
        store_check(r.store);
        load_result_fini(&r);
        buf_fini(&bytes);

        char key[32];
        struct store_op op = {.verb = OP_PUT, .value = S("v")};

        snprintf(key, sizeof(key), n % 11 == 0 ? "/%03u/below" : "/%03u", n);
        op.path = span_of(key);
        ck_assert_int_eq(store_apply(s, &op, NOW, &res), V2_OK);
    }
    store_free(s);
}
END_TEST

TCase *dump_model_case(void)
{
    TCase *tc = tcase_create("dump_model");

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, random_trees, 0, 40);
    tcase_add_test(tc, pinned_meanwhile);
    tcase_add_test(tc, page_edges);
    return tc;
}
