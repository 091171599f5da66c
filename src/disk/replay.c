#include "disk/replay.h"

#include "base/log.h"
#include "base/mem.h"
#include "disk/window.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>

#define WHAT_TO_DO                                                                                 \
    "restore this member from a backup, or remove it from the cluster and add it again with an "   \
    "empty data directory"

#define BAD_AMONG_GOOD "a bad record, with good ones behind it"

struct name {
    uint64_t sequence, first_index;
};

struct names {
    struct name *v;
    size_t n, cap;
    char *temporary; /* one that was seen, owned */
};

struct reading {
    const struct wal_conf *conf;
    struct wal_info *info;
    struct err *e;
    bool read_only;
    const struct wal_look *look; /* whom to tell, read_only; else NULL */
    const char *path;            /* of the present segment */
    bool last;
    int fd;
    struct window window; /* its content; of the last segment all from BATCH on */
    struct segment_head head;
    struct wal_tail tail;
    uint32_t prev;
    uint64_t at;    /* end of the good records */
    uint64_t batch; /* where the write of the last good one began; 0: there is none */
};

static int damaged(struct reading *r, uint64_t at, const char *what)
{
    return err_set(r->e, ERR_CORRUPT, "%s: damaged at offset %" PRIu64 ": %s; " WHAT_TO_DO, r->path,
                   at, what);
}

static int on_name(void *arg, const char *name)
{
    struct names *names = arg;
    struct name found;
    if (segment_is_temporary(name) && names->temporary == NULL)
        names->temporary = mem_strdup(name);
    if (!segment_parse_name(name, &found.sequence, &found.first_index))
        return 0;
    if (names->n == names->cap) {
        names->cap = names->cap * 2 + 16;
        names->v = mem_realloc(names->v, names->cap * sizeof(*names->v));
    }
    names->v[names->n++] = found;
    return 0;
}

static int by_sequence(const void *a, const void *b)
{
    const struct name *x = a, *y = b;
    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

/* Segments in order. A temporary file was never part of the log: it goes, unless READ_ONLY. */
static int find_segments(const struct wal_conf *conf, bool read_only, struct names *names,
                         struct err *e)
{
    const struct diskio *io = conf->io;
    for (;;) {
        names->n = 0;
        int rv = io->list(io->ctx, conf->dir, on_name, names);
        if (rv < 0)
            return err_sys(e, -rv, "list %s", conf->dir);
        if (names->temporary == NULL || read_only)
            break;
        struct buf path = {0};
        buf_printf(&path, "%s/%s", conf->dir, names->temporary);
        rv = io->unlink(io->ctx, buf_cstr(&path));
        if (rv < 0)
            err_sys(e, -rv, "remove %s", path.ptr);
        buf_fini(&path);
        mem_free(names->temporary);
        names->temporary = NULL;
        if (rv < 0)
            return rv;
    }
    if (names->n > 0)
        qsort(names->v, names->n, sizeof(*names->v), by_sequence);
    for (size_t i = 1; i < names->n; i++) {
        uint64_t sequence = names->v[i].sequence, want = names->v[i - 1].sequence + 1;
        if (sequence < want)
            return err_set(e, ERR_CORRUPT,
                           "%s: two segments have the sequence %016" PRIx64 "; " WHAT_TO_DO,
                           conf->dir, sequence);
        if (sequence > want)
            return err_set(e, ERR_CORRUPT,
                           "%s: the segment %016" PRIx64 " is missing; put it back, or " WHAT_TO_DO,
                           conf->dir, want);
    }
    return 0;
}

static int cannot_read(struct reading *r, int rv)
{
    return err_sys(r->e, -rv, "read %s", r->path);
}

/* The N bytes at the end of the good records, if the file has them. */
static int need(struct reading *r, size_t n)
{
    uint64_t keep = r->last && !r->read_only ? r->batch : r->at;
    int rv = window_need(&r->window, keep, r->at, n);
    return rv < 0 ? cannot_read(r, rv) : 0;
}

static int check_owner(struct reading *r)
{
    const struct segment_head *h = &r->head;
    uint64_t cluster = r->info->cluster_id, member = r->info->member_id;
    if (h->cluster_id == cluster && h->member_id == member)
        return 0;
    return err_set(r->e, ERR_FOREIGN,
                   "%s: belongs to member %" PRIx64 " of cluster %" PRIx64
                   ", not to member %" PRIx64 " of cluster %" PRIx64
                   "; give another --data-dir, or the peer URLs and token this one was made with",
                   r->path, h->member_id, h->cluster_id, member, cluster);
}

/* BYTES is what the record has in the file. */
static int hand_on(struct reading *r, const struct wal_record *record, size_t bytes)
{
    if (r->look == NULL)
        return r->conf->replay != NULL ? r->conf->replay(r->conf->ctx, record, r->e) : 0;
    struct wal_place place = {.file = r->path, .at = r->at, .bytes = bytes};
    return r->look->record != NULL ? r->look->record(r->look->ctx, &place, record, r->e) : 0;
}

static int replay_one(struct reading *r, const struct wal_record *record, size_t bytes)
{
    if (r->e != NULL)
        *r->e = (struct err){0};
    int rv = hand_on(r, record, bytes);
    if (rv == 0)
        return 0;
    if (r->e != NULL && r->e->code < 0)
        err_wrap(r->e, "%s: offset %" PRIu64, r->path, r->at);
    else
        err_set(r->e, rv, "%s: offset %" PRIu64 ": %s", r->path, r->at, err_text(rv));
    return rv;
}

/* What the first segment's head says stands for all segments that were removed before it. */
static int replay_head(struct reading *r)
{
    const struct segment_head *h = &r->head;
    struct wal_record record = {.type = WAL_IDENTITY};
    record.identity.cluster_id = h->cluster_id;
    record.identity.member_id = h->member_id;
    int rv = replay_one(r, &record, 0);
    if (rv == 0 && (h->tail.term != 0 || h->tail.vote != 0)) {
        record = (struct wal_record){.type = WAL_STATE};
        record.state.term = h->tail.term;
        record.state.vote = h->tail.vote;
        rv = replay_one(r, &record, 0);
    }
    if (rv == 0 && h->tail.last_index != 0) {
        record = (struct wal_record){.type = WAL_MARK};
        record.mark.index = h->tail.last_index;
        record.mark.term = h->tail.last_term;
        rv = replay_one(r, &record, 0);
    }
    return rv;
}

static int read_head(struct reading *r, const struct name *name, bool first)
{
    struct segment_head *h = &r->head;
    r->at = r->batch = 0;
    int rv = need(r, SEGMENT_HEAD_BYTES);
    if (rv < 0)
        return rv;
    switch (segment_head_decode(window_at(&r->window, 0), window_have(&r->window, 0), h)) {
    case SEGMENT_GOOD:
        break;
    case SEGMENT_SHORT:
        return damaged(r, window_have(&r->window, 0), "the file ends within its head");
    case SEGMENT_ALIEN:
        return damaged(r, 0, "it does not begin as a log of copse does");
    case SEGMENT_NEWER:
        return err_set(r->e, ERR_VERSION,
                       "%s: has format version %" PRIu32
                       ", this program knows version %u; use the program that wrote it, or a newer "
                       "one",
                       r->path, h->version, SEGMENT_VERSION);
    case SEGMENT_BAD:
    default:
        return damaged(r, 0, "the checksum of its head is wrong");
    }
    if (first && r->conf->cluster_id == 0)
        r->info->cluster_id = h->cluster_id;
    if (first && r->conf->member_id == 0)
        r->info->member_id = h->member_id;
    rv = check_owner(r);
    if (rv < 0)
        return rv;
    if (h->sequence != name->sequence || h->tail.last_index + 1 != name->first_index)
        return damaged(r, 0, "it was renamed: its head names another place in the log");
    if (first) {
        r->tail = h->tail;
        r->info->base_index = h->tail.last_index;
        r->info->base_term = h->tail.last_term;
        rv = replay_head(r);
    } else if (h->prev != r->prev || memcmp(&h->tail, &r->tail, sizeof(r->tail)) != 0) {
        rv = damaged(r, 0, "records are missing at the end of the segment before it");
    }
    r->prev = h->check;
    r->at = SEGMENT_HEAD_BYTES;
    return rv;
}

/* A segment has its full length from the moment it has its name: what is shorter was cut, and what
 * was cut off may have been acknowledged. */
static int check_length(struct reading *r)
{
    uint64_t size;
    int rv = r->conf->io->size(r->conf->io->ctx, r->fd, &size);
    if (rv < 0)
        return cannot_read(r, rv);
    return size < r->head.bytes ? damaged(r, size, "the file was cut here") : 0;
}

/* Is there a good record at AT, as far as the window has it? */
static bool is_record(const struct reading *r, uint64_t at, struct record_head *head)
{
    const struct window *w = &r->window;
    return record_verify(window_at(w, at), window_have(w, at), at, r->head.salt, head);
}

/* Brings the record behind the good ones into the window, if there is one. */
static int need_record(struct reading *r)
{
    int rv = need(r, RECORD_HEAD_BYTES);
    if (rv < 0 || window_have(&r->window, r->at) < RECORD_HEAD_BYTES)
        return rv;
    size_t bytes = record_encoded_bytes(window_at(&r->window, r->at));
    return bytes <= record_bytes(RECORD_PAYLOAD_MAX) ? need(r, bytes) : 0;
}

/* Replays as far as the chain holds. */
static int read_records(struct reading *r)
{
    struct record_head head;
    int rv;
    while ((rv = need_record(r)) == 0 && is_record(r, r->at, &head)) {
        if (head.prev != r->prev)
            return damaged(r, r->at, "a record does not follow the one before it");
        struct wal_record record;
        record_decode(window_at(&r->window, r->at), &record);
        rv = replay_one(r, &record, record_bytes(head.size));
        if (rv != 0)
            return rv;
        wal_tail_move(&r->tail, &record);
        r->prev = head.check;
        r->batch = head.batch;
        r->at += record_bytes(head.size);
        r->info->records++;
    }
    return rv;
}

/* Is there a record behind the end that was written when the bytes at the end were durable already?
 */
static bool proves_damage(const struct reading *r)
{
    struct record_head head;
    uint64_t end = r->at + window_have(&r->window, r->at);
    for (uint64_t at = r->at + 8; at + RECORD_HEAD_BYTES <= end; at += 8) {
        if (is_record(r, at, &head) && head.batch > r->at)
            return true;
    }
    return false;
}

/* Writes zeros over FROM to TO of the present segment. */
static int write_zeros(struct reading *r, uint64_t from, uint64_t to)
{
    static const uint8_t zeros[65536] = {0};
    const struct diskio *io = r->conf->io;
    int rv = 0;
    while (rv == 0 && from < to) {
        size_t n = to - from < sizeof(zeros) ? (size_t)(to - from) : sizeof(zeros);
        rv = io->pwrite(io->ctx, r->fd, zeros, n, from);
        from += n;
    }
    return rv;
}

/* All that stands behind the good records. Rarely wanted, so simple: at once. */
static int need_rest(struct reading *r)
{
    uint64_t size;
    int rv = r->conf->io->size(r->conf->io->ctx, r->fd, &size);
    if (rv < 0)
        return cannot_read(r, rv);
    return need(r, size > r->at ? (size_t)(size - r->at) : 0);
}

/* What stands from the good records to END was written and is not good: cuts it if that can be all
 * that happened. */
static int settle_torn(struct reading *r, uint64_t end)
{
    int rv = need_rest(r);
    if (rv < 0)
        return rv;
    if (proves_damage(r))
        return damaged(r, r->at, BAD_AMONG_GOOD);
    r->info->torn_bytes = end - r->at;
    log_warn("wal.torn_tail", LOG_S("file", r->path), LOG_U("offset", r->at),
             LOG_U("bytes", end - r->at));
    rv = write_zeros(r, r->at, end);
    return rv < 0 ? err_sys(r->e, -rv, "cut the torn end of %s", r->path) : 0;
}

/* The end of the last segment: nothing, or a torn end to cut, or damage. */
static int settle_end(struct reading *r)
{
    const struct diskio *io = r->conf->io;
    uint64_t end;
    int rv = window_find_end(&r->window, r->at, &end);
    if (rv < 0)
        return cannot_read(r, rv);
    rv = end > r->at ? settle_torn(r, end) : 0;
    if (rv < 0)
        return rv;
    /* What was read may stand in memory only: the process before this one may have ended between
     * write and sync, or because a sync failed, after which the system takes the pages for clean.
     * So the last write is done again, from the bytes that were verified: read once more, they
     * might come from the disk by now. */
    rv = io->pwrite(io->ctx, r->fd, window_at(&r->window, r->batch), (size_t)(r->at - r->batch),
                    r->batch);
    if (rv == 0)
        rv = io->datasync(io->ctx, r->fd);
    if (rv < 0)
        return err_sys(r->e, -rv, "write %s", r->path);
    rv = io->sync_dir(io->ctx, r->conf->dir);
    if (rv < 0)
        return err_sys(r->e, -rv, "sync directory %s", r->conf->dir);
    return 0;
}

/* The same for one who only reads. The owner of the log may be writing there at this moment, so
 * what is not good is read anew: what still is not then, although something behind it had proved
 * that it was durable, is damaged. */
static int look_end(struct reading *r)
{
    uint64_t at, end;
    bool proof;
    do {
        at = r->at;
        proof = false;
        int rv = window_find_end(&r->window, at, &end);
        if (rv < 0)
            return cannot_read(r, rv);
        if (end > at) {
            rv = need_rest(r);
            proof = rv == 0 && proves_damage(r);
        }
        window_restart(&r->window, at);
        if (rv == 0)
            rv = read_records(r);
        if (rv != 0)
            return rv;
    } while (r->at > at);
    if (proof)
        return damaged(r, at, BAD_AMONG_GOOD);
    r->info->torn_bytes = end - at;
    return 0;
}

static void tell_segment(const struct reading *r, const struct name *name, uint64_t records)
{
    struct wal_segment segment = {.file = r->path,
                                  .sequence = name->sequence,
                                  .first_index = name->first_index,
                                  .last_index = r->tail.last_index,
                                  .records = records,
                                  .bytes = r->at,
                                  .torn_bytes = r->info->torn_bytes};
    if (r->look != NULL && r->look->segment != NULL)
        r->look->segment(r->look->ctx, &segment);
}

/* The last segment stays open, for writing. */
static int read_segment(struct reading *r, const struct name *name, bool first)
{
    const struct diskio *io = r->conf->io;
    uint64_t records = r->info->records;
    bool writes = r->last && !r->read_only;
    r->fd = io->open(io->ctx, r->path, writes ? O_RDWR : O_RDONLY, 0);
    if (r->fd < 0)
        return err_sys(r->e, -r->fd, "open %s", r->path);
    window_begin(&r->window, io, r->fd);
    int rv = read_head(r, name, first);
    if (rv == 0)
        rv = check_length(r);
    if (rv == 0)
        rv = read_records(r);
    if (rv == 0 && r->last)
        rv = writes ? settle_end(r) : look_end(r);
    if (rv == 0) {
        r->info->segments++;
        r->info->bytes += r->at;
        tell_segment(r, name, r->info->records - records);
    }
    if (rv != 0 || !writes)
        io->close(io->ctx, r->fd);
    return rv;
}

/* A segment is gone since the names were read: its owner purged it. That is no loss in front of
 * those that were read. */
static int passed_away(struct reading *r)
{
    if (r->info->segments == 0 && !r->last)
        return 0;
    return err_wrap(r->e, "it was removed while the log was read; try again");
}

static int read_log(struct reading *r, struct kept *kept, struct replay_result *out)
{
    const struct wal_conf *conf = r->conf;
    struct names names = {0};
    *r->info = (struct wal_info){.cluster_id = conf->cluster_id, .member_id = conf->member_id};
    int rv = find_segments(conf, r->read_only, &names, r->e);
    r->info->fresh = rv == 0 && names.n == 0;
    for (size_t i = 0; rv == 0 && i < names.n; i++) {
        struct name *name = &names.v[i];
        char *path = segment_path(conf->dir, name->sequence, name->first_index);
        r->path = path;
        r->last = i + 1 == names.n;
        rv = read_segment(r, name, r->info->segments == 0);
        if (rv == -ENOENT && r->read_only)
            rv = passed_away(r);
        if (rv == 0 && kept != NULL)
            kept_add(kept, name->sequence, name->first_index);
        if (rv == 0 && r->last && out != NULL) {
            out->tail = r->tail;
            out->last = (struct segment){.fd = r->fd,
                                         .path = path,
                                         .sequence = name->sequence,
                                         .salt = r->head.salt,
                                         .prev = r->prev,
                                         .at = r->at};
        } else {
            mem_free(path);
        }
    }
    window_fini(&r->window);
    mem_free(names.v);
    mem_free(names.temporary);
    return rv;
}

int replay_log(const struct wal_conf *conf, struct kept *kept, struct replay_result *out,
               struct wal_info *info, struct err *e)
{
    struct reading r = {.conf = conf, .info = info, .e = e, .fd = -1};
    *out = (struct replay_result){.last.fd = -1};
    return read_log(&r, kept, out);
}

int wal_look(const struct wal_look *look, struct wal_info *info, struct err *e)
{
    const struct wal_conf conf = {.dir = look->dir, .io = look->io};
    struct reading r = {
        .conf = &conf, .info = info, .e = e, .read_only = true, .look = look, .fd = -1};
    return read_log(&r, NULL, NULL);
}
