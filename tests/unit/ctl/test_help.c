/* The layout of help texts. */
#include "ctl/help.h"
#include "test_ctl.h"

static const struct ctl_command *find(const char *name)
{
    const struct ctl_command *c = table_find(table_commands, table_commands_count, name);

    ck_assert_ptr_nonnull(c);
    return c;
}

START_TEST(of_command_with_options)
{
    struct buf text = {0};

    help_command(&text, "copse", NULL, find("ls"));
    ck_assert_str_eq(buf_cstr(&text),
                     "NAME:\n   copse ls - retrieve a directory\n\n"
                     "USAGE:\n   copse ls [command options] [key]\n\n"
                     "OPTIONS:\n"
                     "   --sort           returns result in sorted order\n"
                     "   --recursive, -r  returns all key names recursively for the given path\n"
                     "   -p               append slash (/) to directories\n"
                     "   --quorum, -q     require quorum for get request\n"
                     "   \n");
    buf_fini(&text);
}
END_TEST

START_TEST(of_command_without_options)
{
    struct buf text = {0};
    const struct ctl_command *user = find("user");

    help_command(&text, "etcdctl", user, table_find(user->subs, user->subs_count, "list"));
    ck_assert_str_eq(buf_cstr(&text), "NAME:\n   etcdctl user list - list all current users\n\n"
                                      "USAGE:\n   etcdctl user list  \n");
    buf_fini(&text);
}
END_TEST

START_TEST(of_group)
{
    struct buf text = {0};

    help_group(&text, "etcdctl", find("auth"), false);
    ck_assert_str_eq(buf_cstr(&text),
                     "NAME:\n   etcdctl auth - overall auth controls\n\n"
                     "USAGE:\n   etcdctl auth command [command options] [arguments...]\n\n"
                     "COMMANDS:\n"
                     "   enable   enable auth access controls\n"
                     "   disable  disable auth access controls\n\n"
                     "OPTIONS:\n   --help, -h  show help\n   \n");
    buf_fini(&text);
}
END_TEST

/* Every row can run and says what it is for; no option is named twice. */
static void check_rows(const struct ctl_command *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct ctl_command *c = &rows[i];

        ck_assert_msg((c->run != NULL) != (c->subs != NULL), "%s", c->name);
        ck_assert_msg(c->text != NULL && c->arguments != NULL, "%s", c->name);
        ck_assert_ptr_eq(table_find(rows, count, c->name), c);
        for (size_t a = 0; a < c->defs_count; a++) {
            for (size_t b = 0; b < a; b++)
                ck_assert_str_ne(c->defs[a].name, c->defs[b].name);
        }
        for (size_t j = 0; j < c->subs_count; j++)
            ck_assert_ptr_nonnull(c->subs[j].run);
    }
}

START_TEST(table_is_whole)
{
    check_rows(table_commands, table_commands_count);
    check_rows(find("member")->subs, find("member")->subs_count);
    check_rows(find("user")->subs, find("user")->subs_count);
    check_rows(find("role")->subs, find("role")->subs_count);
    check_rows(find("auth")->subs, find("auth")->subs_count);
}
END_TEST

TCase *help_case(void)
{
    TCase *tc = tcase_create("help");

    tcase_add_test(tc, of_command_with_options);
    tcase_add_test(tc, of_command_without_options);
    tcase_add_test(tc, of_group);
    tcase_add_test(tc, table_is_whole);
    return tc;
}
