/* Reading pinned versions. */
#include "suite.h"

#include <stdio.h>

static const struct {
    const char *path;
    enum v2_code code;
    const char *cause;
} lookups[] = {
    {"/", V2_OK, NULL},
    {"/d", V2_OK, NULL},
    {"/d/k", V2_OK, NULL},
    {"/x/y/z", V2_KEY_NOT_FOUND, "/x"},
    {"/d/y/z", V2_KEY_NOT_FOUND, "/d/y"},
    {"/d/k/z", V2_NOT_DIR, "/d/k"},
    {"/d/k/z/y", V2_NOT_DIR, "/d/k"},
    {"/f/x", V2_NOT_DIR, "/f"},
};

START_TEST(lookup)
{
    struct store *s = store_new();
    put(s, "/d/k", "1");
    put(s, "/f", "1");
    store_publish(s);
    struct span path = span_of(lookups[_i].path);
    const struct node *n = NULL;
    size_t cause_len = 0;
    ck_assert_int_eq(read_find(store_pin(s, 0), path, &n, &cause_len), lookups[_i].code);
    if (lookups[_i].cause != NULL)
        ck_assert(span_eq(span_make(path.ptr, cause_len), span_of(lookups[_i].cause)));
    else
        ck_assert(path.len == 1 || span_eq(node_name(n), span_from(path, path.len - 1)));
    store_unpin(s, 0);
    store_free(s);
}
END_TEST

START_TEST(children_come_in_order)
{
    struct store *s = store_new();
    for (int i = 0; i < 1000; i++) {
        char path[32];
        snprintf(path, sizeof path, "/d/%03d", i * 7 % 1000);
        put(s, path, path + 3);
    }
    put(s, "/d/_hidden", "");
    store_publish(s);
    const struct node *dir = NULL;
    size_t cause_len;
    ck_assert_int_eq(read_find(store_pin(s, 3), SPAN("/d"), &dir, &cause_len), V2_OK);
    ck_assert_uint_eq(node_child_count(dir), 1001);
    struct read_cursor c;
    read_children(&c, dir);
    for (int i = 0; i < 1000; i++) {
        char name[16];
        snprintf(name, sizeof name, "%03d", i);
        const struct node *n = read_next(&c);
        ck_assert(n != NULL && span_eq(node_name(n), span_of(name)));
        struct node_view v;
        node_view(n, &v);
        ck_assert(span_eq(v.value, span_of(name)) && !v.dir && v.expires_ns == 0);
    }
    ck_assert(span_eq(node_name(read_next(&c)), SPAN("_hidden")));
    ck_assert_ptr_null(read_next(&c));
    ck_assert_ptr_null(read_next(&c));
    store_unpin(s, 3);
    store_free(s);
}
END_TEST

START_TEST(an_empty_directory_and_a_file_have_no_children)
{
    struct store *s = store_new();
    struct read_cursor c;
    read_children(&c, version_root(store_pin(s, 0)));
    ck_assert_ptr_null(read_next(&c));
    store_unpin(s, 0);
    put(s, "/f", "1");
    store_publish(s);
    const struct node *f = NULL;
    size_t cause_len;
    ck_assert_int_eq(read_find(store_pin(s, 0), SPAN("/f"), &f, &cause_len), V2_OK);
    ck_assert_uint_eq(node_child_count(f), 0);
    read_children(&c, f);
    ck_assert_ptr_null(read_next(&c));
    store_unpin(s, 0);
    store_free(s);
}
END_TEST

TCase *case_read(void)
{
    TCase *tc = tcase_create("read");
    tcase_add_loop_test(tc, lookup, 0, (int)CP_COUNT(lookups));
    tcase_add_test(tc, children_come_in_order);
    tcase_add_test(tc, an_empty_directory_and_a_file_have_no_children);
    return tc;
}
