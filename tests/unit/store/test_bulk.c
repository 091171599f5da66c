/* Stores made at once, and a store that takes over another. */
#include "store/bulk.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>

static void add(struct bulk *b, const char *path, const char *value, uint64_t index)
{
    struct bulk_node n = {.path = span_of(path),
                          .dir = value == NULL,
                          .value = value != NULL ? span_of(value) : (struct span){0},
                          .created = index,
                          .modified = index,
                          .tree = value == NULL ? index : 0,
                          .version = 1};
    struct err e;
    ck_assert_msg(bulk_add(b, &n, &e) == 0, "%s: %s", path, e.text);
}

static void add_timed(struct bulk *b, const char *path, uint64_t index, int64_t expires_ns)
{
    struct bulk_node n = {.path = span_of(path),
                          .created = index,
                          .modified = index,
                          .version = 1,
                          .expires_ns = expires_ns};
    struct err e;
    ck_assert_int_eq(bulk_add(b, &n, &e), 0);
}

static const char *const widths[] = {"0",   "1",   "15",   "16",   "17",  "255",
                                     "256", "257", "4096", "4097", "9000"};

START_TEST(wide_directories)
{
    int width = atoi(widths[_i]);
    struct bulk *b = bulk_new(10);
    add(b, "/", NULL, 9);
    for (int i = 0; i < width; i++) {
        char path[32];
        snprintf(path, sizeof path, "/%05d", i);
        add(b, path, "x", 7);
    }
    ck_assert_uint_eq(bulk_sums(b).files, (uint64_t)width);
    struct store *s = bulk_finish(b);
    store_check(s);
    ck_assert_uint_eq(store_index(s), 10);
    const struct version *v = store_pin(s, 0);
    ck_assert_uint_eq(version_index(v), 10);
    ck_assert_uint_eq(node_child_count(version_root(v)), (uint64_t)width);
    for (int i = 0; i < width; i++) {
        char path[32];
        const struct node *n;
        size_t cause_len;
        snprintf(path, sizeof path, "/%05d", i);
        ck_assert_int_eq(read_find(v, span_of(path), &n, &cause_len), V2_OK);
        ck_assert_int_eq(read_find(v, span_from(span_of("//99999x"), 1), &n, &cause_len),
                         V2_KEY_NOT_FOUND);
    }
    store_unpin(s, 0);
    ck_assert_uint_eq(put(s, "/00000x", "between"), 11);
    store_free(s);
}
END_TEST

START_TEST(given_up)
{
    bulk_free(NULL);
    bulk_free(bulk_new(1));
    struct bulk *b = bulk_new(5);
    ck_assert_ptr_null(bulk_finish(b));
    add(b, "/", NULL, 5);
    add(b, "/a", NULL, 5);
    add_timed(b, "/a/f", 3, NOW);
    bulk_free(b);
}
END_TEST

/* The new tree, with nodes older than what readers have pinned of the old one. */
static struct store *other_store(void)
{
    struct bulk *b = bulk_new(100);
    add(b, "/", NULL, 99);
    add(b, "/d", NULL, 2);
    add(b, "/d/k", "new", 2);
    add_timed(b, "/d/t", 1, NOW + 5);
    add_timed(b, "/t", 4, NOW + 4);
    return bulk_finish(b);
}

static void expect(const struct version *v, const char *path, const char *value)
{
    const struct node *n;
    size_t cause_len;
    enum v2_code code = read_find(v, span_of(path), &n, &cause_len);
    if (value == NULL) {
        ck_assert_msg(code != V2_OK, "%s is there", path);
        return;
    }
    struct node_view view;
    ck_assert_msg(code == V2_OK, "%s is missing", path);
    node_view(n, &view);
    ck_assert_msg(span_eq(view.value, span_of(value)), "%s: %.*s", path, (int)view.value.len,
                  view.value.ptr);
}

START_TEST(take_over)
{
    struct store *s = store_new();
    put(s, "/d/k", "old");
    put(s, "/d/gone", "1");
    for (int i = 0; i < 40; i++) {
        char path[32];
        snprintf(path, sizeof path, "/timed%d", i);
        run(s,
            (struct store_op){
                .verb = OP_PUT, .path = span_of(path), .flags = OP_HAS_TTL, .ttl_s = 1},
            NULL);
    }
    store_publish(s);
    const struct version *old = store_pin(s, 0);

    store_take_over(s, other_store());
    store_check(s);
    ck_assert_uint_eq(store_index(s), 100);
    ck_assert_int_eq(store_next_expiry(s), NOW + 4);
    expect(store_pin(s, 1), "/d/k", "old"); /* not yet published */
    store_unpin(s, 1);
    store_publish(s);
    store_check(s);
    const struct version *now = store_pin(s, 1);
    expect(now, "/d/k", "new");
    expect(now, "/d/gone", NULL);
    expect(now, "/timed0", NULL);

    ck_assert_uint_eq(put(s, "/d/k", "newer"), 101);
    struct store_result r;
    ck_assert(store_expire_next(s, NOW + 10, &r));
    ck_assert(span_eq(r.path, SPAN("/t")));
    ck_assert(store_expire_next(s, NOW + 10, &r));
    ck_assert(span_eq(r.path, SPAN("/d/t")));
    ck_assert(!store_expire_next(s, INT64_MAX - 1, &r));
    store_publish(s);
    while (store_reclaim(s, 1))
        store_check(s);
    expect(old, "/d/k", "old");
    expect(old, "/timed4", "");
    expect(now, "/d/k", "new");
    store_unpin(s, 1);
    store_unpin(s, 0);
    while (store_reclaim(s, 1))
        store_check(s);
    struct store_stats stats;
    store_stats(s, &stats);
    ck_assert_uint_eq(stats.dead_items, 0);
    expect(store_pin(s, 0), "/d/k", "newer");
    store_unpin(s, 0);
    store_free(s);
}
END_TEST

/* Before the take-over has been published. */
START_TEST(edit_what_was_taken)
{
    struct store *s = store_new();
    put(s, "/d/k", "old");
    store_publish(s);
    const struct version *old = store_pin(s, 0);
    store_take_over(s, other_store());
    put(s, "/d/k", "newer");
    run(s, (struct store_op){.verb = OP_DELETE, .path = SPAN("/d"), .flags = OP_RECURSIVE}, NULL);
    store_publish(s);
    store_check(s);
    expect(old, "/d/k", "old");
    store_unpin(s, 0);
    expect(store_pin(s, 0), "/t", "");
    store_unpin(s, 0);
    store_free(s);
}
END_TEST

TCase *case_bulk(void)
{
    TCase *tc = tcase_create("bulk");
    tcase_add_loop_test(tc, wide_directories, 0, sizeof widths / sizeof widths[0]);
    tcase_add_test(tc, given_up);
    tcase_add_test(tc, take_over);
    tcase_add_test(tc, edit_what_was_taken);
    return tc;
}
