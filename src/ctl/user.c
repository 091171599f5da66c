/* user: who may log in, and with which roles. */
#include "base/jsonw.h"
#include "base/mem.h"
#include "ctl/accounts.h"
#include "ctl/password.h"
#include "ctl/table.h"

#include <stdio.h>
#include <string.h>

#define WRONG_COUNT "Please provide a username"

/* {"user":"U","password":"P","roles":null}; without a password no such member. */
static void add_user(struct buf *body, const char *name, const char *password)
{
    buf_lit(body, "{\"user\":");
    jsonw_str(body, span_of(name));
    if (password != NULL && password[0] != '\0') {
        buf_lit(body, ",\"password\":");
        jsonw_str(body, span_of(password));
    }
    buf_lit(body, ",\"roles\":null");
}

enum exit_status user_list_run(struct session *s, const struct opts *o)
{
    return accounts_list(s, o, "users", "user", ACCOUNTS_VALUE);
}

static void print_user(const json_t *user, const char *asked)
{
    (void)asked;
    json_t *roles = accounts_sorted(json_object_get(user, "roles"), "role");
    size_t count = json_array_size(roles);
    struct span name = node_text(user, "user");

    printf("User: %.*s\nRoles: ", (int)name.len, name.ptr);
    /* quirk: as many blanks as roles in front, then the names with one blank between (users and
     * roles). */
    for (size_t i = 0; i < count; i++)
        printf(" ");
    for (size_t i = 0; i < count; i++)
        printf("%s%s", i > 0 ? " " : "", json_string_value(json_array_get(roles, i)));
    printf("\n");
    json_decref(roles);
}

enum exit_status user_get_run(struct session *s, const struct opts *o)
{
    return accounts_show(s, o, WRONG_COUNT, "users", print_user);
}

enum exit_status user_add_run(struct session *s, const struct opts *o)
{
    struct fail f = {0};
    struct buf body = {0};
    const char *text;
    enum exit_status status = accounts_begin_named(s, o, WRONG_COUNT, &text);

    if (status != EXIT_FINE)
        return status;

    char *name = mem_strdup(text);
    char *colon = strchr(name, ':');
    char *password = colon != NULL ? mem_strdup(colon + 1) : password_ask("New password: ");

    if (colon != NULL)
        *colon = '\0';
    add_user(&body, name, password);
    buf_char(&body, '}');

    int rc = accounts_ask(s, "PUT", "users", name, &body, ACCOUNTS_CHANGED, NULL, &f);

    status = accounts_end(rc, &f, "User ", name, " created");
    buf_fini(&body);
    mem_free(name);
    mem_free(password);
    return status;
}

enum exit_status user_remove_run(struct session *s, const struct opts *o)
{
    return accounts_remove(s, o, WRONG_COUNT, "users", "User ");
}

/* quirk: of a user that is not there the reference makes one and fails with an empty message, since
 * the answer is 201 and not 200 (users and roles). */
enum exit_status user_passwd_run(struct session *s, const struct opts *o)
{
    struct fail f = {0};
    struct buf body = {0};
    const char *name;
    enum exit_status status = accounts_begin_named(s, o, WRONG_COUNT, &name);

    if (status != EXIT_FINE)
        return status;

    char *password = password_ask("New password: ");

    add_user(&body, name, password);
    buf_char(&body, '}');

    int rc = accounts_ask(s, "PUT", "users", name, &body, ACCOUNTS_VALUE, NULL, &f);

    buf_fini(&body);
    mem_free(password);
    return accounts_end(rc, &f, "Password updated", "", "");
}

static enum exit_status change_roles(struct session *s, const struct opts *o, const char *verb)
{
    const struct opt_value *roles = opts_get(o, "roles");
    struct fail f = {0};
    struct buf body = {0};
    const char *name;

    if (roles->items_count == 0)
        return session_refuse("No roles specified; please use `--roles`");

    enum exit_status status = accounts_begin_named(s, o, WRONG_COUNT, &name);

    if (status != EXIT_FINE)
        return status;
    add_user(&body, name, NULL);
    buf_printf(&body, ",\"%s\":[", verb);
    for (size_t i = 0; i < roles->items_count; i++) {
        if (i > 0)
            buf_char(&body, ',');
        jsonw_str(&body, span_of(roles->items[i]));
    }
    buf_lit(&body, "]}");

    int rc = accounts_ask(s, "PUT", "users", name, &body, ACCOUNTS_VALUE, NULL, &f);

    buf_fini(&body);
    return accounts_end(rc, &f, "User ", name, " updated");
}

enum exit_status user_grant_run(struct session *s, const struct opts *o)
{
    return change_roles(s, o, "grant");
}

enum exit_status user_revoke_run(struct session *s, const struct opts *o)
{
    return change_roles(s, o, "revoke");
}
