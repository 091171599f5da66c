#include "gate.h"

#include "base/check.h"

#include <string.h>

const char *gate_call_name(unsigned call)
{
    static const char *const names[GATE_KINDS] = {
        [FAULT_OPEN] = "open",         [FAULT_PWRITE] = "pwrite",     [FAULT_ALLOCATE] = "allocate",
        [FAULT_TRUNCATE] = "truncate", [FAULT_DATASYNC] = "datasync", [FAULT_RENAME] = "rename",
        [FAULT_UNLINK] = "unlink",     [FAULT_SYNC_DIR] = "sync_dir", [GATE_PREAD] = "pread",
        [GATE_SIZE] = "size",          [GATE_LIST] = "list"};
    return names[call];
}

static bool is_snap(const char *path)
{
    return strstr(path, "/snap") != NULL;
}

static bool remembered(struct gate *g, int fd)
{
    pthread_mutex_lock(&g->lock);
    bool snap = fd >= 0 && fd < GATE_FD_MAX && g->snap[fd];
    pthread_mutex_unlock(&g->lock);
    return snap;
}

/* Lets a call in; negative: fail so. */
static int enter(struct gate *g, unsigned call, bool snap)
{
    int rv = 0;
    pthread_rwlock_rdlock(&g->open);
    pthread_mutex_lock(&g->lock);
    struct gate_plan *p = &g->plan;
    if (p->trouble != GATE_NONE && p->call == call &&
        (p->where == GATE_ANY || (p->where == GATE_SNAP) == snap) && (g->met || --p->n == 0)) {
        if (p->trouble == GATE_POWER && !g->met)
            faultio_power_off_at(g->files, 1); /* during this very call */
        else if (p->trouble == GATE_FAIL_ON || (p->trouble == GATE_FAIL_ONCE && !g->met))
            rv = -p->errnum;
        g->met = true;
    }
    pthread_mutex_unlock(&g->lock);
    return rv;
}

static int leave(struct gate *g, int rv)
{
    pthread_rwlock_unlock(&g->open);
    return rv;
}

static int gate_open(void *ctx, const char *path, int flags, mode_t mode)
{
    struct gate *g = ctx;
    int rv = enter(g, FAULT_OPEN, is_snap(path));
    if (rv == 0)
        rv = g->below.open(g->below.ctx, path, flags, mode);
    CP_ASSERT(rv < GATE_FD_MAX);
    if (rv >= 0) {
        pthread_mutex_lock(&g->lock);
        g->snap[rv] = is_snap(path);
        pthread_mutex_unlock(&g->lock);
    }
    return leave(g, rv);
}

static int gate_shut(void *ctx, int fd)
{
    struct gate *g = ctx;
    pthread_rwlock_rdlock(&g->open);
    return leave(g, g->below.close(g->below.ctx, fd));
}

/* A write that fails may have written a part. */
static int gate_pwrite(void *ctx, int fd, const void *bytes, size_t n, uint64_t at)
{
    struct gate *g = ctx;
    int rv = enter(g, FAULT_PWRITE, remembered(g, fd));
    if (rv < 0)
        (void)g->below.pwrite(g->below.ctx, fd, bytes, n / 2, at);
    else
        rv = g->below.pwrite(g->below.ctx, fd, bytes, n, at);
    return leave(g, rv);
}

static ssize_t gate_pread(void *ctx, int fd, void *bytes, size_t n, uint64_t at)
{
    struct gate *g = ctx;
    ssize_t k = enter(g, GATE_PREAD, remembered(g, fd));
    if (k == 0)
        k = g->below.pread(g->below.ctx, fd, bytes, n, at);
    leave(g, 0);
    return k;
}

static int gate_allocate(void *ctx, int fd, uint64_t bytes)
{
    struct gate *g = ctx;
    int rv = enter(g, FAULT_ALLOCATE, remembered(g, fd));
    return leave(g, rv < 0 ? rv : g->below.allocate(g->below.ctx, fd, bytes));
}

static int gate_truncate(void *ctx, int fd, uint64_t bytes)
{
    struct gate *g = ctx;
    int rv = enter(g, FAULT_TRUNCATE, remembered(g, fd));
    return leave(g, rv < 0 ? rv : g->below.truncate(g->below.ctx, fd, bytes));
}

static int gate_size(void *ctx, int fd, uint64_t *bytes)
{
    struct gate *g = ctx;
    int rv = enter(g, GATE_SIZE, remembered(g, fd));
    return leave(g, rv < 0 ? rv : g->below.size(g->below.ctx, fd, bytes));
}

/* A sync that fails takes the sectors for clean, as Linux does; what they hold is lost with the
 * power. */
static int gate_datasync(void *ctx, int fd)
{
    struct gate *g = ctx;
    int rv = enter(g, FAULT_DATASYNC, remembered(g, fd));
    pthread_mutex_lock(&g->sync);
    if (rv < 0) {
        faultio_lie(g->files, true);
        (void)g->below.datasync(g->below.ctx, fd);
        faultio_lie(g->files, false);
    } else {
        rv = g->below.datasync(g->below.ctx, fd);
    }
    pthread_mutex_unlock(&g->sync);
    return leave(g, rv);
}

static int gate_rename(void *ctx, const char *from, const char *to)
{
    struct gate *g = ctx;
    int rv = enter(g, FAULT_RENAME, is_snap(from));
    return leave(g, rv < 0 ? rv : g->below.rename(g->below.ctx, from, to));
}

static int gate_unlink(void *ctx, const char *path)
{
    struct gate *g = ctx;
    int rv = enter(g, FAULT_UNLINK, is_snap(path));
    return leave(g, rv < 0 ? rv : g->below.unlink(g->below.ctx, path));
}

static int gate_sync_dir(void *ctx, const char *dir)
{
    struct gate *g = ctx;
    int rv = enter(g, FAULT_SYNC_DIR, is_snap(dir));
    return leave(g, rv < 0 ? rv : g->below.sync_dir(g->below.ctx, dir));
}

/* Without power nothing is there: an unlink that changes nothing would be asked for again and
 * again.
 */
static int gate_list(void *ctx, const char *dir, int (*each)(void *arg, const char *name),
                     void *arg)
{
    struct gate *g = ctx;
    int rv = enter(g, GATE_LIST, is_snap(dir));
    if (rv == 0 && !faultio_is_off(g->files))
        rv = g->below.list(g->below.ctx, dir, each, arg);
    return leave(g, rv);
}

void gate_init(struct gate *g, struct faultio *files)
{
    *g = (struct gate){.files = files, .below = faultio_io(files)};
    pthread_rwlock_init(&g->open, NULL);
    pthread_mutex_init(&g->lock, NULL);
    pthread_mutex_init(&g->sync, NULL);
}

void gate_fini(struct gate *g)
{
    pthread_rwlock_destroy(&g->open);
    pthread_mutex_destroy(&g->lock);
    pthread_mutex_destroy(&g->sync);
}

static void gate_push(void *ctx, int fd, uint64_t at, uint64_t n)
{
    struct gate *g = ctx;
    g->below.push(g->below.ctx, fd, at, n);
}

struct diskio gate_io(struct gate *g)
{
    return (struct diskio){.ctx = g,
                           .open = gate_open,
                           .close = gate_shut,
                           .pwrite = gate_pwrite,
                           .pread = gate_pread,
                           .allocate = gate_allocate,
                           .truncate = gate_truncate,
                           .size = gate_size,
                           .datasync = gate_datasync,
                           .push = gate_push,
                           .rename = gate_rename,
                           .unlink = gate_unlink,
                           .sync_dir = gate_sync_dir,
                           .list = gate_list};
}

void gate_set(struct gate *g, struct gate_plan plan)
{
    pthread_mutex_lock(&g->lock);
    g->plan = plan;
    g->met = false;
    pthread_mutex_unlock(&g->lock);
}

bool gate_met(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    bool met = g->met;
    pthread_mutex_unlock(&g->lock);
    return met;
}

void gate_close(struct gate *g)
{
    pthread_rwlock_wrlock(&g->open);
}
