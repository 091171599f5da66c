/* exec-watch: a program run for each change. */
#include "base/mem.h"
#include "ctl/children.h"
#include "ctl/keys.h"
#include "ctl/table.h"
#include "ctl/wait.h"

#include <ctype.h>
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

static enum exit_status start(struct children *programs, char **command,
                              const struct event_reply *e)
{
    size_t owned_from;
    char **env = environment(e, &owned_from);
    int errnum = children_start(programs, command, env);

    for (size_t i = 0; i < VARIABLES; i++)
        mem_free(env[owned_from + i]);
    mem_free(env);
    return errnum == 0 ? EXIT_FINE : cannot_start(command[0], errnum);
}

static enum exit_status run_for_each(struct session *s, struct waiter *w, struct children *programs,
                                     char **command)
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
            status = start(programs, command, &e);
        }
        event_reply_fini(&e);
        if (status != EXIT_FINE)
            return status;
    }
}

enum exit_status exec_watch_run(struct session *s, const struct opts *o)
{
    struct waiter w = {.recursive = opts_flag(o, "recursive"),
                       .forever = true,
                       .next_index = wait_first_index(opts_int(o, "after-index"))};
    enum exit_status status = session_open(s, true);

    if (status != EXIT_FINE)
        return status;
    if (o->args_count < 2)
        return session_fail_text("key and command to exec required", EXIT_ARGUMENTS);

    char **command = divide(o, &w.key);
    struct children *programs = children_new();

    status = run_for_each(s, &w, programs, command);
    children_free(programs);
    mem_free(command);
    return status;
}
