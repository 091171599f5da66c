/* table: see table.h. Order and texts are those of the reference's help. */
#include "ctl/table.h"

#include <string.h>

#define TTL                                                                                        \
    {                                                                                              \
        .name = "ttl", .kind = OPT_INT, .text = "key time-to-live in seconds", .fallback = "0"     \
    }
#define SORT                                                                                       \
    {                                                                                              \
        .name = "sort", .kind = OPT_BOOL, .text = "returns result in sorted order"                 \
    }
#define QUORUM                                                                                     \
    {                                                                                              \
        .name = "quorum", .alias = "q", .kind = OPT_BOOL, .text = "require quorum for get request" \
    }
#define AFTER_INDEX                                                                                \
    {                                                                                              \
        .name = "after-index", .kind = OPT_INT, .text = "watch after the given index",             \
        .fallback = "0"                                                                            \
    }

static const struct opt_def backup_defs[] = {
    {.name = "data-dir", .kind = OPT_TEXT, .text = "Path to the etcd data dir"},
    {.name = "wal-dir", .kind = OPT_TEXT, .text = "Path to the etcd wal dir"},
    {.name = "backup-dir", .kind = OPT_TEXT, .text = "Path to the backup dir"},
    {.name = "backup-wal-dir", .kind = OPT_TEXT, .text = "Path to the backup wal dir"},
    {.name = "with-v3", .kind = OPT_BOOL, .text = "Backup v3 backend data"},
};
static const struct opt_def ttl_defs[] = {TTL};
static const struct opt_def mk_defs[] = {
    {.name = "in-order", .kind = OPT_BOOL, .text = "create in-order key under directory <key>"},
    TTL,
};
static const struct opt_def rm_defs[] = {
    {.name = "dir",
     .kind = OPT_BOOL,
     .text = "removes the key if it is an empty directory or a key-value pair"},
    {.name = "recursive",
     .alias = "r",
     .kind = OPT_BOOL,
     .text = "removes the key and all child keys(if it is a directory)"},
    {.name = "with-value", .kind = OPT_TEXT, .text = "previous value"},
    {.name = "with-index", .kind = OPT_INT, .text = "previous index", .fallback = "0"},
};
static const struct opt_def get_defs[] = {SORT, QUORUM};
static const struct opt_def ls_defs[] = {
    SORT,
    {.name = "recursive",
     .alias = "r",
     .kind = OPT_BOOL,
     .text = "returns all key names recursively for the given path"},
    {.name = "p", .kind = OPT_BOOL, .text = "append slash (/) to directories"},
    QUORUM,
};
static const struct opt_def set_defs[] = {
    TTL,
    {.name = "swap-with-value", .kind = OPT_TEXT, .text = "previous value"},
    {.name = "swap-with-index", .kind = OPT_INT, .text = "previous index", .fallback = "0"},
};
static const struct opt_def watch_defs[] = {
    {.name = "forever", .alias = "f", .kind = OPT_BOOL, .text = "forever watch a key until CTRL+C"},
    AFTER_INDEX,
    {.name = "recursive",
     .alias = "r",
     .kind = OPT_BOOL,
     .text = "returns all values for key and child keys"},
};
static const struct opt_def exec_watch_defs[] = {
    AFTER_INDEX,
    {.name = "recursive",
     .alias = "r",
     .kind = OPT_BOOL,
     .text = "watch all values for key and child keys"},
};
static const struct opt_def health_defs[] = {
    {.name = "forever",
     .alias = "f",
     .kind = OPT_BOOL,
     .text = "forever check the health every 10 second until CTRL+C"},
};
static const struct opt_def roles_defs[] = {
    {.name = "roles", .kind = OPT_LIST, .text = "List of roles to grant or revoke"},
};
static const struct opt_def grant_defs[] = {
    {.name = "path", .kind = OPT_TEXT, .text = "Path granted for the role to access"},
    {.name = "read", .kind = OPT_BOOL, .text = "Grant read-only access"},
    {.name = "write", .kind = OPT_BOOL, .text = "Grant write-only access"},
    {.name = "readwrite", .alias = "rw", .kind = OPT_BOOL, .text = "Grant read-write access"},
};
static const struct opt_def revoke_defs[] = {
    {.name = "path", .kind = OPT_TEXT, .text = "Path revoked for the role to access"},
    {.name = "read", .kind = OPT_BOOL, .text = "Revoke read access"},
    {.name = "write", .kind = OPT_BOOL, .text = "Revoke write access"},
    {.name = "readwrite", .alias = "rw", .kind = OPT_BOOL, .text = "Revoke read-write access"},
};

#define DEFS(array) .defs = (array), .defs_count = CP_COUNT(array)

static const struct ctl_command member_subs[] = {
    {"list", "enumerate existing cluster members", " ", .run = member_list_run},
    {"add", "add a new member to the etcd cluster", "<name> <peerURL>", .run = member_add_run},
    {"remove", "remove an existing member from the etcd cluster", "<memberID>",
     .run = member_remove_run},
    {"update", "update an existing member in the etcd cluster", "<memberID> <peerURLs>",
     .run = member_update_run},
};
static const struct ctl_command user_subs[] = {
    {"add", "add a new user for the etcd cluster", "<user>", .run = user_add_run},
    {"get", "get details for a user", "<user>", .run = user_get_run},
    {"list", "list all current users", " ", .run = user_list_run},
    {"remove", "remove a user for the etcd cluster", "<user>", .run = user_remove_run},
    {"grant", "grant roles to an etcd user", "<user>", DEFS(roles_defs), .run = user_grant_run},
    {"revoke", "revoke roles for an etcd user", "<user>", DEFS(roles_defs), .run = user_revoke_run},
    {"passwd", "change password for a user", "<user>", .run = user_passwd_run},
};
static const struct ctl_command role_subs[] = {
    {"add", "add a new role for the etcd cluster", "<role>", .run = role_add_run},
    {"get", "get details for a role", "<role>", .run = role_get_run},
    {"list", "list all roles", " ", .run = role_list_run},
    {"remove", "remove a role from the etcd cluster", "<role>", .run = role_remove_run},
    {"grant", "grant path matches to an etcd role", "<role>", DEFS(grant_defs),
     .run = role_grant_run},
    {"revoke", "revoke path matches for an etcd role", "<role>", DEFS(revoke_defs),
     .run = role_revoke_run},
};
static const struct ctl_command auth_subs[] = {
    {"enable", "enable auth access controls", " ", .run = auth_enable_run},
    {"disable", "disable auth access controls", " ", .run = auth_disable_run},
};

#define SUBS(array) .subs = (array), .subs_count = CP_COUNT(array)

const struct ctl_command table_commands[] = {
    {"backup", "backup an etcd directory", " ", DEFS(backup_defs), .run = backup_run},
    {"cluster-health", "check the health of the etcd cluster", " ", DEFS(health_defs),
     .run = health_run},
    {"mk", "make a new key with a given value", "<key> <value>", DEFS(mk_defs), .run = mk_run},
    {"mkdir", "make a new directory", "<key>", DEFS(ttl_defs), .run = mkdir_run},
    {"rm", "remove a key or a directory", "<key>", DEFS(rm_defs), .run = rm_run},
    {"rmdir", "removes the key if it is an empty directory or a key-value pair", "<key>",
     .run = rmdir_run},
    {"get", "retrieve the value of a key", "<key>", DEFS(get_defs), .run = get_run},
    {"ls", "retrieve a directory", "[key]", DEFS(ls_defs), .run = ls_run},
    {"set", "set the value of a key", "<key> <value>",
     "Set sets the value of a key.\n\n"
     "   When <value> begins with '-', <value> is interpreted as a flag.\n"
     "   Insert '--' for workaround:\n\n   $ set -- <key> <value>",
     DEFS(set_defs), .run = set_run},
    {"setdir", "create a new directory or update an existing directory TTL", "<key>",
     DEFS(ttl_defs), .run = setdir_run},
    {"update", "update an existing key with a given value", "<key> <value>", DEFS(ttl_defs),
     .run = update_run},
    {"updatedir", "update an existing directory", "<key> <value>", DEFS(ttl_defs),
     .run = updatedir_run},
    {"watch", "watch a key for changes", "<key>", DEFS(watch_defs), .run = watch_run},
    {"exec-watch", "watch a key for changes and exec an executable", "<key> <command> [args...]",
     DEFS(exec_watch_defs), .run = exec_watch_run},
    {"member", "member add, remove and list subcommands", "[arguments...]", SUBS(member_subs)},
    {"user", "user add, grant and revoke subcommands", "[arguments...]", SUBS(user_subs)},
    {"role", "role add, grant and revoke subcommands", "[arguments...]", SUBS(role_subs)},
    {"auth", "overall auth controls", "[arguments...]", SUBS(auth_subs)},
};
const size_t table_commands_count = CP_COUNT(table_commands);

const struct opt_def table_global[] = {
    {.name = "debug",
     .kind = OPT_BOOL,
     .text = "output cURL commands which can be used to reproduce the request"},
    {.name = "no-sync",
     .kind = OPT_BOOL,
     .text = "don't synchronize cluster information before sending request"},
    {.name = "output",
     .alias = "o",
     .kind = OPT_TEXT,
     .value_name = "simple",
     .text = "output response in the given format (simple, `extended` or `json`)",
     .fallback = "simple"},
    {.name = "discovery-srv",
     .alias = "D",
     .kind = OPT_TEXT,
     .text = "domain name to query for SRV records describing cluster endpoints"},
    {.name = "insecure-discovery",
     .kind = OPT_BOOL,
     .text = "accept insecure SRV records describing cluster endpoints"},
    {.name = "peers",
     .alias = "C",
     .kind = OPT_TEXT,
     .text = "DEPRECATED - \"--endpoints\" should be used instead"},
    {.name = "endpoint",
     .kind = OPT_TEXT,
     .text = "DEPRECATED - \"--endpoints\" should be used instead"},
    {.name = "endpoints",
     .kind = OPT_TEXT,
     .text = "a comma-delimited list of machine addresses in the cluster (default: "
             "\"http://127.0.0.1:2379,http://127.0.0.1:4001\")"},
    {.name = "cert-file",
     .kind = OPT_TEXT,
     .text = "identify HTTPS client using this SSL certificate file"},
    {.name = "key-file", .kind = OPT_TEXT, .text = "identify HTTPS client using this SSL key file"},
    {.name = "ca-file",
     .kind = OPT_TEXT,
     .text = "verify certificates of HTTPS-enabled servers using this CA bundle"},
    {.name = "username",
     .alias = "u",
     .kind = OPT_TEXT,
     .text = "provide username[:password] and prompt if password is not supplied."},
    {.name = "timeout",
     .kind = OPT_DURATION,
     .text = "connection timeout per request",
     .fallback = "2s"},
    {.name = "total-timeout",
     .kind = OPT_DURATION,
     .text = "timeout for the command execution (except watch)",
     .fallback = "5s"},
};
const size_t table_global_count = CP_COUNT(table_global);

const struct ctl_command *table_find(const struct ctl_command *rows, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    }
    return NULL;
}
