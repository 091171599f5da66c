/* Taking paths apart. */
#include "suite.h"

#include "store/path.h"

#include <stdio.h>

static const struct {
    const char *path, *parts, *parent, *name;
} rows[] = {
    {"/", "", NULL, ""},
    {"/a", "a|", "/", "a"},
    {"/a/b", "a|b|", "/a", "b"},
    {"/a b/_c/...", "a b|_c|...|", "/a b/_c", "..."},
};

START_TEST(split)
{
    struct span path = span_of(rows[_i].path), rest = path, part;
    char got[64] = "";
    while (path_next(&rest, &part))
        sprintf(got + strlen(got), "%.*s|", (int)part.len, part.ptr);
    ck_assert_str_eq(got, rows[_i].parts);
    ck_assert(span_eq(path_name(path), span_of(rows[_i].name)));
    ck_assert_int_eq(path_is_root(path), rows[_i].parent == NULL);
    if (rows[_i].parent != NULL)
        ck_assert(span_eq(path_parent(path), span_of(rows[_i].parent)));
}
END_TEST

START_TEST(hidden)
{
    ck_assert(path_hidden(SPAN("_a")));
    ck_assert(path_hidden(SPAN("_")));
    ck_assert(!path_hidden(SPAN("a_b")));
    ck_assert(!path_hidden(SPAN("")));
}
END_TEST

TCase *case_path(void)
{
    TCase *tc = tcase_create("path");
    tcase_add_loop_test(tc, split, 0, (int)CP_COUNT(rows));
    tcase_add_test(tc, hidden);
    return tc;
}
