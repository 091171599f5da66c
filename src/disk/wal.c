/* wal: two buffers go back and forth between the appending thread and the log thread. While one is
 * written the other fills, so that each write carries all that came during the one before. */
#include "disk/wal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "disk/advice.h"
#include "disk/kept.h"
#include "disk/replay.h"
#include "disk/spare.h"

#include <errno.h>
#include <pthread.h>

#define BUFFER_KEPT_BYTES ((size_t)4 << 20) /* a larger one is given back once written */

struct wal {
    /* Fixed after open. */
    struct wal_conf conf;
    char *dir;
    struct spare *spare;
    struct kept kept; /* has a lock of its own */
    pthread_t thread;
    /* Guarded by lock. */
    pthread_mutex_t lock;
    pthread_cond_t work;  /* the log thread: something was flushed, or stop */
    pthread_cond_t moved; /* the others: a buffer was taken, or is durable */
    struct buf pending;
    size_t flushed_bytes; /* of pending */
    uint64_t appended;    /* log sequence number */
    uint64_t quiet;       /* no callback up to this one */
    unsigned waiters;     /* on moved */
    int trouble;          /* as told by space */
    bool needs_segment;   /* the log thread waits for the next one */
    bool stop;
    /* Atomic: the log thread stores (release) under lock, everybody loads (acquire). */
    _Atomic uint64_t durable;
    struct wal_figures figures; /* the log thread writes, everybody reads */
    /* Log thread only. */
    struct buf writing;
    size_t written; /* of it */
    struct segment segment;
    struct wal_tail tail;
    bool dropping; /* closing without room */
};

/* Gives the records at the front of the N bytes at REC their place in the present segment, as many
 * as fit. Returns their bytes and counts them. */
static size_t place_records(struct wal *w, uint8_t *rec, size_t n, uint64_t *count)
{
    struct segment *s = &w->segment;
    uint64_t batch = s->at;
    size_t done = 0;
    while (done < n) {
        size_t bytes = record_encoded_bytes(rec + done);
        /* One that is larger than any segment makes its own longer. */
        if (s->at + bytes > s->bytes && s->at > SEGMENT_HEAD_BYTES)
            break;
        s->prev = record_seal(rec + done, s->salt, s->prev, (uint32_t)batch, (uint32_t)s->at);
        struct wal_record r;
        record_decode(rec + done, &r);
        wal_tail_move(&w->tail, &r);
        s->at += bytes;
        done += bytes;
        (*count)++;
    }
    return done;
}

static void tell_waiters_locked(struct wal *w)
{
    if (w->waiters > 0)
        pthread_cond_broadcast(&w->moved);
}

static void need_segment(struct wal *w, bool needed)
{
    pthread_mutex_lock(&w->lock);
    w->needs_segment = needed;
    tell_waiters_locked(w);
    pthread_mutex_unlock(&w->lock);
}

/* Spare's thread. */
static void on_space(void *ctx, int trouble)
{
    struct wal *w = ctx;
    pthread_mutex_lock(&w->lock);
    w->trouble = trouble;
    tell_waiters_locked(w);
    pthread_mutex_unlock(&w->lock);
    if (w->conf.space != NULL)
        w->conf.space(w->conf.ctx, trouble);
}

/* Goes on in the segment made ahead. It gets its name with the first write that is durable in it.
 */
static int next_segment(struct wal *w)
{
    const struct diskio *io = w->conf.io;
    struct segment next = {.sequence = w->segment.sequence + 1, .temporary = true};
    next.bytes = segment_bytes(w->conf.segment_bytes, next.sequence);
    need_segment(w, true);
    next.fd = spare_take(w->spare, next.sequence);
    if (next.fd != -EAGAIN)
        need_segment(w, false);
    if (next.fd < 0)
        return next.fd;
    next.path = segment_temporary_path(w->dir, next.sequence);
    struct segment_head head = {.cluster_id = w->conf.cluster_id,
                                .member_id = w->conf.member_id,
                                .prev = w->segment.prev,
                                .tail = w->tail};
    int rv = segment_begin(io, &next, &head);
    if (rv < 0)
        disk_die(next.path, "write", rv);
    io->close(io->ctx, w->segment.fd);
    mem_free(w->segment.path);
    w->segment = next;
    return 0;
}

static void report(struct wal *w, uint64_t count)
{
    pthread_mutex_lock(&w->lock);
    uint64_t lsn = atomic_load_explicit(&w->durable, memory_order_relaxed) + count;
    atomic_store_explicit(&w->durable, lsn, memory_order_release);
    bool quiet = lsn <= w->quiet;
    tell_waiters_locked(w);
    pthread_mutex_unlock(&w->lock);
    if (!quiet && w->conf.durable != NULL)
        w->conf.durable(w->conf.ctx, lsn);
}

/* Writes N bytes of placed records, which end where the segment's records end now. */
static void write_durably(struct wal *w, const uint8_t *bytes, size_t n, uint64_t first_index)
{
    const struct diskio *io = w->conf.io;
    struct segment *s = &w->segment;
    int rv = io->pwrite(io->ctx, s->fd, bytes, n, s->at - n);
    if (rv < 0)
        disk_die(s->path, "write", rv);
    uint64_t begin_ns = clock_mono_ns(&clock_system);
    rv = io->datasync(io->ctx, s->fd);
    if (rv < 0)
        disk_die(s->path, "sync", rv);
    histogram_note(&w->figures.sync, clock_mono_ns(&clock_system) - begin_ns);
    metric_count(&w->figures.written_bytes, n);
    if (s->temporary) {
        rv = segment_publish(io, w->dir, s, first_index);
        if (rv < 0)
            disk_die(s->path, "rename", rv);
        kept_add(&w->kept, s->sequence, first_index);
    }
}

/* The next segment is made when a quarter of this one is used, and twice as fast as the rest of it
 * fills; behind a short one, which is full sooner, when it is clear that there is more to come than
 * what every start writes. */
static void want_next(struct wal *w)
{
    const struct segment *s = &w->segment;
    uint64_t begin = s->bytes / (s->bytes < w->conf.segment_bytes ? 16 : 4);
    if (s->at < begin)
        return;
    uint64_t due = (s->at - begin) * 2 * SEGMENT_DUE_ALL / (s->bytes - begin);
    spare_want(w->spare, s->sequence + 1, w->conf.stepped ? SEGMENT_DUE_ALL : (unsigned)due);
}

/* Writes what was taken. False: there is no room for the rest of it, try again. */
static bool write_batch(struct wal *w)
{
    while (w->written < w->writing.len && !w->dropping) {
        uint64_t count = 0, first_index = w->tail.last_index + 1;
        uint8_t *bytes = (uint8_t *)w->writing.ptr + w->written;
        size_t done = place_records(w, bytes, w->writing.len - w->written, &count);
        if (done > 0) {
            write_durably(w, bytes, done, first_index);
            w->written += done;
            report(w, count);
        }
        int rv = w->written < w->writing.len ? next_segment(w) : 0;
        if (rv == -EAGAIN)
            return false;
        if (rv < 0) {
            log_error("wal.closed_without_room", LOG_S("dir", w->dir),
                      LOG_U("bytes", w->writing.len - w->written));
            w->dropping = true;
        }
    }
    want_next(w);
    w->written = 0;
    buf_clear(&w->writing);
    if (w->writing.cap > BUFFER_KEPT_BYTES)
        buf_fini(&w->writing);
    return true;
}

/* Takes what was flushed; what was appended since stays pending. */
static void take_locked(struct wal *w)
{
    struct buf taken = w->pending;
    w->pending = w->writing;
    buf_add(&w->pending, taken.ptr + w->flushed_bytes, taken.len - w->flushed_bytes);
    taken.len = w->flushed_bytes;
    w->writing = taken;
    w->flushed_bytes = 0;
    tell_waiters_locked(w);
}

bool wal_step(struct wal *w)
{
    if (w->writing.len == 0) {
        pthread_mutex_lock(&w->lock);
        if (w->flushed_bytes > 0)
            take_locked(w);
        pthread_mutex_unlock(&w->lock);
    }
    return w->writing.len > 0 && write_batch(w);
}

bool wal_spare_step(struct wal *w)
{
    return spare_step(w->spare);
}

/* Gives false at the end. */
static bool wait_for_work(struct wal *w)
{
    pthread_mutex_lock(&w->lock);
    while (w->flushed_bytes == 0 && !w->stop)
        pthread_cond_wait(&w->work, &w->lock);
    bool any = w->flushed_bytes > 0;
    pthread_mutex_unlock(&w->lock);
    return any;
}

static void *wal_main(void *arg)
{
    while (wait_for_work(arg))
        (void)wal_step(arg);
    return NULL;
}

/* The first segment of a new log. */
static int make_first(struct wal *w, struct err *e)
{
    const struct diskio *io = w->conf.io;
    struct segment *s = &w->segment;
    s->sequence = 1;
    s->temporary = true;
    s->path = segment_temporary_path(w->dir, s->sequence);
    s->bytes = segment_bytes(w->conf.segment_bytes, s->sequence);
    s->fd = segment_make(io, w->dir, s->sequence, s->bytes, NULL);
    if (s->fd < 0)
        return err_sys(e, -s->fd, "make %s", s->path);
    struct segment_head head = {.cluster_id = w->conf.cluster_id, .member_id = w->conf.member_id};
    int rv = segment_begin(io, s, &head);
    if (rv == 0)
        rv = io->datasync(io->ctx, s->fd);
    if (rv == 0)
        rv = segment_publish(io, w->dir, s, 1);
    if (rv < 0)
        return err_sys(e, -rv, "write %s", s->path);
    kept_add(&w->kept, s->sequence, 1);
    return 0;
}

static void wal_free(struct wal *w)
{
    if (w->segment.fd >= 0)
        w->conf.io->close(w->conf.io->ctx, w->segment.fd);
    mem_free(w->segment.path);
    buf_fini(&w->pending);
    buf_fini(&w->writing);
    pthread_cond_destroy(&w->moved);
    pthread_cond_destroy(&w->work);
    pthread_mutex_destroy(&w->lock);
    kept_fini(&w->kept);
    mem_free(w->dir);
    mem_free(w);
}

static int start_threads(struct wal *w, struct err *e)
{
    struct spare_conf sc = {.dir = w->dir,
                            .io = w->conf.io,
                            .kept = &w->kept,
                            .segment_bytes = w->conf.segment_bytes,
                            .stepped = w->conf.stepped,
                            .space = on_space,
                            .ctx = w};
    int rv = spare_start(&w->spare, &sc, e);
    if (rv < 0)
        return rv;
    want_next(w);
    if (w->conf.stepped)
        return 0;
    int errnum = pthread_create(&w->thread, NULL, wal_main, w);
    if (errnum != 0) {
        spare_stop(w->spare);
        return err_sys(e, errnum, "start a thread");
    }
    pthread_setname_np(w->thread, "wal");
    return 0;
}

int wal_open(struct wal **out, const struct wal_conf *conf, struct wal_info *info, struct err *e)
{
    struct wal *w = mem_zalloc(sizeof(*w));
    w->conf = *conf;
    if (w->conf.segment_bytes == 0)
        w->conf.segment_bytes = WAL_SEGMENT_BYTES;
    CP_ASSERT(w->conf.segment_bytes >= 4096 && w->conf.segment_bytes <= UINT64_C(1) << 30);
    w->dir = mem_strdup(conf->dir);
    w->conf.dir = w->dir;
    w->segment.fd = -1;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->work, NULL);
    pthread_cond_init(&w->moved, NULL);
    kept_init(&w->kept);

    struct wal_info found;
    struct replay_result replayed;
    int rv = replay_log(&w->conf, &w->kept, &replayed, &found, e);
    if (rv < 0)
        goto fail;
    w->segment = replayed.last;
    if (!found.fresh)
        w->segment.bytes = segment_bytes(w->conf.segment_bytes, w->segment.sequence);
    w->tail = replayed.tail;
    w->conf.cluster_id = found.cluster_id;
    w->conf.member_id = found.member_id;
    if (found.fresh)
        rv = make_first(w, e);
    if (rv == 0)
        rv = start_threads(w, e);
    if (rv < 0)
        goto fail;
    if (info != NULL)
        *info = found;
    *out = w;
    return 0;
fail:
    wal_free(w);
    if (e != NULL)
        err_wrap(e, "open the log");
    return rv;
}

/* Until the log thread has taken a buffer, or made one durable. */
static void wait_moved_locked(struct wal *w)
{
    if (w->conf.stepped) {
        pthread_mutex_unlock(&w->lock);
        (void)wal_step(w);
        pthread_mutex_lock(&w->lock);
        return;
    }
    w->waiters++;
    pthread_cond_wait(&w->moved, &w->lock);
    w->waiters--;
}

/* Returns whether the log thread has to be woken. */
static bool flush_locked(struct wal *w)
{
    bool wake = w->flushed_bytes == 0 && w->pending.len > 0;
    w->flushed_bytes = w->pending.len;
    return wake;
}

void wal_close(struct wal *w)
{
    spare_give_up(w->spare);
    pthread_mutex_lock(&w->lock);
    flush_locked(w);
    w->stop = true;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->lock);
    if (w->conf.stepped)
        while (wal_step(w))
            continue;
    else
        pthread_join(w->thread, NULL);
    spare_stop(w->spare);
    wal_free(w);
}

uint64_t wal_append(struct wal *w, const struct wal_record *r)
{
    pthread_mutex_lock(&w->lock);
    while (w->pending.len >= WAL_PENDING_BYTES) {
        if (flush_locked(w))
            pthread_cond_signal(&w->work);
        wait_moved_locked(w);
    }
    record_encode(&w->pending, r);
    uint64_t lsn = ++w->appended;
    pthread_mutex_unlock(&w->lock);
    return lsn;
}

size_t wal_pending(struct wal *w)
{
    pthread_mutex_lock(&w->lock);
    size_t bytes = w->pending.len;
    pthread_mutex_unlock(&w->lock);
    return bytes;
}

void wal_flush(struct wal *w)
{
    pthread_mutex_lock(&w->lock);
    bool wake = flush_locked(w);
    pthread_mutex_unlock(&w->lock);
    /* Outside the lock, which is the first thing the woken thread asks for. */
    if (wake)
        pthread_cond_signal(&w->work);
}

static int sync_all(struct wal *w, bool patient)
{
    int rv = 0;
    pthread_mutex_lock(&w->lock);
    if (flush_locked(w))
        pthread_cond_signal(&w->work);
    w->quiet = w->appended;
    while (rv == 0 && wal_durable(w) < w->quiet) {
        wait_moved_locked(w);
        if (!patient && w->needs_segment)
            rv = w->trouble;
    }
    pthread_mutex_unlock(&w->lock);
    return rv;
}

void wal_sync(struct wal *w)
{
    (void)sync_all(w, true);
}

int wal_sync_start(struct wal *w)
{
    return sync_all(w, false);
}

uint64_t wal_durable(const struct wal *w)
{
    return atomic_load_explicit(&w->durable, memory_order_acquire);
}

const struct wal_figures *wal_figures(const struct wal *w)
{
    return &w->figures;
}

void wal_purge(struct wal *w, uint64_t index)
{
    spare_purge(w->spare, index);
}
