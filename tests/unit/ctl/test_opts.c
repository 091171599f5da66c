/* Options: how they are spelled, where they may stand, what goes wrong. Rows name the options of
 * `rm` and `set`. */
#include "base/err.h"
#include "ctl/opts.h"
#include "test_ctl.h"

#include <string.h>

#define WORDS 8

static const struct opt_def defs[] = {
    {.name = "recursive", .alias = "r", .kind = OPT_BOOL},
    {.name = "dir", .kind = OPT_BOOL},
    {.name = "ttl", .kind = OPT_INT, .fallback = "0"},
    {.name = "with-value", .kind = OPT_TEXT},
    {.name = "timeout", .kind = OPT_DURATION, .fallback = "2s"},
    {.name = "roles", .kind = OPT_LIST},
};

static size_t count_words(const char *const *words)
{
    size_t n = 0;

    while (n < WORDS && words[n] != NULL)
        n++;
    return n;
}

/* Parses; WHY is appended to. */
static int parse(struct opts *o, enum opts_place place, const char *const *words, struct buf *why)
{
    static char *list[WORDS]; /* the arguments point into the words, not into this */
    size_t n = count_words(words);

    for (size_t i = 0; i < n; i++)
        list[i] = (char *)(uintptr_t)words[i];
    return opts_parse(o, defs, CP_COUNT(defs), place, list, n, why);
}

static const struct {
    const char *words[WORDS];
    bool recursive;
    int64_t ttl;
    const char *value;
    const char *args; /* divided by '|' */
} good[] = {
    {{"/k", "v"}, false, 0, "", "/k|v"},
    {{"--recursive", "/k"}, true, 0, "", "/k"},
    {{"-recursive", "/k"}, true, 0, "", "/k"},
    {{"--r", "/k"}, true, 0, "", "/k"},
    {{"--recursive=false", "/k"}, false, 0, "", "/k"},
    {{"-r=T", "-r=0", "/k"}, false, 0, "", "/k"},
    {{"/k", "v", "--ttl", "100"}, false, 100, "", "/k|v"},
    {{"/k", "--ttl=100", "v"}, false, 100, "", "/k|v"},
    {{"--ttl", "-0x10", "/k"}, false, -16, "", "/k"},
    {{"--ttl", "5", "--ttl", "6"}, false, 6, "", ""},
    {{"--recursive", "/k", "--with-value", "x"},
     true,
     0,
     "x",
     "/k"}, /* the reference drops the value */
    {{"/k", "--with-value", "--dir"}, false, 0, "--dir", "/k"},
    {{"--with-value=", "/k"}, false, 0, "", "/k"},
    {{"/k", "-7"}, false, 0, "", "/k|-7"},
    {{"/k", "--bogus", "-r"}, true, 0, "", "/k|--bogus"},
    {{"/k", "-"}, false, 0, "", "/k|-"},
    {{"-", "-r"}, true, 0, "", "-"},
    {{"--", "/k", "--ttl"}, false, 0, "", "/k|--ttl"},
    {{"/k", "--", "-r", "--"}, false, 0, "", "/k|-r|--"},
    {{"-r", "--", "-r"}, true, 0, "", "-r"},
    {{"--with-value", "--", "/k"}, false, 0, "--", "/k"},
    {{""}, false, 0, "", ""},
};

static void join_args(const struct opts *o, struct buf *out)
{
    for (size_t i = 0; i < o->args_count; i++)
        buf_printf(out, "%s%s", i > 0 ? "|" : "", o->args[i]);
}

START_TEST(anywhere)
{
    struct opts o;
    struct buf why = {0}, args = {0};
    int rc = parse(&o, OPTS_ANYWHERE, good[_i].words, &why);

    ck_assert_msg(rc == 0, "row %d: %s", _i, buf_cstr(&why));
    join_args(&o, &args);
    ck_assert_str_eq(buf_cstr(&args), good[_i].args);
    ck_assert_msg(opts_flag(&o, "recursive") == good[_i].recursive, "row %d", _i);
    ck_assert_int_eq(opts_int(&o, "ttl"), good[_i].ttl);
    ck_assert_str_eq(opts_text(&o, "with-value"), good[_i].value);
    ck_assert_int_eq(opts_int(&o, "timeout"), 2000000000);
    opts_fini(&o);
    buf_fini(&why);
    buf_fini(&args);
}
END_TEST

static const struct {
    const char *words[WORDS];
    const char *why;
} bad[] = {
    {{"--bogus", "/k"}, "flag provided but not defined: -bogus"},
    {{"-rw", "/k"}, "flag provided but not defined: -rw"},
    {{"--dir", "--bogus=1", "/k"}, "flag provided but not defined: -bogus"},
    {{"---r"}, "bad flag syntax: ---r"},
    {{"--=r"}, "bad flag syntax: --=r"},
    {{"--ttl"}, "flag needs an argument: -ttl"},
    {{"/k", "--with-value"}, "flag needs an argument: -with-value"},
    {{"/k", "v", "--ttl"}, "invalid value \"/k\" for flag -ttl: parse error"},
    {{"--ttl", "many", "/k"}, "invalid value \"many\" for flag -ttl: parse error"},
    {{"--ttl=", "/k"}, "invalid value \"\" for flag -ttl: parse error"},
    {{"--ttl", "99999999999999999999"},
     "invalid value \"99999999999999999999\" for flag -ttl: value out of range"},
    {{"-r=maybe"}, "invalid boolean value \"maybe\" for -r: parse error"},
    {{"--timeout", "3"}, "invalid value \"3\" for flag -timeout: parse error"},
};

START_TEST(messages)
{
    struct opts o;
    struct buf why = {0};

    ck_assert_int_eq(parse(&o, OPTS_ANYWHERE, bad[_i].words, &why), ERR_USAGE);
    ck_assert_str_eq(buf_cstr(&why), bad[_i].why);
    opts_fini(&o);
    buf_fini(&why);
}
END_TEST

START_TEST(leading_options_end_at_first_word)
{
    const char *words[WORDS] = {"-r", "get", "--dir", "-v"};
    struct opts o;
    struct buf why = {0}, args = {0};

    ck_assert_int_eq(parse(&o, OPTS_LEADING, words, &why), 0);
    join_args(&o, &args);
    ck_assert_str_eq(buf_cstr(&args), "get|--dir|-v");
    ck_assert(opts_flag(&o, "recursive"));
    ck_assert(!opts_flag(&o, "dir"));
    ck_assert(!o.version);
    opts_fini(&o);
    buf_fini(&why);
    buf_fini(&args);
}
END_TEST

START_TEST(help_and_lists)
{
    const char *words[WORDS] = {"--roles", "a", "u", "--roles=b,c", "-h"};
    struct opts o;
    struct buf why = {0};

    ck_assert_int_eq(parse(&o, OPTS_ANYWHERE, words, &why), 0);
    ck_assert(o.help);

    const struct opt_value *roles = opts_get(&o, "roles");

    ck_assert_uint_eq(roles->items_count, 2);
    ck_assert_str_eq(roles->items[0], "a");
    ck_assert_str_eq(roles->items[1], "b,c");
    opts_fini(&o);
    buf_fini(&why);
}
END_TEST

static const struct {
    const char *words[WORDS];
    size_t dashes_at, dragged_at;
} places[] = {
    {{"/k", "--", "prog"}, 1, SIZE_MAX},
    {{"-r", "/k", "--", "prog"}, 1, 0},
    {{"-r", "--", "prog", "/k"}, 0, SIZE_MAX},
    {{"--ttl", "5", "/k", "--", "prog"}, 1, SIZE_MAX},
    {{"--ttl=5", "-r", "/k", "--", "prog"}, 1, 0},
    {{"/k", "-r", "--", "prog", "a"}, 1, SIZE_MAX},
    {{"a", "b", "/k"}, SIZE_MAX, SIZE_MAX},
};

START_TEST(where_the_dashes_stand)
{
    struct opts o;
    struct buf why = {0};

    ck_assert_int_eq(parse(&o, OPTS_ANYWHERE, places[_i].words, &why), 0);
    ck_assert_uint_eq(o.dashes_at, places[_i].dashes_at);
    ck_assert_uint_eq(o.dragged_at, places[_i].dragged_at);
    opts_fini(&o);
    buf_fini(&why);
}
END_TEST

TCase *opts_case(void)
{
    TCase *tc = tcase_create("opts");

    tcase_add_loop_test(tc, anywhere, 0, CP_COUNT(good));
    tcase_add_loop_test(tc, messages, 0, CP_COUNT(bad));
    tcase_add_test(tc, leading_options_end_at_first_word);
    tcase_add_test(tc, help_and_lists);
    tcase_add_loop_test(tc, where_the_dashes_stand, 0, CP_COUNT(places));
    return tc;
}
