#include "faultio.h"

#include "faultfile.h"

#include "base/check.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define OPEN_MAX 64
#define OFF_FD   (OPEN_MAX + 1) /* what open gives while the power is off */

/* A change of the directory that is not synced: PATH is to be FILE, NULL: nothing. Renames are two
 * with one number. */
struct change {
    char *path;
    struct faultfile *file;
    unsigned number;
};

struct faultio {
    pthread_mutex_t lock;
    uint64_t random;
    struct faultdir seen, held;
    struct change *changes;
    size_t n_changes, cap_changes;
    unsigned change_number;
    struct faultfile *open[OPEN_MAX];
    struct {
        unsigned in; /* 0: never */
        int errnum;
    } fail[FAULT_CALLS];
    bool lie, off;
    unsigned off_in;
    uint64_t space;
};

static void change_dir(struct faultio *f, const char *path, struct faultfile *file, unsigned number)
{
    faultdir_set(&f->seen, path, file);
    if (f->n_changes == f->cap_changes) {
        f->cap_changes = f->cap_changes * 2 + 16;
        f->changes = mem_realloc(f->changes, f->cap_changes * sizeof(*f->changes));
    }
    if (file != NULL)
        file->names++;
    f->changes[f->n_changes++] = (struct change){mem_strdup(path), file, number};
}

static bool is_in(const char *path, const char *dir)
{
    size_t n = strlen(dir);
    return strncmp(path, dir, n) == 0 && path[n] == '/' && strchr(path + n + 1, '/') == NULL;
}

/* Makes the changes up to NUMBER in DIR (NULL: anywhere) durable and forgets all others there. */
static void settle_changes(struct faultio *f, const char *dir, unsigned number)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->n_changes; i++) {
        struct change *c = &f->changes[i];
        if (dir != NULL && !is_in(c->path, dir)) {
            f->changes[kept++] = *c;
            continue;
        }
        if (c->number <= number)
            faultdir_set(&f->held, c->path, c->file);
        mem_free(c->path);
        faultfile_release(c->file);
    }
    f->n_changes = kept;
}

/* Begins a changing call. 1: nothing is to happen, report success; negative: fail so. */
static int begin(struct faultio *f, enum fault_call call)
{
    pthread_mutex_lock(&f->lock);
    if (f->off)
        return 1;
    if (f->fail[call].in > 1)
        f->fail[call].in--;
    else if (f->fail[call].in == 1)
        return -f->fail[call].errnum;
    return 0;
}

/* Ends it: the power may fail now, so that the last call is one of those of which only a part
 * lasts. */
static int end(struct faultio *f, int rv)
{
    if (!f->off && f->off_in > 0 && --f->off_in == 0)
        f->off = true;
    pthread_mutex_unlock(&f->lock);
    return rv > 0 ? 0 : rv;
}

static int fault_open(void *ctx, const char *path, int flags, mode_t mode)
{
    struct faultio *f = ctx;
    (void)mode;
    int rv = begin(f, FAULT_OPEN);
    int fd = 0;
    if (rv != 0) {
        end(f, rv);
        return rv > 0 ? OFF_FD : rv;
    }
    struct faultfile **found = faultdir_find(&f->seen, path);
    struct faultfile *file = found != NULL ? *found : NULL;
    if (file == NULL && (flags & O_CREAT) == 0) {
        end(f, 0);
        return -ENOENT;
    }
    if (file != NULL && (flags & O_EXCL) != 0) {
        end(f, 0);
        return -EEXIST;
    }
    if (file == NULL) {
        file = mem_zalloc(sizeof(*file));
        faultfile_resize(file, 0);
        change_dir(f, path, file, ++f->change_number);
    } else if ((flags & O_TRUNC) != 0) {
        faultfile_resize(file, 0);
    }
    while (fd < OPEN_MAX && f->open[fd] != NULL)
        fd++;
    CP_ASSERT(fd < OPEN_MAX);
    f->open[fd] = file;
    file->names++;
    end(f, 0);
    return fd;
}

static int fault_close(void *ctx, int fd)
{
    struct faultio *f = ctx;
    pthread_mutex_lock(&f->lock);
    if (fd < OPEN_MAX) {
        CP_ASSERT(fd >= 0 && f->open[fd] != NULL);
        faultfile_release(f->open[fd]);
        f->open[fd] = NULL;
    }
    pthread_mutex_unlock(&f->lock);
    return 0;
}

static struct faultfile *file_of(struct faultio *f, int fd)
{
    CP_ASSERT(fd >= 0 && fd < OPEN_MAX && f->open[fd] != NULL);
    return f->open[fd];
}

/* Is there room for FILE to get LEN bytes? */
static bool has_space(struct faultio *f, const struct faultfile *file, uint64_t len)
{
    uint64_t sum = len;
    for (size_t i = 0; i < f->seen.n; i++)
        sum += f->seen.v[i].file == file ? 0 : f->seen.v[i].file->seen.len;
    return sum <= f->space || len <= file->seen.len;
}

static int fault_pwrite(void *ctx, int fd, const void *bytes, size_t n, uint64_t at)
{
    struct faultio *f = ctx;
    int rv = begin(f, FAULT_PWRITE);
    if (rv != 0 || n == 0)
        return end(f, rv);
    struct faultfile *file = file_of(f, fd);
    if (!has_space(f, file, at + n))
        return end(f, -ENOSPC);
    if (at + n > file->seen.len)
        faultfile_resize(file, at + n);
    memcpy(file->seen.bytes + at, bytes, n);
    memset(file->dirty + at / FAULT_SECTOR, 1, (at + n - 1) / FAULT_SECTOR - at / FAULT_SECTOR + 1);
    return end(f, 0);
}

static ssize_t fault_pread(void *ctx, int fd, void *bytes, size_t n, uint64_t at)
{
    struct faultio *f = ctx;
    pthread_mutex_lock(&f->lock);
    size_t k = 0;
    if (fd < OPEN_MAX) {
        const struct fault_content *c = &file_of(f, fd)->seen;
        if (at < c->len)
            k = c->len - at < n ? c->len - at : n;
        if (k > 0)
            memcpy(bytes, c->bytes + at, k);
    }
    pthread_mutex_unlock(&f->lock);
    return (ssize_t)k;
}

static int resize(struct faultio *f, int fd, uint64_t bytes, bool shrink, enum fault_call call)
{
    int rv = begin(f, call);
    if (rv != 0)
        return end(f, rv);
    struct faultfile *file = file_of(f, fd);
    if (!has_space(f, file, bytes))
        return end(f, -ENOSPC);
    if (shrink || bytes > file->seen.len)
        faultfile_resize(file, bytes);
    return end(f, 0);
}

static int fault_allocate(void *ctx, int fd, uint64_t bytes)
{
    return resize(ctx, fd, bytes, false, FAULT_ALLOCATE);
}

static int fault_truncate(void *ctx, int fd, uint64_t bytes)
{
    return resize(ctx, fd, bytes, true, FAULT_TRUNCATE);
}

static int fault_size(void *ctx, int fd, uint64_t *bytes)
{
    struct faultio *f = ctx;
    pthread_mutex_lock(&f->lock);
    *bytes = fd < OPEN_MAX ? file_of(f, fd)->seen.len : 0;
    pthread_mutex_unlock(&f->lock);
    return 0;
}

static int fault_datasync(void *ctx, int fd)
{
    struct faultio *f = ctx;
    int rv = begin(f, FAULT_DATASYNC);
    /* The power may fail in the middle of it: then nothing more than luck is promised. */
    if (rv != 0 || f->off_in == 1)
        return end(f, rv);
    struct faultfile *file = file_of(f, fd);
    if (!f->lie)
        fault_content_resize(&file->held, file->seen.len);
    for (size_t i = 0; i < FAULT_SECTORS(file->seen.len); i++) {
        if (file->dirty[i] && !f->lie)
            faultfile_hold(file, i);
        file->dirty[i] = 0;
    }
    return end(f, 0);
}

static void fault_push(void *ctx, int fd, uint64_t at, uint64_t n)
{
    (void)ctx;
    (void)fd;
    (void)at;
    (void)n;
}

static int fault_rename(void *ctx, const char *from, const char *to)
{
    struct faultio *f = ctx;
    int rv = begin(f, FAULT_RENAME);
    if (rv != 0)
        return end(f, rv);
    struct faultfile **file = faultdir_find(&f->seen, from);
    if (file == NULL)
        return end(f, -ENOENT);
    unsigned number = ++f->change_number;
    change_dir(f, to, *file, number);
    change_dir(f, from, NULL, number);
    return end(f, 0);
}

static int fault_unlink(void *ctx, const char *path)
{
    struct faultio *f = ctx;
    int rv = begin(f, FAULT_UNLINK);
    if (rv != 0)
        return end(f, rv);
    if (faultdir_find(&f->seen, path) == NULL)
        return end(f, -ENOENT);
    change_dir(f, path, NULL, ++f->change_number);
    return end(f, 0);
}

static int fault_sync_dir(void *ctx, const char *dir)
{
    struct faultio *f = ctx;
    int rv = begin(f, FAULT_SYNC_DIR);
    if (rv == 0 && f->off_in != 1)
        settle_changes(f, dir, f->change_number);
    return end(f, rv);
}

static int fault_list(void *ctx, const char *dir, int (*each)(void *arg, const char *name),
                      void *arg)
{
    struct faultio *f = ctx;
    size_t n = strlen(dir);
    int rv = 0;
    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; rv == 0 && i < f->seen.n; i++) {
        const char *path = f->seen.v[i].path;
        if (strncmp(path, dir, n) == 0 && path[n] == '/')
            rv = each(arg, path + n + 1);
    }
    pthread_mutex_unlock(&f->lock);
    return rv;
}

struct faultio *faultio_new(uint64_t seed)
{
    struct faultio *f = mem_zalloc(sizeof(*f));
    pthread_mutex_init(&f->lock, NULL);
    f->random = seed;
    f->space = UINT64_MAX;
    return f;
}

static void close_all(struct faultio *f)
{
    for (int fd = 0; fd < OPEN_MAX; fd++) {
        faultfile_release(f->open[fd]);
        f->open[fd] = NULL;
    }
}

void faultio_free(struct faultio *f)
{
    close_all(f);
    settle_changes(f, NULL, 0);
    faultdir_clear(&f->seen);
    faultdir_clear(&f->held);
    mem_free(f->changes);
    pthread_mutex_destroy(&f->lock);
    mem_free(f);
}

struct diskio faultio_io(struct faultio *f)
{
    return (struct diskio){.ctx = f,
                           .open = fault_open,
                           .close = fault_close,
                           .pwrite = fault_pwrite,
                           .pread = fault_pread,
                           .allocate = fault_allocate,
                           .truncate = fault_truncate,
                           .size = fault_size,
                           .datasync = fault_datasync,
                           .push = fault_push,
                           .rename = fault_rename,
                           .unlink = fault_unlink,
                           .sync_dir = fault_sync_dir,
                           .list = fault_list};
}

void faultio_fail(struct faultio *f, enum fault_call call, unsigned n, int errnum)
{
    pthread_mutex_lock(&f->lock);
    f->fail[call].in = n;
    f->fail[call].errnum = errnum;
    pthread_mutex_unlock(&f->lock);
}

void faultio_lie(struct faultio *f, bool on)
{
    pthread_mutex_lock(&f->lock);
    f->lie = on;
    pthread_mutex_unlock(&f->lock);
}

void faultio_space(struct faultio *f, uint64_t bytes)
{
    pthread_mutex_lock(&f->lock);
    f->space = bytes;
    pthread_mutex_unlock(&f->lock);
}

void faultio_space_left(struct faultio *f, uint64_t more)
{
    pthread_mutex_lock(&f->lock);
    f->space = more;
    for (size_t i = 0; i < f->seen.n; i++)
        f->space += f->seen.v[i].file->seen.len;
    pthread_mutex_unlock(&f->lock);
}

void faultio_power_off_at(struct faultio *f, unsigned n)
{
    pthread_mutex_lock(&f->lock);
    f->off_in = n;
    f->off = n == 0;
    pthread_mutex_unlock(&f->lock);
}

bool faultio_is_off(struct faultio *f)
{
    pthread_mutex_lock(&f->lock);
    bool off = f->off;
    pthread_mutex_unlock(&f->lock);
    return off;
}

void faultio_power_on(struct faultio *f, bool kept)
{
    pthread_mutex_lock(&f->lock);
    close_all(f);
    f->off = false;
    f->off_in = 0;
    if (!kept) {
        unsigned oldest = f->n_changes > 0 ? f->changes[0].number : f->change_number;
        settle_changes(
            f, NULL,
            oldest + (unsigned)(fault_random(&f->random) % (f->change_number - oldest + 2)) - 1);
        faultdir_clear(&f->seen);
        for (size_t i = 0; i < f->held.n; i++) {
            faultdir_set(&f->seen, f->held.v[i].path, f->held.v[i].file);
            faultfile_lose(f->held.v[i].file, &f->random);
        }
    }
    pthread_mutex_unlock(&f->lock);
}

uint8_t *faultio_bytes(struct faultio *f, const char *path, size_t *len)
{
    uint8_t *bytes = NULL;
    pthread_mutex_lock(&f->lock);
    struct faultfile **file = faultdir_find(&f->seen, path);
    if (file != NULL) {
        *len = (*file)->seen.len;
        bytes = (*file)->seen.bytes;
    }
    pthread_mutex_unlock(&f->lock);
    return bytes;
}

void faultio_put(struct faultio *f, const char *path, const void *bytes, size_t len)
{
    struct faultfile *file = mem_zalloc(sizeof(*file));
    faultfile_resize(file, len);
    fault_content_resize(&file->held, len);
    if (len > 0) {
        memcpy(file->seen.bytes, bytes, len);
        memcpy(file->held.bytes, bytes, len);
    }
    pthread_mutex_lock(&f->lock);
    faultdir_set(&f->seen, path, file);
    faultdir_set(&f->held, path, file);
    pthread_mutex_unlock(&f->lock);
}

void faultio_remove(struct faultio *f, const char *path)
{
    pthread_mutex_lock(&f->lock);
    char *copy = mem_strdup(path); /* may be that of the entry */
    faultdir_set(&f->seen, copy, NULL);
    faultdir_set(&f->held, copy, NULL);
    mem_free(copy);
    pthread_mutex_unlock(&f->lock);
}

size_t faultio_files(struct faultio *f)
{
    pthread_mutex_lock(&f->lock);
    size_t n = f->seen.n;
    pthread_mutex_unlock(&f->lock);
    return n;
}

static int by_path(const void *a, const void *b)
{
    const struct fault_entry *x = a, *y = b;
    return strcmp(x->path, y->path);
}

const char *faultio_path(struct faultio *f, size_t n)
{
    pthread_mutex_lock(&f->lock);
    qsort(f->seen.v, f->seen.n, sizeof(f->seen.v[0]), by_path);
    const char *path = n < f->seen.n ? f->seen.v[n].path : NULL;
    pthread_mutex_unlock(&f->lock);
    return path;
}
