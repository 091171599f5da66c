/* role: what those who have a role may read and write. */
#include "base/jsonw.h"
#include "ctl/accounts.h"
#include "ctl/table.h"
#include "proto/url.h"

#include <stdio.h>
#include <string.h>

#define WRONG_COUNT "Please provide a role name"

enum exit_status role_list_run(struct session *s, const struct opts *o)
{
    return accounts_list(s, o, "roles", "role", ACCOUNTS_ROLES);
}

static void print_paths(const json_t *kv, const char *member, const char *title)
{
    json_t *paths = accounts_sorted(json_object_get(kv, member), "");

    printf("%s\n", title);
    accounts_print_lines(paths, "\t");
    json_decref(paths);
}

static void print_role(const json_t *role, const char *asked)
{
    const json_t *kv = json_object_get(json_object_get(role, "permissions"), "kv");

    printf("Role: %s\n", asked);
    print_paths(kv, "read", "KV Read:");
    print_paths(kv, "write", "KV Write:");
}

enum exit_status role_get_run(struct session *s, const struct opts *o)
{
    return accounts_show(s, o, WRONG_COUNT, "roles", print_role);
}

static void add_role(struct buf *body, const char *name)
{
    buf_lit(body, "{\"role\":");
    jsonw_str(body, span_of(name));
    buf_lit(body, ",\"permissions\":{\"kv\":{\"read\":null,\"write\":null}}");
}

enum exit_status role_add_run(struct session *s, const struct opts *o)
{
    struct fail f = {0};
    struct buf body = {0};
    const char *name;
    enum exit_status status = accounts_begin_named(s, o, WRONG_COUNT, &name);

    if (status != EXIT_FINE)
        return status;
    if (accounts_ask(s, "GET", "roles", name, NULL, ACCOUNTS_VALUE, NULL, &f) == 0) {
        fprintf(stderr, "Role %s already exists\n", name);
        fail_fini(&f);
        return EXIT_ARGUMENTS;
    }
    fail_clear(&f);
    add_role(&body, name);
    buf_char(&body, '}');

    int rc = accounts_ask(s, "PUT", "roles", name, &body, ACCOUNTS_CHANGED, NULL, &f);

    buf_fini(&body);
    return accounts_end(rc, &f, "Role ", name, " created");
}

enum exit_status role_remove_run(struct session *s, const struct opts *o)
{
    return accounts_remove(s, o, WRONG_COUNT, "roles", "Role ");
}

/* A path in the form it must be given in, or a refusal. */
static enum exit_status check_path(const char *path)
{
    struct buf clean = {0};

    if (path[0] == '\0')
        return session_refuse("No path specified; please use `--path`");

    bool same = url_clean_path(&clean, span_of(path));

    if (!same)
        fprintf(stderr, "Not canonical path; please use `--path=%s`\n", buf_cstr(&clean));
    buf_fini(&clean);
    return same ? EXIT_FINE : EXIT_ARGUMENTS;
}

static void add_paths(struct buf *body, const char *member, const char *path, bool granted)
{
    buf_printf(body, "\"%s\":", member);
    if (!granted) {
        buf_lit(body, "null");
        return;
    }
    buf_char(body, '[');
    jsonw_str(body, span_of(path));
    buf_char(body, ']');
}

static enum exit_status change_paths(struct session *s, const struct opts *o, const char *verb)
{
    const char *path = opts_text(o, "path");
    bool read = opts_flag(o, "read"), write = opts_flag(o, "write"),
         both = opts_flag(o, "readwrite");
    struct fail f = {0};
    struct buf body = {0};
    const char *name;
    enum exit_status status = check_path(path);

    if (status != EXIT_FINE)
        return status;
    if (read + write + both != 1)
        return session_refuse("Please specify exactly one of --read, --write or --readwrite");
    status = accounts_begin_named(s, o, WRONG_COUNT, &name);
    if (status != EXIT_FINE)
        return status;

    int rc = accounts_ask(s, "GET", "roles", name, NULL, ACCOUNTS_VALUE, NULL, &f);

    if (rc == 0) {
        add_role(&body, name);
        buf_printf(&body, ",\"%s\":{\"kv\":{", verb);
        add_paths(&body, "read", path, read || both);
        buf_char(&body, ',');
        add_paths(&body, "write", path, write || both);
        buf_lit(&body, "}}}");
        rc = accounts_ask(s, "PUT", "roles", name, &body, ACCOUNTS_VALUE, NULL, &f);
    }
    buf_fini(&body);
    return accounts_end(rc, &f, "Role ", name, " updated");
}

enum exit_status role_grant_run(struct session *s, const struct opts *o)
{
    return change_paths(s, o, "grant");
}

enum exit_status role_revoke_run(struct session *s, const struct opts *o)
{
    return change_paths(s, o, "revoke");
}
