#include "disk/spare.h"

#include "base/log.h"
#include "base/mem.h"
#include "disk/advice.h"
#include "disk/segment.h"
#include "disk/wal.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#define RETRY_S 1

struct spare {
    /* Fixed after start. */
    struct spare_conf conf;
    pthread_t thread;
    /* Atomic: set by the others, looked at between the steps of making a file. */
    struct segment_haste haste;
    /* Guarded by lock. */
    pthread_mutex_t lock;
    pthread_cond_t wake;   /* the thread: something is wanted, or stop */
    pthread_cond_t ready;  /* spare_take: there is one */
    uint64_t wanted, made; /* sequences; equal: nothing to do */
    int fd;                /* of `made`; -1: taken */
    uint64_t purge_to;     /* index */
    bool purge;            /* up to purge_to, not begun */
    bool urgent;           /* the log thread waits: try now */
    bool giving_up;        /* nobody waits for room any more */
    bool failed;           /* the last try, for want of room */
    /* Own thread only. */
    int trouble; /* of the last try; 0: none */
};

/* What passes by itself, or by somebody who makes room or mounts for writing again. The segment in
 * use is not touched by it: nothing acknowledged depends on the one that is being made. */
static bool no_room(int rv)
{
    return rv == -ENOSPC || rv == -EDQUOT || rv == -EROFS || rv == -EMFILE || rv == -ENFILE;
}

/* TROUBLE: 0, or why not. */
static void say_space(struct spare *s, int trouble, uint64_t bytes)
{
    if (s->trouble == trouble)
        return;
    s->trouble = trouble;
    if (trouble != 0)
        log_error("wal.no_room", LOG_S("dir", s->conf.dir), LOG_S("reason", err_text(trouble)),
                  LOG_U("bytes", bytes), LOG_S("effect", "writes are refused, reads go on"),
                  LOG_S("do", disk_advice(trouble)));
    else
        log_info("wal.room_again", LOG_S("dir", s->conf.dir));
    s->conf.space(s->conf.ctx, trouble);
}

/* Sleeps until the next try is due. A purge may make room. */
static void wait_retry_locked(struct spare *s)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += RETRY_S;
    while (!s->urgent && !s->purge && !atomic_load(&s->haste.stop)) {
        if (pthread_cond_timedwait(&s->wake, &s->lock, &until) == ETIMEDOUT)
            break;
    }
    s->urgent = false;
}

static void purge(struct spare *s, uint64_t index)
{
    size_t removed;
    int rv = kept_purge(s->conf.kept, s->conf.io, s->conf.dir, index, &removed);
    if (rv < 0)
        disk_die(s->conf.dir, "sync the directory", rv);
    if (removed > 0)
        log_info("wal.purged", LOG_S("dir", s->conf.dir), LOG_U("segments", removed),
                 LOG_U("index", index));
}

static bool make(struct spare *s, uint64_t sequence)
{
    uint64_t bytes = segment_bytes(s->conf.segment_bytes, sequence);
    int fd = segment_make(s->conf.io, s->conf.dir, sequence, bytes, &s->haste);
    if (fd >= 0)
        say_space(s, 0, bytes);
    else if (no_room(fd))
        say_space(s, fd, bytes);
    else if (fd != -ECANCELED)
        disk_die(s->conf.dir, "make a segment", fd);
    pthread_mutex_lock(&s->lock);
    if (fd >= 0) {
        s->made = sequence;
        s->fd = fd;
        pthread_cond_signal(&s->ready);
    } else if (fd != -ECANCELED) {
        s->failed = true;
        pthread_cond_signal(&s->ready);
        if (!s->conf.stepped)
            wait_retry_locked(s);
    }
    pthread_mutex_unlock(&s->lock);
    return fd >= 0;
}

bool spare_step(struct spare *s)
{
    pthread_mutex_lock(&s->lock);
    bool purging = s->purge, making = s->wanted != s->made;
    uint64_t sequence = s->wanted, index = s->purge_to;
    s->purge = false;
    pthread_mutex_unlock(&s->lock);
    if (purging)
        purge(s, index);
    return purging || (making && make(s, sequence));
}

/* Gives false at the end, which comes after what was to be purged. */
static bool wait_for_work(struct spare *s)
{
    pthread_mutex_lock(&s->lock);
    while (s->wanted == s->made && !s->purge && !atomic_load(&s->haste.stop))
        pthread_cond_wait(&s->wake, &s->lock);
    bool goes_on = s->purge || !atomic_load(&s->haste.stop);
    pthread_mutex_unlock(&s->lock);
    return goes_on;
}

static void *spare_main(void *arg)
{
    while (wait_for_work(arg))
        (void)spare_step(arg);
    return NULL;
}

int spare_start(struct spare **out, const struct spare_conf *conf, struct err *e)
{
    struct spare *s = mem_zalloc(sizeof(*s));
    s->conf = *conf;
    s->fd = -1;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->ready, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->wake, &attr);
    pthread_condattr_destroy(&attr);
    *out = s;
    if (conf->stepped)
        return 0;
    int errnum = pthread_create(&s->thread, NULL, spare_main, s);
    if (errnum != 0) {
        pthread_cond_destroy(&s->wake);
        pthread_cond_destroy(&s->ready);
        pthread_mutex_destroy(&s->lock);
        mem_free(s);
        return err_sys(e, errnum, "start a thread");
    }
    pthread_setname_np(s->thread, "wal-spare");
    return 0;
}

void spare_stop(struct spare *s)
{
    pthread_mutex_lock(&s->lock);
    atomic_store(&s->haste.stop, true);
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    if (!s->conf.stepped)
        pthread_join(s->thread, NULL);
    else if (s->purge)
        (void)spare_step(s);
    if (s->fd >= 0) {
        char *path = segment_temporary_path(s->conf.dir, s->made);
        s->conf.io->close(s->conf.io->ctx, s->fd);
        s->conf.io->unlink(s->conf.io->ctx, path);
        mem_free(path);
    }
    pthread_cond_destroy(&s->wake);
    pthread_cond_destroy(&s->ready);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

void spare_give_up(struct spare *s)
{
    pthread_mutex_lock(&s->lock);
    s->giving_up = true;
    s->urgent = true;
    s->failed = false;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

void spare_want(struct spare *s, uint64_t sequence, unsigned due)
{
    atomic_store_explicit(&s->haste.due, due, memory_order_relaxed);
    pthread_mutex_lock(&s->lock);
    if (s->wanted != sequence) {
        CP_ASSERT(s->fd < 0);
        s->wanted = sequence;
        pthread_cond_signal(&s->wake);
    }
    pthread_mutex_unlock(&s->lock);
}

void spare_purge(struct spare *s, uint64_t index)
{
    pthread_mutex_lock(&s->lock);
    if (index > s->purge_to)
        s->purge_to = index;
    s->purge = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

/* Until the thread has tried to make it. */
static void wait_ready_locked(struct spare *s)
{
    if (!s->conf.stepped) {
        pthread_cond_wait(&s->ready, &s->lock);
        return;
    }
    pthread_mutex_unlock(&s->lock);
    (void)spare_step(s);
    pthread_mutex_lock(&s->lock);
}

int spare_take(struct spare *s, uint64_t sequence)
{
    spare_want(s, sequence, SEGMENT_DUE_ALL);
    pthread_mutex_lock(&s->lock);
    s->urgent = s->made != sequence;
    s->failed = false;
    pthread_cond_signal(&s->wake);
    while (s->made != sequence && !(s->failed && (s->giving_up || s->conf.stepped)))
        wait_ready_locked(s);
    int fd = s->made == sequence ? s->fd : s->giving_up ? -ENOSPC : -EAGAIN;
    CP_ASSERT(fd >= 0 || s->made != sequence);
    if (fd >= 0)
        s->fd = -1;
    pthread_mutex_unlock(&s->lock);
    return fd;
}
