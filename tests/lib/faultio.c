#include "faultio.h"

#include "base/check.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR     512u
#define FILES_MAX  512
#define OPEN_MAX   64
#define OFF_FD     (OPEN_MAX + 1) /* what open gives while the power is off */
#define SECTORS(n) (((n) + SECTOR - 1) / SECTOR)

struct content {
    uint8_t *bytes;
    size_t len, cap; /* zeros between len and cap */
};

struct file {
    struct content seen, held;
    uint8_t *dirty; /* a byte a sector of seen.cap */
    unsigned names; /* entries in either directory, descriptors */
};

struct entry {
    char *path;
    struct file *file;
};

struct directory {
    struct entry v[FILES_MAX];
    size_t n;
};

/* A change of the directory that is not synced: PATH is to be FILE, NULL: nothing. Renames are two
 * with one number. */
struct change {
    char *path;
    struct file *file;
    unsigned number;
};

struct faultio {
    pthread_mutex_t lock;
    uint64_t random;
    struct directory seen, held;
    struct change *changes;
    size_t n_changes, cap_changes;
    unsigned change_number;
    struct file *open[OPEN_MAX];
    struct {
        unsigned in; /* 0: never */
        int errnum;
    } fail[FAULT_CALLS];
    bool lie, off;
    unsigned off_in;
    uint64_t space;
};

static uint64_t next_random(struct faultio *f)
{
    /* splitmix64 */
    uint64_t z = f->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void file_release(struct file *file)
{
    if (file == NULL || --file->names > 0)
        return;
    mem_free(file->seen.bytes);
    mem_free(file->held.bytes);
    mem_free(file->dirty);
    mem_free(file);
}

static void content_resize(struct content *c, size_t len)
{
    if (len > c->cap) {
        size_t cap = (len + 2 * SECTOR) / SECTOR * SECTOR;
        c->bytes = mem_realloc(c->bytes, cap);
        memset(c->bytes + c->cap, 0, cap - c->cap);
        c->cap = cap;
    } else if (len < c->len) {
        memset(c->bytes + len, 0, c->len - len);
    }
    c->len = len;
}

static void file_resize(struct file *file, size_t len)
{
    size_t before = SECTORS(file->seen.cap);
    content_resize(&file->seen, len);
    size_t after = SECTORS(file->seen.cap);
    if (after > before || file->dirty == NULL) {
        file->dirty = mem_realloc(file->dirty, after + 1);
        memset(file->dirty + before, 0, after + 1 - before);
    }
}

/* Carries one sector of what is seen to the disk, as far as the disk's file is long. */
static void hold_sector(struct file *file, size_t sector)
{
    size_t from = sector * SECTOR;
    if (from >= file->held.len || from >= file->seen.cap)
        return;
    size_t n = file->held.len - from < SECTOR ? file->held.len - from : SECTOR;
    memcpy(file->held.bytes + from, file->seen.bytes + from, n);
}

static struct file **dir_find(struct directory *d, const char *path)
{
    for (size_t i = 0; i < d->n; i++) {
        if (strcmp(d->v[i].path, path) == 0)
            return &d->v[i].file;
    }
    return NULL;
}

static void dir_set(struct directory *d, const char *path, struct file *file)
{
    if (file != NULL)
        file->names++;
    for (size_t i = 0; i < d->n; i++) {
        if (strcmp(d->v[i].path, path) != 0)
            continue;
        file_release(d->v[i].file);
        d->v[i].file = file;
        if (file == NULL) {
            mem_free(d->v[i].path);
            d->v[i] = d->v[--d->n];
        }
        return;
    }
    if (file == NULL)
        return;
    CP_ASSERT(d->n < FILES_MAX);
    d->v[d->n++] = (struct entry){mem_strdup(path), file};
}

static void change_dir(struct faultio *f, const char *path, struct file *file, unsigned number)
{
    dir_set(&f->seen, path, file);
    if (f->n_changes == f->cap_changes) {
        f->cap_changes = f->cap_changes * 2 + 16;
        f->changes = mem_realloc(f->changes, f->cap_changes * sizeof(*f->changes));
    }
    if (file != NULL)
        file->names++;
    f->changes[f->n_changes++] = (struct change){mem_strdup(path), file, number};
}

/* Makes the changes up to NUMBER durable and forgets all others. */
static void settle_changes(struct faultio *f, unsigned number)
{
    for (size_t i = 0; i < f->n_changes; i++) {
        struct change *c = &f->changes[i];
        if (c->number <= number)
            dir_set(&f->held, c->path, c->file);
        mem_free(c->path);
        file_release(c->file);
    }
    f->n_changes = 0;
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
    struct file **found = dir_find(&f->seen, path);
    struct file *file = found != NULL ? *found : NULL;
    if (file == NULL && (flags & O_CREAT) == 0) {
        end(f, 0);
        return -ENOENT;
    }
    if (file == NULL) {
        file = mem_zalloc(sizeof(*file));
        file_resize(file, 0);
        change_dir(f, path, file, ++f->change_number);
    } else if ((flags & O_TRUNC) != 0) {
        file_resize(file, 0);
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
        file_release(f->open[fd]);
        f->open[fd] = NULL;
    }
    pthread_mutex_unlock(&f->lock);
    return 0;
}

static struct file *file_of(struct faultio *f, int fd)
{
    CP_ASSERT(fd >= 0 && fd < OPEN_MAX && f->open[fd] != NULL);
    return f->open[fd];
}

/* Is there room for FILE to get LEN bytes? */
static bool has_space(struct faultio *f, const struct file *file, uint64_t len)
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
    struct file *file = file_of(f, fd);
    if (!has_space(f, file, at + n))
        return end(f, -ENOSPC);
    if (at + n > file->seen.len)
        file_resize(file, at + n);
    memcpy(file->seen.bytes + at, bytes, n);
    memset(file->dirty + at / SECTOR, 1, (at + n - 1) / SECTOR - at / SECTOR + 1);
    return end(f, 0);
}

static ssize_t fault_pread(void *ctx, int fd, void *bytes, size_t n, uint64_t at)
{
    struct faultio *f = ctx;
    pthread_mutex_lock(&f->lock);
    size_t k = 0;
    if (fd < OPEN_MAX) {
        const struct content *c = &file_of(f, fd)->seen;
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
    struct file *file = file_of(f, fd);
    if (!has_space(f, file, bytes))
        return end(f, -ENOSPC);
    if (shrink || bytes > file->seen.len)
        file_resize(file, bytes);
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

static int fault_datasync(void *ctx, int fd)
{
    struct faultio *f = ctx;
    int rv = begin(f, FAULT_DATASYNC);
    /* The power may fail in the middle of it: then nothing more than luck is promised. */
    if (rv != 0 || f->off_in == 1)
        return end(f, rv);
    struct file *file = file_of(f, fd);
    if (!f->lie)
        content_resize(&file->held, file->seen.len);
    for (size_t i = 0; i < SECTORS(file->seen.len); i++) {
        if (file->dirty[i] && !f->lie)
            hold_sector(file, i);
        file->dirty[i] = 0;
    }
    return end(f, 0);
}

static int fault_rename(void *ctx, const char *from, const char *to)
{
    struct faultio *f = ctx;
    int rv = begin(f, FAULT_RENAME);
    if (rv != 0)
        return end(f, rv);
    struct file **file = dir_find(&f->seen, from);
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
    if (dir_find(&f->seen, path) == NULL)
        return end(f, -ENOENT);
    change_dir(f, path, NULL, ++f->change_number);
    return end(f, 0);
}

static int fault_sync_dir(void *ctx, const char *dir)
{
    struct faultio *f = ctx;
    (void)dir;
    int rv = begin(f, FAULT_SYNC_DIR);
    if (rv == 0 && f->off_in != 1)
        settle_changes(f, f->change_number);
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
        file_release(f->open[fd]);
        f->open[fd] = NULL;
    }
}

static void dir_clear(struct directory *d)
{
    while (d->n > 0) {
        mem_free(d->v[--d->n].path);
        file_release(d->v[d->n].file);
    }
}

void faultio_free(struct faultio *f)
{
    close_all(f);
    settle_changes(f, 0);
    dir_clear(&f->seen);
    dir_clear(&f->held);
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
                           .datasync = fault_datasync,
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

/* What the disk holds of FILE after the loss is what is seen from now on. */
static void lose(struct faultio *f, struct file *file)
{
    /* How likely a sector got through, in eighths: all, none and everything between should be seen.
     */
    uint64_t luck = next_random(f) % 9;
    if (file->seen.len != file->held.len && next_random(f) % 8 < luck)
        content_resize(&file->held, file->seen.len);
    for (size_t i = 0; i < SECTORS(file->seen.len); i++) {
        if (file->dirty[i] && next_random(f) % 8 < luck)
            hold_sector(file, i);
    }
    file_resize(file, 0);
    file_resize(file, file->held.len);
    if (file->held.len > 0)
        memcpy(file->seen.bytes, file->held.bytes, file->held.len);
    memset(file->dirty, 0, SECTORS(file->seen.cap));
}

void faultio_power_on(struct faultio *f, bool kept)
{
    pthread_mutex_lock(&f->lock);
    close_all(f);
    f->off = false;
    f->off_in = 0;
    if (!kept) {
        unsigned oldest = f->n_changes > 0 ? f->changes[0].number : f->change_number;
        settle_changes(f,
                       oldest + (unsigned)(next_random(f) % (f->change_number - oldest + 2)) - 1);
        dir_clear(&f->seen);
        for (size_t i = 0; i < f->held.n; i++) {
            dir_set(&f->seen, f->held.v[i].path, f->held.v[i].file);
            lose(f, f->held.v[i].file);
        }
    }
    pthread_mutex_unlock(&f->lock);
}

uint8_t *faultio_bytes(struct faultio *f, const char *path, size_t *len)
{
    uint8_t *bytes = NULL;
    pthread_mutex_lock(&f->lock);
    struct file **file = dir_find(&f->seen, path);
    if (file != NULL) {
        *len = (*file)->seen.len;
        bytes = (*file)->seen.bytes;
    }
    pthread_mutex_unlock(&f->lock);
    return bytes;
}

void faultio_put(struct faultio *f, const char *path, const void *bytes, size_t len)
{
    struct file *file = mem_zalloc(sizeof(*file));
    file_resize(file, len);
    content_resize(&file->held, len);
    if (len > 0) {
        memcpy(file->seen.bytes, bytes, len);
        memcpy(file->held.bytes, bytes, len);
    }
    pthread_mutex_lock(&f->lock);
    dir_set(&f->seen, path, file);
    dir_set(&f->held, path, file);
    pthread_mutex_unlock(&f->lock);
}

void faultio_remove(struct faultio *f, const char *path)
{
    pthread_mutex_lock(&f->lock);
    char *copy = mem_strdup(path); /* may be that of the entry */
    dir_set(&f->seen, copy, NULL);
    dir_set(&f->held, copy, NULL);
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
    const struct entry *x = a, *y = b;
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
