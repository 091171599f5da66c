#include "disk/snapfile.h"

#include "base/buf.h"
#include "base/mem.h"
#include "disk/name.h"
#include "disk/pace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Written between two syncs at full speed. */
#define SYNC_STEP_BYTES ((uint64_t)2 << 20)
#define ID_CHARS        33 /* of a name: index, '-', term */

static char *path_with(const char *dir, struct snapfile_id id, const char *suffix)
{
    struct buf b = {0};
    buf_printf(&b, "%s/%016" PRIx64 "-%016" PRIx64 "%s", dir, id.index, id.term, suffix);
    char *path = mem_strdup(buf_cstr(&b));
    buf_fini(&b);
    return path;
}

static bool parse_with(const char *name, struct snapfile_id *id, const char *suffix)
{
    return strlen(name) > ID_CHARS && name_parse_hex(name, &id->index) && name[16] == '-' &&
           name_parse_hex(name + 17, &id->term) && strcmp(name + ID_CHARS, suffix) == 0;
}

char *snapfile_path(const char *dir, struct snapfile_id id)
{
    return path_with(dir, id, ".jsonl");
}

struct finding {
    const char *suffix;
    struct snapfile_list *list;
    size_t cap;
};

static int on_name(void *arg, const char *name)
{
    struct finding *f = arg;
    struct snapfile_id id;
    if (!parse_with(name, &id, f->suffix))
        return 0;
    if (f->list->n == f->cap) {
        f->cap = f->cap * 2 + 8;
        f->list->v = mem_realloc(f->list->v, f->cap * sizeof(*f->list->v));
    }
    f->list->v[f->list->n++] = id;
    return 0;
}

static int newest_first(const void *a, const void *b)
{
    const struct snapfile_id *x = a, *y = b;
    if (x->index != y->index)
        return x->index < y->index ? 1 : -1;
    return (x->term < y->term) - (x->term > y->term);
}

static int find(const struct diskio *io, const char *dir, const char *suffix,
                struct snapfile_list *out, struct err *e)
{
    *out = (struct snapfile_list){0};
    struct finding f = {.suffix = suffix, .list = out};
    int rv = io->list(io->ctx, dir, on_name, &f);
    if (rv == -ENOENT)
        rv = 0;
    if (rv < 0)
        return err_sys(e, -rv, "list %s", dir);
    if (out->n > 0)
        qsort(out->v, out->n, sizeof(*out->v), newest_first);
    return 0;
}

int snapfile_find(const struct diskio *io, const char *dir, struct snapfile_list *out,
                  struct err *e)
{
    return find(io, dir, ".jsonl", out, e);
}

void snapfile_list_fini(struct snapfile_list *list)
{
    mem_free(list->v);
    *list = (struct snapfile_list){0};
}

static int sync_dir(const struct diskio *io, const char *dir, struct err *e)
{
    int rv = io->sync_dir(io->ctx, dir);
    return rv < 0 ? err_sys(e, -rv, "sync directory %s", dir) : 0;
}

/* Removes all of LIST but the first KEEP, the oldest first. */
static int remove_behind(const struct diskio *io, const char *dir, const char *suffix,
                         const struct snapfile_list *list, size_t keep, struct err *e)
{
    int rv = 0;
    for (size_t i = list->n; rv == 0 && i > keep; i--) {
        char *path = path_with(dir, list->v[i - 1], suffix);
        rv = io->unlink(io->ctx, path);
        if (rv == -ENOENT)
            rv = 0; /* somebody else has */
        if (rv < 0)
            err_sys(e, -rv, "remove %s", path);
        mem_free(path);
    }
    return rv;
}

int snapfile_clean(const struct diskio *io, const char *dir, struct err *e)
{
    struct snapfile_list list;
    int rv = find(io, dir, ".tmp", &list, e);
    if (rv == 0)
        rv = remove_behind(io, dir, ".tmp", &list, 0, e);
    snapfile_list_fini(&list);
    /* The process before may have ended between the rename of a snapshot and the sync of it. */
    return rv == 0 ? sync_dir(io, dir, e) : rv;
}

int snapfile_purge(const struct diskio *io, const char *dir, size_t keep, struct err *e)
{
    struct snapfile_list list;
    int rv = snapfile_find(io, dir, &list, e);
    bool any = list.n > keep;
    if (rv == 0)
        rv = remove_behind(io, dir, ".jsonl", &list, keep, e);
    snapfile_list_fini(&list);
    return rv == 0 && any ? sync_dir(io, dir, e) : rv;
}

int snapfile_set_aside(const struct diskio *io, const char *dir, struct snapfile_id id,
                       struct err *e)
{
    char *path = snapfile_path(dir, id), *bad = path_with(dir, id, ".bad");
    int rv = io->rename(io->ctx, path, bad);
    if (rv < 0)
        err_sys(e, -rv, "rename %s to %s", path, bad);
    mem_free(path);
    mem_free(bad);
    return rv == 0 ? sync_dir(io, dir, e) : rv;
}

struct snapfile_writer {
    const struct diskio *io;
    const char *dir;
    char *path, *temporary; /* owned */
    int fd;
    struct buf gathered; /* not written yet */
    uint64_t at;         /* written to the file */
    uint64_t synced;
    bool gentle;
    struct pace pace;        /* gentle */
    const atomic_bool *stop; /* or NULL */
};

static void writer_free(struct snapfile_writer *w)
{
    if (w->fd >= 0)
        w->io->close(w->io->ctx, w->fd);
    buf_fini(&w->gathered);
    mem_free(w->path);
    mem_free(w->temporary);
    mem_free(w);
}

int snapfile_begin(struct snapfile_writer **out, const struct diskio *io, const char *dir,
                   struct snapfile_id id, struct err *e)
{
    struct snapfile_writer *w = mem_zalloc(sizeof(*w));
    w->io = io;
    w->dir = dir;
    w->path = snapfile_path(dir, id);
    w->temporary = path_with(dir, id, ".tmp");
    *out = NULL;
    w->fd = io->open(io->ctx, w->temporary, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (w->fd < 0) {
        int rv = err_sys(e, -w->fd, "make %s", w->temporary);
        writer_free(w);
        return rv;
    }
    *out = w;
    return 0;
}

static int sync_file(struct snapfile_writer *w, struct err *e)
{
    int rv = w->io->datasync(w->io->ctx, w->fd);
    if (rv < 0)
        return err_sys(e, -rv, "sync %s", w->temporary);
    w->synced = w->at;
    return 0;
}

void snapfile_be_gentle(struct snapfile_writer *w)
{
    w->gentle = true;
    pace_begin(&w->pace);
}

void snapfile_stop_by(struct snapfile_writer *w, const atomic_bool *stop)
{
    w->stop = stop;
}

static int look_at_stop(const struct snapfile_writer *w, struct err *e)
{
    if (w->stop == NULL || !atomic_load(w->stop))
        return 0;
    return err_set(e, ERR_STOPPED, "write %s: broken off", w->temporary);
}

static int put_step(struct snapfile_writer *w, const char *bytes, size_t n, struct err *e)
{
    const uint64_t sync_bytes = w->gentle ? PACE_SYNC_BYTES : SYNC_STEP_BYTES;
    int rv = look_at_stop(w, e);
    if (rv < 0)
        return rv;
    pace_step(&w->pace);
    rv = w->io->pwrite(w->io->ctx, w->fd, bytes, n, w->at);
    if (rv < 0)
        return err_sys(e, -rv, "write %s", w->temporary);
    if (w->gentle)
        w->io->push(w->io->ctx, w->fd, w->at, n);
    w->at += n;
    rv = w->at - w->synced >= sync_bytes ? sync_file(w, e) : 0;
    if (rv == 0 && w->gentle && n >= PACE_STEP_BYTES)
        pace_rest(&w->pace);
    return rv;
}

static int put(struct snapfile_writer *w, const void *bytes, size_t n, struct err *e)
{
    const char *p = bytes;
    size_t step = w->gentle ? PACE_STEP_BYTES : SYNC_STEP_BYTES;
    int rv = 0;
    while (rv == 0 && n > 0) {
        size_t k = n < 2 * step ? n : step; /* no small rest */
        rv = put_step(w, p, k, e);
        p += k;
        n -= k;
    }
    return rv;
}

static int put_gathered(struct snapfile_writer *w, struct err *e)
{
    int rv = put(w, w->gathered.ptr, w->gathered.len, e);
    buf_clear(&w->gathered);
    return rv;
}

int snapfile_write(struct snapfile_writer *w, const void *bytes, size_t n, struct err *e)
{
    if (w->gathered.len + n < PACE_STEP_BYTES) {
        buf_add(&w->gathered, bytes, n);
        return 0;
    }
    int rv = put_gathered(w, e);
    return rv == 0 ? put(w, bytes, n, e) : rv;
}

uint64_t snapfile_written(const struct snapfile_writer *w)
{
    return w->at + w->gathered.len;
}

int snapfile_commit(struct snapfile_writer **wp, struct err *e)
{
    struct snapfile_writer *w = *wp;
    const struct diskio *io = w->io;
    int rv = put_gathered(w, e);
    if (rv == 0)
        rv = look_at_stop(w, e);
    if (rv == 0)
        rv = sync_file(w, e);
    if (rv == 0) {
        rv = io->rename(io->ctx, w->temporary, w->path);
        if (rv < 0)
            err_sys(e, -rv, "rename %s to %s", w->temporary, w->path);
    }
    if (rv < 0) {
        snapfile_abort(wp);
        return rv;
    }
    rv = sync_dir(io, w->dir, e);
    writer_free(w);
    *wp = NULL;
    return rv;
}

void snapfile_abort(struct snapfile_writer **wp)
{
    struct snapfile_writer *w = *wp;
    if (w == NULL)
        return;
    /* If this fails too, the next start removes it. */
    w->io->unlink(w->io->ctx, w->temporary);
    writer_free(w);
    *wp = NULL;
}

struct snapfile_reader {
    const struct diskio *io;
    char *path; /* owned */
    int fd;
    uint64_t bytes;
};

int snapfile_open(struct snapfile_reader **out, const struct diskio *io, const char *dir,
                  struct snapfile_id id, struct err *e)
{
    struct snapfile_reader *r = mem_zalloc(sizeof(*r));
    int rv;
    r->io = io;
    r->path = snapfile_path(dir, id);
    *out = NULL;
    r->fd = io->open(io->ctx, r->path, O_RDONLY, 0);
    if (r->fd < 0) {
        rv = err_sys(e, -r->fd, "open %s", r->path);
        goto free_reader;
    }
    rv = io->size(io->ctx, r->fd, &r->bytes);
    if (rv < 0) {
        err_sys(e, -rv, "read the size of %s", r->path);
        goto close_fd;
    }
    *out = r;
    return 0;
close_fd:
    io->close(io->ctx, r->fd);
free_reader:
    mem_free(r->path);
    mem_free(r);
    return rv;
}

const char *snapfile_name(const struct snapfile_reader *r)
{
    return r->path;
}

uint64_t snapfile_bytes(const struct snapfile_reader *r)
{
    return r->bytes;
}

int snapfile_read(const struct snapfile_reader *r, uint64_t at, void *bytes, size_t n,
                  struct err *e)
{
    CP_ASSERT(at <= r->bytes && n <= r->bytes - at);
    ssize_t k = r->io->pread(r->io->ctx, r->fd, bytes, n, at);
    if (k < 0)
        return err_sys(e, (int)-k, "read %s", r->path);
    if ((size_t)k < n)
        return err_set(e, ERR_CORRUPT, "%s: became shorter while it was read", r->path);
    return 0;
}

void snapfile_close(struct snapfile_reader *r)
{
    r->io->close(r->io->ctx, r->fd);
    mem_free(r->path);
    mem_free(r);
}
