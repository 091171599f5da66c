/* table: the commands. A command is a file of its own and a row here. */
#pragma once

#include "ctl/opts.h"
#include "ctl/session.h"

struct ctl_command {
    const char *name;
    const char *text;      /* one line */
    const char *arguments; /* in the usage line */
    const char *description;
    const struct opt_def *defs;
    size_t defs_count;
    enum exit_status (*run)(struct session *s, const struct opts *o);
    const struct ctl_command *subs; /* of a group, which has no run of its own */
    size_t subs_count;
};

extern const struct ctl_command table_commands[];
extern const size_t table_commands_count;
extern const struct opt_def table_global[];
extern const size_t table_global_count;

/* The row of NAME, or NULL. */
const struct ctl_command *table_find(const struct ctl_command *rows, size_t count,
                                     const char *name);

/* The rows' functions, one command family a file. */
enum exit_status get_run(struct session *s, const struct opts *o);
enum exit_status ls_run(struct session *s, const struct opts *o);
enum exit_status set_run(struct session *s, const struct opts *o);
enum exit_status update_run(struct session *s, const struct opts *o);
enum exit_status mk_run(struct session *s, const struct opts *o);
enum exit_status mkdir_run(struct session *s, const struct opts *o);
enum exit_status setdir_run(struct session *s, const struct opts *o);
enum exit_status updatedir_run(struct session *s, const struct opts *o);
enum exit_status rm_run(struct session *s, const struct opts *o);
enum exit_status rmdir_run(struct session *s, const struct opts *o);
enum exit_status watch_run(struct session *s, const struct opts *o);
enum exit_status exec_watch_run(struct session *s, const struct opts *o);
enum exit_status health_run(struct session *s, const struct opts *o);
enum exit_status member_list_run(struct session *s, const struct opts *o);
enum exit_status member_add_run(struct session *s, const struct opts *o);
enum exit_status member_remove_run(struct session *s, const struct opts *o);
enum exit_status member_update_run(struct session *s, const struct opts *o);
enum exit_status user_list_run(struct session *s, const struct opts *o);
enum exit_status user_get_run(struct session *s, const struct opts *o);
enum exit_status user_add_run(struct session *s, const struct opts *o);
enum exit_status user_remove_run(struct session *s, const struct opts *o);
enum exit_status user_passwd_run(struct session *s, const struct opts *o);
enum exit_status user_grant_run(struct session *s, const struct opts *o);
enum exit_status user_revoke_run(struct session *s, const struct opts *o);
enum exit_status role_list_run(struct session *s, const struct opts *o);
enum exit_status role_get_run(struct session *s, const struct opts *o);
enum exit_status role_add_run(struct session *s, const struct opts *o);
enum exit_status role_remove_run(struct session *s, const struct opts *o);
enum exit_status role_grant_run(struct session *s, const struct opts *o);
enum exit_status role_revoke_run(struct session *s, const struct opts *o);
enum exit_status auth_enable_run(struct session *s, const struct opts *o);
enum exit_status auth_disable_run(struct session *s, const struct opts *o);
enum exit_status backup_run(struct session *s, const struct opts *o);
