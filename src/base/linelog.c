/* linelog: two buffers go back and forth, as in disk/wal.c. Nothing is fsynced: these logs are for
 * people, and a machine that dies may take the last second with it. */
#include "base/linelog.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#define LIMIT_LINELOG_BYTES (4 << 20)

struct linelog {
    /* fixed */
    const char *name;
    char *path;
    pthread_t thread;
    /* guarded by lock */
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct buf pending;
    bool reopen, stop;
    /* any thread */
    _Atomic uint64_t dropped;
    /* the thread only */
    int fd;
    bool broken; /* told, and not well since */
};

static int open_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);

    return fd < 0 ? -errno : fd;
}

static int write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t k = write(fd, bytes, n);

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return -errno;
        bytes += k;
        n -= (size_t)k;
    }
    return 0;
}

static void note(struct linelog *l, int rv)
{
    if (rv < 0 && !l->broken)
        log_error("log.not_written", LOG_S("log", l->name), LOG_S("file", l->path),
                  LOG_S("reason", err_text(rv)));
    else if (rv >= 0 && l->broken)
        log_info("log.written_again", LOG_S("log", l->name), LOG_S("file", l->path));
    l->broken = rv < 0;
}

static void reopen_file(struct linelog *l)
{
    int fd = open_file(l->path);

    note(l, fd);
    if (fd < 0)
        return; /* goes on in the old one */
    close(l->fd);
    l->fd = fd;
}

static uint64_t count_lines(struct span s)
{
    uint64_t n = 0;

    for (size_t i = 0; i < s.len; i++)
        n += s.ptr[i] == '\n';
    return n;
}

static void *linelog_main(void *arg)
{
    struct linelog *l = arg;
    struct buf writing = {0};

    pthread_mutex_lock(&l->lock);
    for (;;) {
        while (l->pending.len == 0 && !l->reopen && !l->stop)
            pthread_cond_wait(&l->work, &l->lock);
        if (l->pending.len == 0 && !l->reopen)
            break;

        struct buf taken = l->pending;
        bool reopen = l->reopen;

        l->pending = writing;
        l->reopen = false;
        writing = taken;
        pthread_mutex_unlock(&l->lock);
        if (writing.len > 0) {
            int rv = write_all(l->fd, writing.ptr, writing.len);

            if (rv < 0)
                atomic_fetch_add(&l->dropped, count_lines(buf_as_span(&writing)));
            note(l, rv);
        }
        buf_clear(&writing);
        if (reopen)
            reopen_file(l);
        pthread_mutex_lock(&l->lock);
    }
    pthread_mutex_unlock(&l->lock);
    buf_fini(&writing);
    return NULL;
}

int linelog_new(struct linelog **out, const char *name, const char *path, struct err *e)
{
    struct linelog *l = mem_zalloc(sizeof(*l));
    sigset_t all, before;

    l->name = name;
    l->path = mem_strdup(path);
    l->fd = open_file(path);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->work, NULL);
    if (l->fd < 0) {
        int rv = err_sys(e, -l->fd, "%s log: open %s", name, path);

        mem_free(l->path);
        mem_free(l);
        return rv;
    }
    /* Signals are for the main thread. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int errnum = pthread_create(&l->thread, NULL, linelog_main, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (errnum != 0) {
        close(l->fd);
        mem_free(l->path);
        mem_free(l);
        return err_sys(e, errnum, "%s log: thread", name);
    }
    pthread_setname_np(l->thread, "linelog");
    *out = l;
    return 0;
}

void linelog_free(struct linelog *l)
{
    if (l == NULL)
        return;
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_signal(&l->work);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->thread, NULL);
    close(l->fd);
    pthread_cond_destroy(&l->work);
    pthread_mutex_destroy(&l->lock);
    buf_fini(&l->pending);
    mem_free(l->path);
    mem_free(l);
}

void linelog_add(struct linelog *l, struct span line)
{
    pthread_mutex_lock(&l->lock);
    bool fits = l->pending.len + line.len <= LIMIT_LINELOG_BYTES;
    bool wake = l->pending.len == 0;
    if (fits)
        buf_span(&l->pending, line);
    pthread_mutex_unlock(&l->lock);
    if (!fits)
        atomic_fetch_add_explicit(&l->dropped, 1, memory_order_relaxed);
    else if (wake)
        pthread_cond_signal(&l->work);
}

void linelog_reopen(struct linelog *l)
{
    pthread_mutex_lock(&l->lock);
    l->reopen = true;
    pthread_cond_signal(&l->work);
    pthread_mutex_unlock(&l->lock);
}

uint64_t linelog_dropped(const struct linelog *l)
{
    return atomic_load_explicit(&l->dropped, memory_order_relaxed);
}
