/* exec-watch: a program run for each change. */
#include "base/mem.h"
#include "ctl/keys.h"
#include "ctl/table.h"
#include "ctl/wait.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VARIABLES 4

/* What to watch and what to run: the arguments less the one that is the key. Gives a list ended by
 * NULL (mem_free). quirk: `--` sets the key apart only when a boolean option stands before the key,
 * since the reference moves it to the front otherwise; the last argument is the key then
 * (exec-watch). */
static char **divide(const struct opts *o, const char **key)
{
    bool apart = o->dashes_at != SIZE_MAX && o->dragged_at != SIZE_MAX;
    size_t key_at = apart ? o->dragged_at : o->args_count - 1;
    char **command = mem_zalloc(o->args_count * sizeof(*command));
    size_t n = 0;

    for (size_t i = 0; i < o->args_count; i++) {
        if (i != key_at)
            command[n++] = (char *)(uintptr_t)o->args[i];
    }
    *key = o->args[key_at];
    return command;
}

static char *variable(const char *name, struct span value)
{
    struct buf b = {0};

    buf_printf(&b, "%s=", name);
    buf_span(&b, value);
    (void)buf_cstr(&b);
    return b.ptr;
}

static bool is_ours(const char *entry)
{
    return strncmp(entry, "ETCD_WATCH_", strlen("ETCD_WATCH_")) == 0;
}

/* Gives a copy of the environment with the change in it; the last VARIABLES entries are owned. */
static char **environment(const struct event_reply *e, size_t *owned_from)
{
    size_t n = 0, kept = 0;
    char index[24];

    while (environ[n] != NULL)
        n++;

    char **env = mem_zalloc((n + VARIABLES + 1) * sizeof(*env));

    for (size_t i = 0; i < n; i++) {
        if (!is_ours(environ[i]))
            env[kept++] = environ[i];
    }
    *owned_from = kept;
    snprintf(index, sizeof(index), "%llu",
             (unsigned long long)node_number(e->node, "modifiedIndex"));
    env[kept++] = variable("ETCD_WATCH_ACTION", span_of(e->action));
    env[kept++] = variable("ETCD_WATCH_MODIFIED_INDEX", span_of(index));
    env[kept++] = variable("ETCD_WATCH_KEY", node_text(e->node, "key"));
    env[kept++] = variable("ETCD_WATCH_VALUE", node_text(e->node, "value"));
    return env;
}

static enum exit_status cannot_start(const char *program, int errnum)
{
    char words[128];

    if (strchr(program, '/') == NULL) {
        fprintf(stderr, "exec: \"%s\": executable file not found in $PATH", program);
        return EXIT_ARGUMENTS;
    }
    snprintf(words, sizeof(words), "%s", strerror(errnum));
    words[0] = (char)tolower((unsigned char)words[0]);
    fprintf(stderr, "fork/exec %s: %s", program, words);
    return EXIT_ARGUMENTS;
}

static enum exit_status start(char **command, const struct event_reply *e)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t defaults;
    size_t owned_from;
    char **env = environment(e, &owned_from);
    pid_t pid;

    sigemptyset(&defaults);
    sigaddset(&defaults, SIGCHLD);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigdefault(&attr, &defaults);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

    int errnum = posix_spawnp(&pid, command[0], &files, &attr, command, env);

    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    for (size_t i = 0; i < VARIABLES; i++)
        mem_free(env[owned_from + i]);
    mem_free(env);
    return errnum == 0 ? EXIT_FINE : cannot_start(command[0], errnum);
}

/* Nobody asks how the programs end: the system takes them away by itself. */
static void ignore_children(void)
{
    struct sigaction action = {.sa_handler = SIG_IGN, .sa_flags = SA_NOCLDWAIT};

    sigaction(SIGCHLD, &action, NULL);
}

static enum exit_status run_for_each(struct session *s, struct waiter *w, char **command)
{
    for (;;) {
        struct event_reply e;
        enum exit_status status = wait_next(s, w, &e);

        if (status != EXIT_FINE)
            return status;
        if (node_is_dir(e.node)) {
            struct span key = node_text(e.node, "key");

            fprintf(stderr, "Ignored dir %.*s change\n", (int)key.len, key.ptr);
        } else {
            status = start(command, &e);
        }
        event_reply_fini(&e);
        if (status != EXIT_FINE)
            return status;
    }
}

enum exit_status exec_watch_run(struct session *s, const struct opts *o)
{
    struct waiter w = {.recursive = opts_flag(o, "recursive"),
                       .next_index = wait_first_index(opts_int(o, "after-index"))};
    enum exit_status status = session_open(s, true);

    if (status != EXIT_FINE)
        return status;
    if (o->args_count < 2)
        return session_fail_text("key and command to exec required", EXIT_ARGUMENTS);
    session_end_at_interrupt();
    ignore_children();

    char **command = divide(o, &w.key);

    status = run_for_each(s, &w, command);
    mem_free(command);
    return status;
}
