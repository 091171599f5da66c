/* dump: log and snapshots as JSON lines, for grep and jq. */
#include "admin/command.h"
#include "admin/entry.h"
#include "base/mem.h"
#include "cluster/reach.h"
#include "cluster/snapload.h"
#include "disk/datadir.h"

#include <errno.h>
#include <stdio.h>

#define PIECE_BYTES ((size_t)1 << 20)

struct dumping {
    uint64_t from, to;
    bool all; /* records without an index, too */
    struct buf out;
};

static int flush(struct dumping *d, size_t most, struct err *e)
{
    if (d->out.len < most)
        return 0;
    size_t n = fwrite(d->out.ptr, 1, d->out.len, stdout);
    bool whole = n == d->out.len;
    buf_clear(&d->out);
    return whole ? 0 : err_sys(e, errno, "write the output");
}

/* ---- log ---- */

static bool wanted(const struct dumping *d, const struct wal_record *r)
{
    if (r->type == WAL_ENTRY)
        return r->entry.index >= d->from && r->entry.index <= d->to;
    return d->all;
}

static int on_record(void *ctx, const struct wal_place *place, const struct wal_record *r,
                     struct err *e)
{
    struct dumping *d = ctx;
    if (!wanted(d, r))
        return 0;
    entry_line(&d->out, place, r);
    return flush(d, PIECE_BYTES, e);
}

static int dump_log(struct dumping *d, const char *dir, struct err *e)
{
    struct wal_look look = {.dir = dir, .io = &diskio_system, .record = on_record, .ctx = d};
    struct wal_info info;
    return wal_look(&look, &info, e);
}

/* ---- snapshots ---- */

/* Each line of the file within one that says where it stands. */
struct splitting {
    struct dumping *d;
    const char *name;
    uint64_t at; /* of the line */
    struct buf line;
};

static int split(struct splitting *s, struct span bytes, struct err *e)
{
    while (bytes.len > 0) {
        const char *end = memchr(bytes.ptr, '\n', bytes.len);
        size_t n = end != NULL ? (size_t)(end - bytes.ptr) : bytes.len;
        buf_add(&s->line, bytes.ptr, n);
        if (end == NULL)
            break;
        size_t whole = s->line.len;
        dump_redact(&s->line);
        entry_place(&s->d->out, s->name, s->at);
        buf_lit(&s->d->out, ",\"snapshot\":");
        buf_span(&s->d->out, buf_as_span(&s->line));
        buf_lit(&s->d->out, "}\n");
        s->at += whole + 1;
        buf_clear(&s->line);
        bytes = span_from(bytes, n + 1);
        int rv = flush(s->d, PIECE_BYTES, e);
        if (rv != 0)
            return rv;
    }
    return 0;
}

/* Feeds the file, piece by piece, to LOAD, or, with NULL, to the output. */
static int read_through(const struct snapfile_reader *file, struct load *load, struct splitting *s,
                        struct err *e)
{
    char *piece = mem_alloc(PIECE_BYTES);
    uint64_t size = snapfile_bytes(file);
    int rv = 0;
    for (uint64_t at = 0; rv == 0 && at < size;) {
        size_t n = size - at < PIECE_BYTES ? (size_t)(size - at) : PIECE_BYTES;
        rv = snapfile_read(file, at, piece, n, e);
        if (rv == 0 && load != NULL)
            rv = load_feed(load, span_make(piece, n), e);
        else if (rv == 0)
            rv = split(s, span_make(piece, n), e);
        at += n;
    }
    mem_free(piece);
    return rv;
}

/* Read twice: nothing of a damaged one is written, it is no JSON, perhaps. */
static int dump_snapshot(struct dumping *d, const char *dir, struct snapfile_id id, struct err *e)
{
    struct snapfile_reader *file;
    int rv = snapfile_open(&file, &diskio_system, dir, id, e);
    if (rv != 0)
        return rv;
    struct splitting s = {.d = d, .name = snapfile_name(file)};
    struct load *load = load_new_check();
    struct load_result r = {.store = NULL};
    rv = read_through(file, load, NULL, e);
    if (rv == 0)
        rv = load_finish(load, &r, e);
    load_result_fini(&r);
    load_free(load);
    if (rv == 0)
        rv = read_through(file, NULL, &s, e);
    if (rv != 0)
        err_wrap(e, "snapshot %s", snapfile_name(file));
    buf_fini(&s.line);
    snapfile_close(file);
    return rv;
}

/* The oldest first, as they were written. */
static int dump_snapshots(struct dumping *d, const char *dir, struct err *e)
{
    struct snapfile_list list = {0};
    int rv = snapfile_find(&diskio_system, dir, &list, e);
    for (size_t i = list.n; rv == 0 && i-- > 0;) {
        rv = dump_snapshot(d, dir, list.v[i], e);
        if (rv == -ENOENT)
            rv = 0; /* purged meanwhile */
    }
    snapfile_list_fini(&list);
    return rv;
}

/* ---- the command ---- */

static int dump_both(struct dumping *d, const struct words *w, struct err *e)
{
    struct datadir dir;
    long holder;
    bool log = words_get(w, "log") != NULL, snapshot = words_get(w, "snapshot") != NULL;
    int rv = datadir_look(&dir, w->argument, &holder, e);
    if (rv != 0)
        return rv;
    if (snapshot || !log)
        rv = dump_snapshots(d, dir.snap, e);
    if (rv == 0 && (log || !snapshot))
        rv = dump_log(d, dir.wal, e);
    struct err ignored;
    int last = flush(d, 1, rv == 0 ? e : &ignored);
    datadir_close(&dir);
    return rv == 0 ? last : rv;
}

static int run(const struct words *w, struct err *e)
{
    struct dumping d = {.from = 0, .to = UINT64_MAX};
    d.all = words_get(w, "from") == NULL && words_get(w, "to") == NULL;
    if (w->argument == NULL)
        err_set(e, ERR_USAGE, "which directory?");
    if (w->argument == NULL || words_u64(w, "from", &d.from, e) != 0 ||
        words_u64(w, "to", &d.to, e) != 0)
        return ADMIN_USAGE;
    int rv = dump_both(&d, w, e);
    buf_fini(&d.out);
    if (rv == 0)
        return 0;
    (void)fflush(stdout);
    fprintf(stderr, "copse: dump: %s\n", e->text);
    return ADMIN_FAILED;
}

static const struct word_option options[] = {
    {"log", NULL, "only the log"},
    {"snapshot", NULL, "only the snapshots"},
    {"from", "INDEX", "of the log, only entries from this one on"},
    {"to", "INDEX", "of the log, only entries up to this one"},
    {.name = NULL},
};

const struct admin_command admin_dump = {
    .name = "dump",
    .usage = "dump [options] DIR",
    .text = "log and snapshots of a data directory as lines of JSON",
    .more =
        "Changes nothing, and may be run while a member works on DIR. Exit status: 0, 1 damaged\n"
        "or not readable (of the log, what stands before the damage is written; of a damaged\n"
        "snapshot nothing), 2 wrong words.",
    .options = options,
    .arguments = 1,
    .usage_status = ADMIN_USAGE,
    .run = run,
};
