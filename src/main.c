/* copse: a member when called without a command, a client with most of them. A link named etcd is
 * the server, etcdctl the client. */
#include "admin/admin.h"
#include "ctl/ctl.h"
#include "serve/serve.h"
#include "serve/version.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static bool is(const char *word, const char *a, const char *b)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

static int help(void)
{
    printf(
        "copse - a server and client of the etcd v2 API\n\n"
        "usage:\n"
        "  copse [serve] [flags]              start a member; copse serve --help lists the flags\n"
        "  copse [options] COMMAND [...]      talk to a member\n"
        "  copse COMMAND [...] DIR            work on a data directory, without a server\n"
        "  copse help COMMAND                 what a command does\n"
        "  copse --version\n\n"
        "commands:\n");
    ctl_list_commands(stdout);
    printf("\ncommands that work on a data directory:\n");
    admin_list_commands(stdout);
    return 0;
}

int main(int argc, char **argv)
{
    const char *called = argc > 0 ? base_name(argv[0]) : "copse";
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(called, "etcdctl") == 0)
        return ctl_main(argc, argv, admin_main);
    if (strcmp(called, "etcd") == 0)
        serve_main(argc, argv);
    if (admin_claims(argc, argv))
        return admin_main(argc, argv);
    if (strcmp(word, "serve") == 0)
        serve_main(argc - 1, argv + 1);
    if (argc == 2 && (is(word, "help", "h") || is(word, "--help", "-h")))
        return help();
    if (argc == 2 && (is(word, "--version", "-version") || is(word, "-v", "--v"))) {
        version_print(stdout);
        return 0;
    }
    if (argc > 1 && (word[0] != '-' || ctl_claims(argc, argv)))
        return ctl_main(argc, argv, admin_main);
    serve_main(argc, argv);
}
