/* TTLs: what a deadline is, who goes first, what goes along. */
#include "suite.h"

#include <stdio.h>

#define S INT64_C(1000000000)

static void put_ttl(struct store *s, const char *path, uint64_t ttl_s, uint32_t flags,
                    enum op_exist exist)
{
    struct store_op op = {.verb = OP_PUT,
                          .path = span_of(path),
                          .flags = flags | OP_HAS_TTL,
                          .ttl_s = ttl_s,
                          .exist = exist};
    ck_assert_int_eq(run(s, op, NULL), V2_OK);
}

/* The next victim at CUTOFF is PATH (NULL: nobody). */
static void expect(struct store *s, int64_t cutoff_ns, const char *path)
{
    struct store_result r;
    bool any = store_expire_next(s, cutoff_ns, &r);
    store_check(s);
    ck_assert_msg(any == (path != NULL), "victim expected: %s", path != NULL ? path : "none");
    if (!any)
        return;
    ck_assert_msg(span_eq(r.path, span_of(path)), "%.*s, expected %s", (int)r.path.len, r.path.ptr,
                  path);
    ck_assert_int_eq(r.action, V2_EXPIRE);
    ck_assert_uint_eq(r.index, store_index(s));
    ck_assert_uint_eq(r.node.modified, r.index);
    ck_assert(r.has_prev && r.prev.expires_ns <= cutoff_ns && r.node.created == r.prev.created);
}

static const struct {
    const char *name;
    enum op_exist exist;
    uint64_t ttl_s;
    int64_t want_ns;
} deadlines[] = {
    {"plain", OP_EXIST_ANY, 100, NOW + 100 * S},
    {"zero is now", OP_EXIST_ANY, 0, NOW},
    {"2^32", OP_EXIST_ANY, UINT64_C(4294967296), NOW + 4294967296 * S},
    {"ttl-huge: over the end of time counts as none", OP_EXIST_ANY, UINT64_C(7500000000), 0},
    {"ttl-huge: create", OP_EXIST_NO, UINT64_C(10000000000), 0},
    {"ttl-huge: 2^63-1 is a second ago", OP_EXIST_ANY, INT64_MAX, NOW - S},
    {"ttl-huge: 2^64-1 is a second ago", OP_EXIST_ANY, UINT64_MAX, NOW - S},
    {"an update keeps a deadline of long ago", OP_EXIST_YES, UINT64_C(7500000000),
     (int64_t)((uint64_t)NOW + UINT64_C(7500000000) * UINT64_C(1000000000))},
};

START_TEST(deadline)
{
    struct store *s = store_new();
    if (deadlines[_i].exist == OP_EXIST_YES)
        put(s, "/a", "1");
    struct store_op op = {.verb = OP_PUT,
                          .path = SPAN("/a"),
                          .flags = OP_HAS_TTL,
                          .exist = deadlines[_i].exist,
                          .ttl_s = deadlines[_i].ttl_s};
    struct store_result r;
    ck_assert_int_eq(run(s, op, &r), V2_OK);
    ck_assert_msg(r.node.expires_ns == deadlines[_i].want_ns, "%s", deadlines[_i].name);
    ck_assert_int_eq(store_next_expiry(s),
                     deadlines[_i].want_ns != 0 ? deadlines[_i].want_ns : STORE_NEVER);
    store_free(s);
}
END_TEST

START_TEST(order_is_expiration_then_created)
{
    struct store *s = store_new();
    put_ttl(s, "/late", 9, 0, OP_EXIST_ANY);
    put_ttl(s, "/b", 3, 0, OP_EXIST_ANY);
    put_ttl(s, "/a", 3, 0, OP_EXIST_ANY);
    put_ttl(s, "/first", 1, 0, OP_EXIST_ANY);
    store_publish(s);
    put_ttl(s, "/b", 3, 0, OP_EXIST_ANY); /* a set: created anew, so behind /a now */
    expect(s, NOW, NULL);
    expect(s, NOW + 3 * S, "/first");
    expect(s, NOW + 3 * S, "/a");
    expect(s, NOW + 3 * S, "/b");
    expect(s, NOW + 3 * S, NULL);
    ck_assert_int_eq(store_next_expiry(s), NOW + 9 * S);
    store_free(s);
}
END_TEST

START_TEST(a_put_replaces_the_ttl)
{
    struct store *s = store_new();
    put_ttl(s, "/set", 1, 0, OP_EXIST_ANY);
    put(s, "/set", "permanent");
    put_ttl(s, "/longer", 1, 0, OP_EXIST_ANY);
    put_ttl(s, "/longer", 5, 0, OP_EXIST_YES);
    put_ttl(s, "/shorter", 9, 0, OP_EXIST_ANY);
    put_ttl(s, "/shorter", 2, OP_REFRESH, OP_EXIST_ANY);
    put_ttl(s, "/d", 1, OP_DIR, OP_EXIST_ANY);
    run(s, (struct store_op){.verb = OP_PUT, .exist = OP_EXIST_YES, .path = SPAN("/d")}, NULL);
    expect(s, NOW + 9 * S, "/shorter");
    expect(s, NOW + 9 * S, "/longer");
    expect(s, NOW + 9 * S, NULL);
    ck_assert_int_eq(store_next_expiry(s), STORE_NEVER);
    store_free(s);
}
END_TEST

START_TEST(a_directory_takes_all_below_along)
{
    struct store *s = store_new();
    put_ttl(s, "/d", 1, OP_DIR, OP_EXIST_ANY);
    put_ttl(s, "/d/k", 100, 0, OP_EXIST_ANY);
    put_ttl(s, "/d/j", 2, 0, OP_EXIST_ANY);
    put_ttl(s, "/d/e/f", 3, 0, OP_EXIST_ANY);
    store_publish(s);
    expect(s, NOW + 2 * S, "/d");
    put(s, "/d/j", "permanent now");
    put_ttl(s, "/d/e/f", 50, 0, OP_EXIST_ANY);
    expect(s, NOW + 100 * S,
           "/d/e/f"); /* the old ones are forgotten, though their memory may wait */
    expect(s, NOW + 100 * S, NULL);
    store_free(s);
}
END_TEST

/* A POST makes /q and its child with one created index; a later update may give both one deadline.
 */
START_TEST(of_equals_the_directory_goes_first)
{
    for (int child_first = 0; child_first < 2; child_first++) {
        struct store *s = store_new();
        struct store_op post = {
            .verb = OP_POST, .path = SPAN("/p/q"), .flags = OP_HAS_TTL, .ttl_s = 5};
        ck_assert_int_eq(run(s, post, NULL), V2_OK);
        if (!child_first) {
            put_ttl(s, "/p/q/00000000000000000001", 7, 0, OP_EXIST_YES);
            put_ttl(s, "/p/q", 5, 0, OP_EXIST_YES);
            put_ttl(s, "/p/q/00000000000000000001", 5, 0, OP_EXIST_YES);
        } else {
            put_ttl(s, "/p/q", 5, 0, OP_EXIST_YES);
        }
        expect(s, NOW + 5 * S, "/p/q");
        expect(s, NOW + 5 * S, NULL);
        store_free(s);
    }
}
END_TEST

START_TEST(a_timed_directory_survives_being_copied)
{
    struct store *s = store_new();
    put_ttl(s, "/x/d", 1, OP_DIR, OP_EXIST_ANY);
    store_publish(s);
    put(s, "/x/d/k", "1");
    store_publish(s);
    put(s, "/x/d/k", "2");
    expect(s, NOW + S, "/x/d");
    ck_assert_int_eq(store_next_expiry(s), STORE_NEVER);
    store_free(s);
}
END_TEST

/* Many timers set, moved and removed at random: what comes up is always the least. */
START_TEST(the_heap_keeps_order)
{
    struct store *s = store_new();
    uint64_t x = 88172645463325252u;
    for (int i = 0; i < 3000; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        char path[32];
        snprintf(path, sizeof path, "/t%d/%d", (int)(x % 7), (int)(x / 7 % 300));
        struct store_op op = {.verb = x % 5 != 0 ? OP_PUT : OP_DELETE,
                              .path = span_of(path),
                              .flags = OP_HAS_TTL,
                              .ttl_s = x / 2100 % 50};
        struct store_result r;
        store_apply(s, &op, NOW, &r);
        if (i % 100 == 99) {
            store_check(s);
            store_publish(s);
        }
    }
    struct store_result r;
    int64_t before_ns = 0;
    uint64_t before_created = 0;
    while (store_expire_next(s, NOW + 100 * S, &r)) {
        ck_assert(r.prev.expires_ns > before_ns ||
                  (r.prev.expires_ns == before_ns && r.prev.created > before_created));
        before_ns = r.prev.expires_ns;
        before_created = r.prev.created;
    }
    struct store_stats stats;
    store_stats(s, &stats);
    ck_assert_uint_eq(stats.files, 0);
    store_check(s);
    store_free(s);
}
END_TEST

TCase *case_expire(void)
{
    TCase *tc = tcase_create("expire");
    tcase_add_loop_test(tc, deadline, 0, (int)CP_COUNT(deadlines));
    tcase_add_test(tc, order_is_expiration_then_created);
    tcase_add_test(tc, a_put_replaces_the_ttl);
    tcase_add_test(tc, a_directory_takes_all_below_along);
    tcase_add_test(tc, of_equals_the_directory_goes_first);
    tcase_add_test(tc, a_timed_directory_survives_being_copied);
    tcase_add_test(tc, the_heap_keeps_order);
    return tc;
}
