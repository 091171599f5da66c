#include "cluster/snapload.h"

#include "base/crc32c.h"
#include "base/mem.h"
#include "cluster/progress.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>

#define PIECE_BYTES    ((size_t)4 << 20)
#define END_BYTES_MAX  256 /* of the last line, newlines on both sides included */
#define END_BEGINS     "{\"end\":"
#define SEAL_BEGINS    ",\"crc32c\":\""
#define SEAL_ENDS      "\"}\n"
#define SEAL_HEX_BYTES 8u

struct source {
    const struct snapload *of;
    int fd;
    uint64_t size;
};

static int read_at(const struct source *f, uint64_t at, char *bytes, size_t n, struct err *e)
{
    for (size_t done = 0; done < n;) {
        ssize_t k = f->of->io->pread(f->of->io->ctx, f->fd, bytes + done, n - done, at + done);
        if (k < 0)
            return err_sys(e, (int)-k, "read");
        if (k == 0)
            return err_set(e, ERR_CORRUPT, "it has become shorter");
        done += (size_t)k;
    }
    return 0;
}

static bool is_stopped(const struct source *f)
{
    return f->of->stop != NULL && atomic_load(f->of->stop);
}

static int feed(struct load *load, const struct source *f, struct err *e)
{
    char *piece = mem_alloc(PIECE_BYTES);
    int rv = 0;
    struct progress progress;
    progress_begin(&progress, &clock_system, f->of->path);
    for (uint64_t at = 0; rv == 0 && at < f->size;) {
        (void)progress_note(&progress, at, f->size);
        size_t n = f->size - at < PIECE_BYTES ? (size_t)(f->size - at) : PIECE_BYTES;
        rv = read_at(f, at, piece, n, e);
        if (rv == 0 && is_stopped(f))
            rv = err_set(e, ERR_STOPPED, "broken off");
        if (rv == 0)
            rv = load_feed(load, span_make(piece, n), e);
        at += n;
    }
    mem_free(piece);
    return rv;
}

/* The checksum over the first N bytes. */
static int sum_up(const struct source *f, uint64_t n, uint32_t *sum, struct err *e)
{
    char *piece = mem_alloc(PIECE_BYTES);
    int rv = 0;
    *sum = 0;
    for (uint64_t at = 0; rv == 0 && at < n;) {
        size_t k = n - at < PIECE_BYTES ? (size_t)(n - at) : PIECE_BYTES;
        rv = read_at(f, at, piece, k, e);
        if (rv == 0)
            *sum = crc32c(*sum, piece, k);
        at += k;
    }
    mem_free(piece);
    return rv;
}

/* A line or a format that is not known is one of a later version, unless the file has been changed:
 * its last line is of one form and holds the checksum of all before it, in any format. */
static bool is_changed(const struct source *f)
{
    char end[END_BYTES_MAX + 1];
    size_t n = f->size < END_BYTES_MAX ? (size_t)f->size : END_BYTES_MAX;
    size_t seal = sizeof(SEAL_BEGINS) - 1 + SEAL_HEX_BYTES + sizeof(SEAL_ENDS) - 1;
    struct err err;
    if (n <= seal)
        return true;
    if (read_at(f, f->size - n, end, n, &err) != 0)
        return false;
    end[n] = '\0';
    const char *at = end + n - seal;
    size_t line = n - 1;
    while (line > 0 && end[line - 1] != '\n')
        line--;
    if (!span_starts(span_of(at), SPAN(SEAL_BEGINS)) || end[n - 1] != '\n' || line == 0 ||
        !span_starts(span_of(end + line), SPAN(END_BEGINS)))
        return true;
    uint32_t sum;
    unsigned long said = strtoul(at + sizeof(SEAL_BEGINS) - 1, NULL, 16);
    return sum_up(f, f->size - n + line, &sum, &err) == 0 && sum != said;
}

static int load_from(const struct source *f, struct load *load, struct load_result *out,
                     struct err *e)
{
    const struct snapfile_id *id = f->of->id;
    int rv = feed(load, f, e);
    if (rv == 0)
        rv = load_finish(load, out, e);
    if (rv == 0 && id != NULL &&
        (out->head.raft_index != id->index || out->head.raft_term != id->term)) {
        load_result_fini(out);
        rv = err_set(e, ERR_CORRUPT, "it was renamed: it holds up to entry %" PRIu64,
                     out->head.raft_index);
    }
    return rv == ERR_VERSION && is_changed(f) ? err_set(e, ERR_CORRUPT, "its checksum is wrong")
                                              : rv;
}

/* Into LOAD. */
static int load_file(const struct snapload *what, struct load *load, struct load_result *out,
                     uint64_t *bytes, struct err *e)
{
    const struct diskio *io = what->io;
    struct source f = {.of = what, .fd = io->open(io->ctx, what->path, O_RDONLY, 0)};
    *out = (struct load_result){.store = NULL};
    *bytes = 0;
    if (f.fd < 0)
        return err_sys(e, -f.fd, "open snapshot %s", what->path);
    int rv = io->size(io->ctx, f.fd, &f.size);
    if (rv < 0)
        err_sys(e, -rv, "read");
    else
        rv = load_from(&f, load, out, e);
    io->close(io->ctx, f.fd);
    *bytes = f.size;
    if (rv == 0)
        return 0;
    *out = (struct load_result){.store = NULL};
    return err_wrap(e, "snapshot %s", what->path);
}

int snapshot_load(const struct snapload *what, struct load_result *out, uint64_t *bytes,
                  struct err *e)
{
    struct load *load = load_new();
    int rv = load_file(what, load, out, bytes, e);
    load_free(load);
    return rv;
}

int snapshot_check(const struct snapload *what, struct load_result *out, uint64_t *bytes,
                   struct err *e)
{
    struct load *load = load_new_check();
    int rv = load_file(what, load, out, bytes, e);
    load_free(load);
    return rv;
}
