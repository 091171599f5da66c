#include "rig.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(struct rig_records *v, const struct wal_record *r)
{
    if (v->n == v->cap) {
        v->cap = v->cap * 2 + 64;
        v->v = mem_realloc(v->v, v->cap * sizeof(*v->v));
    }
    struct rig_record *x = &v->v[v->n++];
    *x = (struct rig_record){.type = r->type};
    if (r->type == WAL_STATE) {
        x->a = r->state.term;
        x->b = r->state.vote;
    } else if (r->type == WAL_MARK) {
        x->a = r->mark.index;
        x->b = r->mark.term;
    } else {
        x->a = r->entry.index;
        x->b = r->entry.term;
        x->kind = r->entry.kind;
        x->len = r->entry.payload.len;
        x->payload = x->len > 0 ? mem_dup(r->entry.payload.ptr, x->len) : NULL;
    }
}

void rig_records_clear(struct rig_records *v)
{
    for (size_t i = 0; i < v->n; i++)
        mem_free(v->v[i].payload);
    mem_free(v->v);
    *v = (struct rig_records){0};
}

void rig_records_copy(struct rig_records *to, const struct rig_records *from)
{
    rig_records_clear(to);
    to->v = mem_alloc((from->n + 1) * sizeof(*to->v));
    to->cap = from->n + 1;
    for (; to->n < from->n; to->n++) {
        struct rig_record *x = &to->v[to->n];
        *x = from->v[to->n];
        x->payload = x->len > 0 ? mem_dup(x->payload, x->len) : NULL;
    }
}

static int on_replay(void *ctx, const struct wal_record *record, struct err *e)
{
    struct rig *r = ctx;
    (void)e;
    if (record->type != WAL_IDENTITY) {
        add(&r->found, record);
        return 0;
    }
    ck_assert_uint_eq(record->identity.cluster_id, RIG_CLUSTER);
    ck_assert_uint_eq(record->identity.member_id, RIG_MEMBER);
    ck_assert_uint_eq(r->found.n, 0);
    r->identities++;
    return 0;
}

static void on_durable(void *ctx, uint64_t lsn)
{
    struct rig *r = ctx;
    /* The machine is off: nobody hears it. */
    if (faultio_is_off(r->io))
        return;
    pthread_mutex_lock(&r->lock);
    ck_assert_uint_gt(lsn, r->reported);
    r->reported = lsn;
    r->reports++;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static void on_space(void *ctx, int trouble)
{
    struct rig *r = ctx;
    bool full = trouble != 0;
    pthread_mutex_lock(&r->lock);
    ck_assert(full != r->full);
    r->full = full;
    r->trouble = trouble;
    r->fulls += full;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

void rig_init(struct rig *r, uint64_t seed, uint64_t segment_bytes)
{
    *r = (struct rig){.io = faultio_new(seed)};
    r->calls = faultio_io(r->io);
    r->conf = (struct wal_conf){.dir = RIG_DIR,
                                .io = &r->calls,
                                .segment_bytes = segment_bytes,
                                .cluster_id = RIG_CLUSTER,
                                .member_id = RIG_MEMBER,
                                .replay = on_replay,
                                .durable = on_durable,
                                .space = on_space,
                                .ctx = r};
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
}

void rig_fini(struct rig *r)
{
    if (r->wal != NULL)
        rig_close(r);
    rig_records_clear(&r->written);
    rig_records_clear(&r->found);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    faultio_free(r->io);
}

int rig_open(struct rig *r)
{
    rig_records_clear(&r->found);
    r->identities = 0;
    r->reported = 0;
    r->reports = 0;
    r->full = false;
    r->fulls = 0;
    r->err = (struct err){0};
    int rv = wal_open(&r->wal, &r->conf, &r->info, &r->err);
    if (rv < 0) {
        ck_assert_int_eq(rv, r->err.code);
        r->wal = NULL;
        return rv;
    }
    rig_records_copy(&r->written, &r->found);
    r->at_start = r->found.n;
    return 0;
}

void rig_close(struct rig *r)
{
    wal_close(r->wal);
    r->wal = NULL;
}

static uint64_t append(struct rig *r, const struct wal_record *record)
{
    add(&r->written, record);
    uint64_t lsn = wal_append(r->wal, record);
    ck_assert_uint_eq(lsn, r->written.n - r->at_start);
    return lsn;
}

uint64_t rig_state(struct rig *r, uint64_t term, uint64_t vote)
{
    return append(r, &(struct wal_record){.type = WAL_STATE, .state = {term, vote}});
}

uint64_t rig_entry(struct rig *r, uint64_t index, uint64_t term, const void *bytes, size_t len)
{
    struct wal_record record = {.type = WAL_ENTRY,
                                .entry = {.index = index,
                                          .term = term,
                                          .kind = (uint8_t)(index * 7),
                                          .payload = span_make(bytes, len)}};
    return append(r, &record);
}

uint64_t rig_mark(struct rig *r, uint64_t index, uint64_t term)
{
    return append(r, &(struct wal_record){.type = WAL_MARK, .mark = {index, term}});
}

void rig_wait(struct rig *r, uint64_t lsn)
{
    wal_flush(r->wal);
    pthread_mutex_lock(&r->lock);
    while (r->reported < lsn)
        pthread_cond_wait(&r->changed, &r->lock);
    pthread_mutex_unlock(&r->lock);
    ck_assert_uint_ge(wal_durable(r->wal), lsn);
}

void rig_wait_full(struct rig *r, bool full)
{
    pthread_mutex_lock(&r->lock);
    while (r->full != full)
        pthread_cond_wait(&r->changed, &r->lock);
    pthread_mutex_unlock(&r->lock);
}

void rig_expect_first(struct rig *r, const struct rig_records *written, size_t n)
{
    ck_assert_uint_eq(r->found.n, n);
    ck_assert_uint_le(n, written->n);
    for (size_t i = 0; i < n; i++) {
        const struct rig_record *x = &r->found.v[i], *y = &written->v[i];
        ck_assert_msg(x->type == y->type && x->kind == y->kind && x->a == y->a && x->b == y->b &&
                          x->len == y->len &&
                          (x->len == 0 || memcmp(x->payload, y->payload, x->len) == 0),
                      "record %zu is not the one that was written", i);
    }
}

struct segments {
    char names[FAULT_FILES_MAX][sizeof(((struct rig *)0)->segment)];
    size_t n;
};

/* With the lock of the files: another thread may be making one, or removing it. */
static int note_segment(void *arg, const char *name)
{
    struct segments *s = arg;
    size_t len = strlen(name);
    if (len > 4 && strcmp(name + len - 4, ".wal") == 0)
        snprintf(s->names[s->n++], sizeof(s->names[0]), RIG_DIR "/%s", name);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

const char *rig_segment(struct rig *r, size_t n)
{
    struct segments s = {.n = 0};
    ck_assert_int_eq(r->calls.list(r->calls.ctx, RIG_DIR, note_segment, &s), 0);
    qsort(s.names, s.n, sizeof(s.names[0]), by_name);
    if (n >= s.n)
        return NULL;
    memcpy(r->segment, s.names[n], sizeof(r->segment));
    return r->segment;
}

void rig_quiet(void)
{
    log_set_level(LOG_ERROR + 1);
}

void rig_loud(void)
{
    log_set_level(LOG_WARN);
}
