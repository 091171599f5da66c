#include "serve/logs.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

int logs_check(const struct options *o, struct err *e)
{
    enum log_level level;
    if (!log_level_of(o->log_level, &level))
        return err_set(e, ERR_USAGE, "--log-level=%s: it is one of debug, info, warn, error",
                       o->log_level);
    if (!is(o->log_format, "text") && !is(o->log_format, "json"))
        return err_set(e, ERR_USAGE, "--log-format=%s: it is text or json", o->log_format);
    if (strchr(o->log_outputs, ',') != NULL)
        return err_set(e, ERR_USAGE, "--log-outputs=%s: one place is all there may be",
                       o->log_outputs);
    return 0;
}

/* Is standard error the journal of systemd? It says so by device and inode. */
static bool goes_to_journal(void)
{
    const char *named = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;
    return named != NULL && sscanf(named, "%llu:%llu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

static int open_file(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

/* The server's own log. */
static int direct(struct logs *l, const struct options *o, struct err *e)
{
    const char *where = o->log_outputs;
    l->fd = -1;
    if (is(where, "stdout")) {
        log_set_fd(STDOUT_FILENO);
    } else if (!is(where, "default") && !is(where, "stderr") && !is(where, "systemd/journal") &&
               !is(where, "")) {
        l->path = where;
        l->fd = open_file(where);
        if (l->fd < 0)
            return err_sys(e, errno, "--log-outputs: open %s", where);
        log_set_fd(l->fd);
    }
    return 0;
}

int logs_start(struct logs *l, const struct options *o, struct err *e)
{
    enum log_level level = LOG_INFO;
    (void)log_level_of(o->log_level, &level); /* checked before */
    log_set_level(o->debug ? LOG_DEBUG : level);
    log_set_format(is(o->log_format, "json") ? LOG_JSON
                   : goes_to_journal()       ? LOG_JOURNAL
                                             : LOG_TEXT);
    int rv = direct(l, o, e);
    if (rv == 0 && o->access_log[0] != '\0')
        rv = linelog_new(&l->access, "access", o->access_log, e);
    if (rv == 0 && o->audit_log[0] != '\0')
        rv = linelog_new(&l->audit, "audit", o->audit_log, e);
    if (rv != 0)
        logs_stop(l);
    return rv;
}

void logs_reopen(struct logs *l)
{
    if (l->access != NULL)
        linelog_reopen(l->access);
    if (l->audit != NULL)
        linelog_reopen(l->audit);
    if (l->fd < 0)
        return;
    int fd = open_file(l->path);
    if (fd < 0) {
        log_error("log.not_reopened", LOG_S("file", l->path), LOG_S("reason", err_text(-errno)));
        return;
    }
    /* In place: other threads may be about to write to the old number. */
    (void)dup3(fd, l->fd, O_CLOEXEC);
    close(fd);
}

void logs_stop(struct logs *l)
{
    linelog_free(l->access);
    linelog_free(l->audit);
    if (l->fd >= 0) {
        log_set_fd(STDERR_FILENO);
        close(l->fd);
    }
    *l = (struct logs){.fd = -1};
}
