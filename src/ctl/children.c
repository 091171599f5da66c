/* children: see children.h. A program's number is in the list from before anybody else can reap it
 * until we have, so that a signal never goes to a stranger who was given the number after it. */
#include "ctl/children.h"
#include "base/mem.h"
#include "ctl/session.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

struct children {
    /* fixed after init */
    pthread_t thread;
    sigset_t waited_for, mask_before;
    /* guarded by lock */
    pthread_mutex_t lock;
    pid_t *running;
    size_t count;
    bool over;
};

static void reap_locked(struct children *c)
{
    size_t kept = 0;

    for (size_t i = 0; i < c->count; i++) {
        if (waitpid(c->running[i], NULL, WNOHANG) == 0)
            c->running[kept++] = c->running[i];
    }
    c->count = kept;
}

/* Does not return. */
static void end_process(struct children *c, const siginfo_t *info)
{
    int sig = info->si_signo;
    sigset_t one;

    pthread_mutex_lock(&c->lock);
    reap_locked(c);
    for (size_t i = 0; info->si_code != SI_KERNEL && i < c->count; i++)
        (void)kill(c->running[i], sig);
    if (sig == SIGINT)
        _exit(EXIT_FINE);
    sigemptyset(&one);
    sigaddset(&one, sig);
    signal(sig, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &one, NULL);
    raise(sig);
}

static void *mind(void *arg)
{
    struct children *c = arg;
    bool over = false;

    while (!over) {
        siginfo_t info;

        if (sigwaitinfo(&c->waited_for, &info) < 0)
            continue;
        if (info.si_signo != SIGCHLD)
            end_process(c, &info);
        pthread_mutex_lock(&c->lock);
        reap_locked(c);
        over = c->over;
        pthread_mutex_unlock(&c->lock);
    }
    return NULL;
}

static bool is_ignored(int sig)
{
    struct sigaction action;

    return sigaction(sig, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

struct children *children_new(void)
{
    struct children *c = mem_zalloc(sizeof(*c));

    pthread_mutex_init(&c->lock, NULL);
    sigemptyset(&c->waited_for);
    sigaddset(&c->waited_for, SIGCHLD);
    sigaddset(&c->waited_for, SIGINT);
    /* Who started us with these ignored (nohup) wants them to be. */
    if (!is_ignored(SIGHUP))
        sigaddset(&c->waited_for, SIGHUP);
    if (!is_ignored(SIGTERM))
        sigaddset(&c->waited_for, SIGTERM);
    /* An ignored SIGCHLD, inherited, would take the programs' numbers away before we know. */
    signal(SIGCHLD, SIG_DFL);
    pthread_sigmask(SIG_BLOCK, &c->waited_for, &c->mask_before);
    CP_ASSERT(pthread_create(&c->thread, NULL, mind, c) == 0);
    return c;
}

void children_free(struct children *c)
{
    pthread_mutex_lock(&c->lock);
    c->over = true;
    pthread_mutex_unlock(&c->lock);
    pthread_kill(c->thread, SIGCHLD);
    pthread_join(c->thread, NULL);
    pthread_sigmask(SIG_SETMASK, &c->mask_before, NULL);
    pthread_mutex_destroy(&c->lock);
    mem_free(c->running);
    mem_free(c);
}

int children_start(struct children *c, char **command, char **env)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t defaults;
    pid_t pid;

    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigdefault(&attr, &defaults);
    posix_spawnattr_setsigmask(&attr, &c->mask_before);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    pthread_mutex_lock(&c->lock);

    int errnum = posix_spawnp(&pid, command[0], &files, &attr, command, env);

    if (errnum == 0) {
        c->running = mem_realloc(c->running, (c->count + 1) * sizeof(*c->running));
        c->running[c->count++] = pid;
    }
    pthread_mutex_unlock(&c->lock);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    return errnum;
}
