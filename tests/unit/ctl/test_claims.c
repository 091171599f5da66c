/* Which words are the client's. */
#include "base/check.h"
#include "ctl/ctl.h"
#include "test_ctl.h"

static const struct {
    const char *words[8];
    bool ours;
} rows[] = {
    {{"get", "/k"}, true},
    {{"exec-watch"}, true},
    {{"auth", "enable"}, true},
    {{"--endpoints", "http://h:1", "get", "/k"}, true},
    {{"--endpoints=http://h:1", "get"}, true},
    {{"-endpoints", "http://h:1", "ls"}, true},
    {{"-C", "http://h:1", "--debug", "-o", "json", "set", "k", "v"}, true},
    {{"--no-sync", "--timeout", "1s", "mk"}, true},
    {{"--debug=true", "--", "rm", "k"}, true},
    {{"--endpoints", "http://h:1", "nosuch"}, true}, /* who is to say that there is none */
    {{"--endpoints", "http://h:1", "help"}, true},
    {{"help", "get"}, true},
    {{"h", "member"}, true},
    {{NULL}, false},
    {{"help"}, false},
    {{"help", "serve"}, false},
    {{"serve"}, false},
    {{"nosuch"}, false},
    {{"--version"}, false},
    {{"--name", "get"}, false},
    {{"--data-dir", "x", "get"}, false},
    {{"--debug"}, false},
    {{"--endpoints"}, false},
    {{"--endpoints", "get"}, false}, /* the value, not the command */
    {{"--cert-file", "a", "--key-file", "b"}, false},
    {{"-"}, false},
};

START_TEST(claims)
{
    char *argv[10] = {(char *)(uintptr_t) "copse"};
    int argc = 1;

    for (; argc < 9 && rows[_i].words[argc - 1] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)rows[_i].words[argc - 1];
    ck_assert_msg(ctl_claims(argc, argv) == rows[_i].ours, "row %d: %s", _i, argv[1]);
}
END_TEST

START_TEST(knows_commands_only)
{
    ck_assert(ctl_knows("get"));
    ck_assert(ctl_knows("cluster-health"));
    ck_assert(!ctl_knows("help"));
    ck_assert(!ctl_knows("ge"));
    ck_assert(!ctl_knows(""));
}
END_TEST

TCase *claims_case(void)
{
    TCase *tc = tcase_create("claims");

    tcase_add_loop_test(tc, claims, 0, CP_COUNT(rows));
    tcase_add_test(tc, knows_commands_only);
    return tc;
}
