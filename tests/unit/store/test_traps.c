/* What is easy to get wrong in a tree of versions; one test a trap. Compiled with pages of four
 * entries and with a say in what happens between the steps of a pin. */
#include "proto/limits.h"
#include "store/edit.h"
#include "store/read.h"
#include "store/store_priv.h"
#include "store/tree.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- what a publish may do in the middle of a pin ---- */

static struct {
    struct store *store;
    unsigned calls;
    unsigned publish_at; /* bit I: at the call I */
} pause_plan;

static void put(struct store *s, const char *path, const char *value)
{
    struct store_op op = {.verb = OP_PUT, .path = span_of(path), .value = span_of(value)};
    struct store_result r;
    ck_assert_int_eq(store_apply(s, &op, 0, &r), V2_OK);
}

static void remove_all(struct store *s, const char *path)
{
    struct store_op op = {.verb = OP_DELETE, .path = span_of(path), .flags = OP_RECURSIVE};
    struct store_result r;
    ck_assert_int_eq(store_apply(s, &op, 0, &r), V2_OK);
}

static void reclaim_all(struct store *s)
{
    store_publish(s);
    while (store_reclaim(s, 1)) {
    }
    store_check(s);
}

void store_pin_pause(void)
{
    unsigned call = pause_plan.calls++;
    if (pause_plan.store == NULL || call >= 8 || (pause_plan.publish_at >> call & 1) == 0)
        return;
    put(pause_plan.store, "/a", "again");
    put(pause_plan.store, "/d/k", "again");
    store_publish(pause_plan.store);
    reclaim_all(pause_plan.store);
}

static struct span value_at(const struct version *v, const char *path)
{
    const struct node *n = NULL;
    size_t cause_len;
    ck_assert_int_eq(read_find(v, span_of(path), &n, &cause_len), V2_OK);
    struct node_view view;
    node_view(n, &view);
    return view.value;
}

static uint64_t dead(const struct store *s)
{
    struct store_stats stats;
    store_stats(s, &stats);
    return stats.dead_items;
}

/* Trap 1: the announced number must be that of the version read, or what was born after it is freed
 * under the reader. All ways in which publishes can fall between the loads of the first four
 * rounds. */
START_TEST(a_pin_announces_the_version_it_reads)
{
    struct store *s = store_new();
    put(s, "/a", "first");
    store_publish(s);
    pause_plan.store = s;
    pause_plan.calls = 0;
    pause_plan.publish_at = (unsigned)_i;
    const struct version *v = store_pin(s, 0);
    pause_plan.store = NULL;
    ck_assert_uint_eq(atomic_load(&s->pins.slot[0].at), version_index(v));
    struct span before = value_at(v, "/a");
    for (int i = 0; i < 3; i++) {
        put(s, "/a", "later");
        reclaim_all(s);
    }
    ck_assert(span_eq(value_at(v, "/a"), before));
    store_unpin(s, 0);
    reclaim_all(s);
    ck_assert_uint_eq(dead(s), 0);
    store_free(s);
}
END_TEST

/* Trap 2: without a change there is no second version of the same number, but the waiting is freed
 * all the same. */
START_TEST(an_idle_publish_reclaims)
{
    struct store *s = store_new();
    put(s, "/d/a", "1");
    put(s, "/d/b", "1");
    store_publish(s);
    const struct version *pinned = store_pin(s, 0);
    remove_all(s, "/d");
    store_publish(s);
    const struct version *newest = atomic_load(&s->pins.front->now);
    while (store_reclaim(s, 100)) {
    }
    ck_assert_uint_gt(dead(s), 0);
    ck_assert(span_eq(value_at(pinned, "/d/a"), SPAN("1")));
    store_unpin(s, 0);
    store_publish(s);
    ck_assert_ptr_eq(atomic_load(&s->pins.front->now), newest);
    ck_assert_uint_eq(dead(s), 0);
    store_free(s);
}
END_TEST

/* Trap 3: a removed subtree's top may be younger than what is below it, and an older pin sees only
 * the latter. */
START_TEST(below_a_young_top_old_nodes_live_on)
{
    struct store *s = store_new();
    put(s, "/d/e/old", "1");
    store_publish(s);
    const struct version *v = store_pin(s, 0);
    put(s, "/d/e/young", "2"); /* copies /d and /d/e */
    store_publish(s);
    remove_all(s, "/d");
    reclaim_all(s);
    ck_assert(span_eq(value_at(v, "/d/e/old"), SPAN("1")));
    store_unpin(s, 0);
    reclaim_all(s);
    ck_assert_uint_eq(dead(s), 0);
    store_free(s);
}
END_TEST

/* Trap 4: a directory's modified index says nothing about its birth. */
START_TEST(a_directory_has_a_birth_of_its_own)
{
    struct store *s = store_new();
    struct store_op mkdir = {.verb = OP_PUT, .path = SPAN("/d"), .flags = OP_DIR};
    struct store_op update = {.verb = OP_PUT, .path = SPAN("/d"), .exist = OP_EXIST_YES};
    struct store_result r;
    store_apply(s, &mkdir, 0, &r);
    store_publish(s);
    store_pin(s, 0);
    store_apply(s, &update, 0, &r);
    reclaim_all(s);
    uint64_t seen_by_pin = dead(s);
    for (int i = 0; i < 10; i++) {
        store_apply(s, &update, 0, &r);
        reclaim_all(s);
        ck_assert_uint_eq(dead(s), seen_by_pin); /* what came after the pin goes at once */
    }
    store_unpin(s, 0);
    store_free(s);
}
END_TEST

/* Trap 5: names that are prefixes of each other, in pages with few entries: no search may read
 * beyond a short name. */
START_TEST(short_names_in_lonely_pages)
{
    struct store *s = store_new();
    char path[80] = "/d/";
    for (size_t len = 1; len <= 60; len++) {
        memset(path + 3, 'x', len);
        path[3 + len] = '\0';
        put(s, path, "");
    }
    for (size_t keep = 1; keep < 7; keep++) {
        for (size_t len = 1; len <= 60; len++) {
            path[3 + len] = '\0';
            struct store_op op = {.verb = OP_DELETE, .path = span_make(path, 3 + len)};
            struct store_result r;
            if (len % 7 == keep)
                ck_assert_int_eq(store_apply(s, &op, 0, &r), V2_OK);
            path[3 + len] = 'x';
        }
        reclaim_all(s);
        for (size_t len = 1; len <= 60; len++) {
            const struct node *n;
            size_t cause_len;
            enum v2_code code =
                read_find(store_pin(s, 0), span_make(path, 3 + len), &n, &cause_len);
            bool gone = len % 7 >= 1 && len % 7 <= keep;
            ck_assert_int_eq(code, gone ? V2_KEY_NOT_FOUND : V2_OK);
            store_unpin(s, 0);
        }
    }
    store_free(s);
}
END_TEST

/* Leaves and their entries below a page. */
static void count_leaves(const struct page *p, unsigned *leaves, unsigned *entries)
{
    if (p->level == 0) {
        *leaves += 1;
        *entries += p->n;
        return;
    }
    for (unsigned i = 0; i < p->n; i++)
        count_leaves(page_child(p, i), leaves, entries);
}

static const struct {
    const char *name;
    unsigned step;    /* through 997 names */
    unsigned percent; /* least fill of the leaves */
} orders[] = {
    {"ascending runs leave full pages", 1, 99},
    {"descending runs too", 996, 74},
    {"spread", 389, 55},
    {"two runs that meet", 498, 50},
};

/* Trap 6: a name beyond all of a middle leaf is not the end of the directory. */
START_TEST(pages_are_filled)
{
    struct store *s = store_new();
    for (unsigned i = 0; i < 997; i++) {
        char path[32];
        snprintf(path, sizeof path, "/k%04u", (i + 1) * orders[_i].step % 997);
        put(s, path, "");
    }
    store_check(s);
    unsigned leaves = 0, entries = 0;
    count_leaves(node_body(s->draft.root)->kids, &leaves, &entries);
    ck_assert_uint_eq(entries, 997);
    ck_assert_msg(entries * 100 >= leaves * STORE_FANOUT * orders[_i].percent, "%s: %u leaves",
                  orders[_i].name, leaves);
    store_free(s);
}
END_TEST

/* A pin that becomes a long one is never missed, and frees its slot. */
START_TEST(a_kept_pin_frees_its_slot)
{
    struct store *s = store_new();
    put(s, "/a", "0");
    store_publish(s);
    const struct version *v = store_pin(s, 7);
    int kept = store_pin_keep(s, 7);
    ck_assert_int_ge(kept, 0);
    put(s, "/a", "1");
    reclaim_all(s);
    ck_assert(span_eq(value_at(store_pin(s, 7), "/a"), SPAN("1")));
    store_unpin(s, 7);
    ck_assert(span_eq(value_at(v, "/a"), SPAN("0")));
    store_pin_release(s, kept);
    reclaim_all(s);
    ck_assert_uint_eq(dead(s), 0);
    store_free(s);
}
END_TEST

START_TEST(there_are_so_many_long_pins)
{
    struct store *s = store_new();
    for (int i = 0; i < STORE_LONG_PINS; i++) {
        store_pin(s, 0);
        ck_assert_int_eq(store_pin_keep(s, 0), i);
    }
    store_pin(s, 0);
    ck_assert_int_eq(store_pin_keep(s, 0), -1);
    store_unpin(s, 0); /* the short pin was left as it was */
    store_pin_release(s, 5);
    store_pin(s, 0);
    ck_assert_int_eq(store_pin_keep(s, 0), 5);
    for (int i = 0; i < STORE_LONG_PINS; i++)
        store_pin_release(s, i);
    store_free(s);
}
END_TEST

/* Taking a large subtree apart is spread over as many turns as the budget asks for. */
START_TEST(a_budget_is_kept)
{
    struct store *s = store_new();
    for (int i = 0; i < 2000; i++) {
        char path[32];
        snprintf(path, sizeof path, "/d/%d/%d", i % 40, i);
        put(s, path, "v");
    }
    store_publish(s);
    remove_all(s, "/d");
    uint64_t before = s->draft.pool.live_bytes;
    store_publish(s);
    ck_assert_uint_gt(s->draft.pool.live_bytes, before / 2);
    unsigned turns = 0;
    while (store_reclaim(s, 100))
        turns++;
    ck_assert_uint_ge(turns, 2000 / 100 - 5);
    store_check(s);
    ck_assert_uint_eq(dead(s), 0);
    store_free(s);
}
END_TEST

/* The depth of a tree is the user's: nothing may recurse over it. */
START_TEST(deep_paths)
{
    struct store *s = store_new();
    enum { DEPTH = 20000 };
    char *path = malloc(2 * DEPTH + 1);
    for (size_t i = 0; i < DEPTH; i++) {
        path[2 * i] = '/';
        path[2 * i + 1] = 'a';
    }
    path[2 * DEPTH] = '\0';
    put(s, path, "bottom");
    store_publish(s);
    ck_assert(span_eq(value_at(store_pin(s, 0), path), SPAN("bottom")));
    put(s, path, "again");
    store_check(s);
    remove_all(s, "/a");
    reclaim_all(s);
    store_unpin(s, 0);
    reclaim_all(s);
    ck_assert_uint_eq(dead(s), 0);
    store_free(s);
    free(path);
}
END_TEST

/* Names as long as they may be, alike but for the last byte: the common prefix of a page is as
 * long. */
START_TEST(longest_names)
{
    struct store *s = store_new();
    char *path = malloc(LIMIT_NAME_BYTES + 2);
    memset(path, 'n', LIMIT_NAME_BYTES + 1);
    path[0] = '/';
    path[LIMIT_NAME_BYTES + 1] = '\0';
    for (char c = 'a'; c <= 'z'; c++) {
        path[LIMIT_NAME_BYTES] = c;
        put(s, path, "v");
    }
    reclaim_all(s);
    for (char c = 'a'; c <= 'z'; c++) {
        path[LIMIT_NAME_BYTES] = c;
        ck_assert(span_eq(value_at(store_pin(s, 0), path), SPAN("v")));
        store_unpin(s, 0);
    }
    store_free(s);
    free(path);
}
END_TEST

/* Each directory knows what is below it, and the largest index of an event there; a refresh leaves
 * no trace. */
START_TEST(directories_keep_sums)
{
    struct store *s = store_new();
    struct store_result r;
    put(s, "/d/e/f", "12345");
    put(s, "/d/g", "1");
    put(s, "/x", "1");
    struct store_op refresh = {
        .verb = OP_PUT, .path = SPAN("/d/e/f"), .flags = OP_REFRESH | OP_HAS_TTL, .ttl_s = 9};
    ck_assert_int_eq(store_apply(s, &refresh, 0, &r), V2_OK);
    ck_assert(r.refresh);
    struct node *d = NULL;
    size_t cause_len;
    ck_assert_int_eq(edit_find(s->draft.root, SPAN("/d"), &d, &cause_len), V2_OK);
    ck_assert_uint_eq(node_body(d)->tree, 2);
    ck_assert_uint_eq(node_body(d)->files, 2);
    ck_assert_uint_eq(node_body(d)->dirs, 1);
    ck_assert_uint_eq(node_body(d)->bytes, 1 + 1 + 5 + 1 + 1);
    remove_all(s, "/d/e");
    ck_assert_uint_eq(node_body(d)->tree, 5);
    ck_assert_uint_eq(node_body(d)->files, 1);
    ck_assert_uint_eq(node_body(d)->bytes, 2);
    struct store_stats stats;
    store_stats(s, &stats);
    ck_assert_uint_eq(stats.files, 2);
    ck_assert_uint_eq(stats.dirs, 1);
    store_free(s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store traps");
    TCase *tc = tcase_create("traps");
    tcase_add_loop_test(tc, a_pin_announces_the_version_it_reads, 0, 256);
    tcase_add_test(tc, an_idle_publish_reclaims);
    tcase_add_test(tc, below_a_young_top_old_nodes_live_on);
    tcase_add_test(tc, a_directory_has_a_birth_of_its_own);
    tcase_add_test(tc, short_names_in_lonely_pages);
    tcase_add_loop_test(tc, pages_are_filled, 0, (int)CP_COUNT(orders));
    tcase_add_test(tc, a_kept_pin_frees_its_slot);
    tcase_add_test(tc, there_are_so_many_long_pins);
    tcase_add_test(tc, a_budget_is_kept);
    tcase_add_test(tc, deep_paths);
    tcase_add_test(tc, longest_names);
    tcase_add_test(tc, directories_keep_sums);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
