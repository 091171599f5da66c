/* auth: whether users and roles count. */
#include "ctl/accounts.h"
#include "ctl/table.h"

static enum exit_status turn(struct session *s, const struct opts *o, const char *method,
                             const char *done)
{
    struct fail f = {0};

    if (o->args_count != 0)
        return session_refuse("No arguments accepted");

    enum exit_status status = accounts_begin(s);

    if (status != EXIT_FINE)
        return status;

    int rc = accounts_ask(s, method, "enable", NULL, NULL, ACCOUNTS_CHANGED, NULL, &f);

    return accounts_end(rc, &f, done, "", "");
}

enum exit_status auth_enable_run(struct session *s, const struct opts *o)
{
    return turn(s, o, "PUT", "Authentication Enabled");
}

enum exit_status auth_disable_run(struct session *s, const struct opts *o)
{
    return turn(s, o, "DELETE", "Authentication Disabled");
}
