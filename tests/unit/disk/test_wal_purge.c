/* wal: segments that went because a snapshot stands for them. Read by the rules of wal.h, what is
 * left says the same as the whole log. */
#include "rig.h"

#include "disk/snapfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SNAP_DIR "snap"

#define RUNS   40
#define ROUNDS 10

static const char payload[900];

/* What a member knows that read records over a snapshot with the last index BASE. */
struct model {
    uint64_t base, term, vote;
    const struct rig_record **entries; /* base + 1, … */
    size_t n;
};

static void model_take(struct model *m, const struct rig_record *x)
{
    if (x->type == WAL_STATE) {
        m->term = x->a;
        m->vote = x->b;
    } else if (x->a <= m->base) {
        m->n = 0;
    } else {
        ck_assert_int_eq(x->type, WAL_ENTRY);
        ck_assert_uint_le(x->a, m->base + m->n + 1);
        m->n = (size_t)(x->a - m->base);
        m->entries[m->n - 1] = x;
    }
}

static struct model model_new(const struct rig_records *records, size_t n, uint64_t base)
{
    struct model m = {.base = base};
    m.entries = mem_alloc((records->n + 1) * sizeof(*m.entries));
    for (size_t i = 0; i < n; i++)
        model_take(&m, &records->v[i]);
    return m;
}

static bool model_equal(const struct model *a, const struct model *b)
{
    bool equal = a->n == b->n && a->term == b->term && a->vote == b->vote;
    for (size_t i = 0; equal && i < a->n; i++) {
        const struct rig_record *x = a->entries[i], *y = b->entries[i];
        equal = x->a == y->a && x->b == y->b && x->kind == y->kind && x->len == y->len &&
                (x->len == 0 || memcmp(x->payload, y->payload, x->len) == 0);
    }
    return equal;
}

/* Entries FROM to TO, each written alone, about four a segment of 4096 bytes. */
static void add_entries(struct rig *r, uint64_t from, uint64_t to, uint64_t term)
{
    for (uint64_t i = from; i <= to; i++) {
        rig_entry(r, i, term, payload, sizeof(payload));
        wal_sync(r->wal);
    }
}

static void make_log(struct rig *r, uint64_t entries)
{
    rig_init(r, 1, 4096);
    ck_assert_int_eq(rig_open(r), 0);
    rig_state(r, 4, 2);
    add_entries(r, 1, entries, 4);
}

/* Purges and waits for the end of it. */
static void purge(struct rig *r, uint64_t index)
{
    wal_purge(r->wal, index);
    rig_close(r);
}

/* Opens and checks that what is there begins with the entry behind BASE. */
static void expect_base(struct rig *r, uint64_t base, uint64_t last)
{
    ck_assert_msg(rig_open(r) == 0, "%s", r->err.text);
    ck_assert_uint_eq(r->info.base_index, base);
    ck_assert_uint_eq(r->info.base_term, base > 0 ? 4 : 0);
    size_t at = 0;
    ck_assert_int_eq(r->found.v[at].type, WAL_STATE);
    ck_assert_uint_eq(r->found.v[at].a, 4);
    ck_assert_uint_eq(r->found.v[at++].b, 2);
    if (base > 0) {
        ck_assert_int_eq(r->found.v[at].type, WAL_MARK);
        ck_assert_uint_eq(r->found.v[at].b, 4);
        ck_assert_uint_eq(r->found.v[at++].a, base);
    }
    for (uint64_t i = base + 1; i <= last; i++, at++) {
        ck_assert_int_eq(r->found.v[at].type, WAL_ENTRY);
        ck_assert_uint_eq(r->found.v[at].a, i);
    }
    ck_assert_uint_eq(r->found.n, at);
}

/* What the head of the N-th segment says: its first index, from the name. */
static uint64_t first_index(struct rig *r, size_t n)
{
    const char *path = rig_segment(r, n);
    ck_assert_ptr_nonnull(path);
    return strtoull(path + strlen(RIG_DIR) + 18, NULL, 16);
}

START_TEST(whole_segments)
{
    struct rig r;
    make_log(&r, 20);
    uint64_t second = first_index(&r, 1), third = first_index(&r, 2);
    ck_assert_uint_gt(second, 2);
    purge(&r, second - 2);
    expect_base(&r, 0, 20);
    purge(&r, second - 1);
    expect_base(&r, second - 1, 20);
    purge(&r, third - 2);
    expect_base(&r, second - 1, 20);
    purge(&r, 0);
    expect_base(&r, second - 1, 20);
    /* Up to all, but never the last segment. */
    size_t segments = r.info.segments;
    ck_assert_uint_gt(segments, 3);
    uint64_t last = first_index(&r, segments - 1);
    purge(&r, UINT64_MAX);
    expect_base(&r, last - 1, 20);
    ck_assert_uint_eq(r.info.segments, 1);
    add_entries(&r, 21, 60, 4);
    rig_close(&r);
    expect_base(&r, last - 1, 60);
    rig_fini(&r);
}
END_TEST

START_TEST(while_it_grows)
{
    struct rig r;
    make_log(&r, 3);
    for (uint64_t i = 4; i <= 300; i++) {
        rig_entry(&r, i, 4, payload, sizeof(payload));
        if (i % 7 == 0)
            wal_flush(r.wal);
        if (i % 20 == 0) {
            wal_sync(r.wal);
            wal_purge(r.wal, i - 10);
            wal_purge(r.wal, i - 15);
        }
    }
    rig_close(&r);
    ck_assert_int_eq(rig_open(&r), 0);
    uint64_t base = r.info.base_index;
    ck_assert_uint_gt(base, 280);
    ck_assert_uint_le(base, 290);
    rig_close(&r);
    expect_base(&r, base, 300);
    rig_fini(&r);
}
END_TEST

/* Entries were replaced: the third segment begins with a lower index than the second, and a removal
 * that ended between the two would leave a log that begins behind the snapshot. */
START_TEST(replaced_entries)
{
    struct rig r;
    make_log(&r, 1);
    while (rig_segment(&r, 1) == NULL)
        add_entries(&r, r.written.n, r.written.n, 4);
    uint64_t second = first_index(&r, 1);
    add_entries(&r, 2, 2, 5);
    while (rig_segment(&r, 2) == NULL) {
        rig_state(&r, 4, 2);
        wal_sync(r.wal);
    }
    uint64_t third = first_index(&r, 2);
    ck_assert_uint_gt(second, third);
    purge(&r, third - 1);
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert_uint_eq(r.info.segments, 3);
    purge(&r, second - 1);
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert_uint_eq(r.info.segments, 1);
    ck_assert_uint_eq(r.info.base_index, third - 1);
    ck_assert_uint_eq(r.info.base_term, 5);
    rig_fini(&r);
}
END_TEST

/* The power fails with the N-th change while a log of many segments is purged. Returns whether it
 * failed. */
static bool lose_power_at(unsigned n, uint64_t seed)
{
    struct rig r;
    rig_init(&r, seed, 4096);
    ck_assert_int_eq(rig_open(&r), 0);
    rig_state(&r, 4, 2);
    add_entries(&r, 1, 30, 4);
    faultio_power_off_at(r.io, n);
    purge(&r, 25);
    bool failed = faultio_is_off(r.io);
    faultio_power_off_at(r.io, 0);
    faultio_power_on(r.io, false);
    ck_assert_msg(rig_open(&r) == 0, "%s", r.err.text);
    uint64_t base = r.info.base_index;
    rig_close(&r);
    ck_assert_uint_le(base, 25);
    expect_base(&r, base, 30);
    /* The rest goes with the next one. */
    purge(&r, 25);
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert_uint_gt(r.info.base_index, 20);
    rig_fini(&r);
    return failed;
}

START_TEST(power_losses)
{
    unsigned n = 1;
    while (lose_power_at(n, (uint64_t)_i << 32 | n))
        n++;
    ck_assert_uint_gt(n, 6);
}
END_TEST

static int write_snapshot(struct rig *r, uint64_t index, struct err *e)
{
    struct snapfile_writer *w;
    int rv = snapfile_begin(&w, &r->calls, SNAP_DIR, (struct snapfile_id){index, 4}, e);
    if (rv == 0)
        rv = snapfile_write(w, &index, sizeof(index), e);
    if (rv == 0)
        rv = snapfile_commit(&w, e);
    return rv;
}

/* A snapshot, the older ones go, the log behind it goes: with the N-th change the power fails. What
 * is found then is a snapshot and a log that reaches back to it, and to the one before it. */
static bool lose_power_in_a_snapshot_at(unsigned n, uint64_t seed)
{
    struct rig r;
    struct err e = {0};
    rig_init(&r, seed, 4096);
    ck_assert_int_eq(rig_open(&r), 0);
    rig_state(&r, 4, 2);
    add_entries(&r, 1, 30, 4);
    ck_assert_int_eq(write_snapshot(&r, 9, &e), 0);
    ck_assert_int_eq(write_snapshot(&r, 17, &e), 0);
    faultio_power_off_at(r.io, n);
    ck_assert_int_eq(write_snapshot(&r, 26, &e), 0);
    bool committed = !faultio_is_off(r.io);
    ck_assert_int_eq(snapfile_purge(&r.calls, SNAP_DIR, SNAPFILE_KEPT, &e), 0);
    purge(&r, 17);
    bool failed = faultio_is_off(r.io);
    faultio_power_off_at(r.io, 0);
    faultio_power_on(r.io, false);

    struct snapfile_list list;
    ck_assert_int_eq(snapfile_clean(&r.calls, SNAP_DIR, &e), 0);
    ck_assert_int_eq(snapfile_find(&r.calls, SNAP_DIR, &list, &e), 0);
    ck_assert_uint_ge(list.n, 2);
    ck_assert(!committed || list.v[0].index == 26);
    ck_assert_msg(rig_open(&r) == 0, "%s", r.err.text);
    for (size_t i = 0; i < 2; i++) {
        struct model m = model_new(&r.found, r.found.n, list.v[i].index);
        ck_assert_uint_le(r.info.base_index, m.base);
        ck_assert_uint_eq(m.base + m.n, 30);
        ck_assert_uint_eq(m.vote, 2);
        mem_free(m.entries);
    }
    snapfile_list_fini(&list);
    rig_fini(&r);
    return failed;
}

START_TEST(power_losses_in_a_snapshot)
{
    unsigned n = 1;
    while (lose_power_in_a_snapshot_at(n, (uint64_t)_i << 32 | n))
        n++;
    ck_assert_uint_gt(n, 10);
}
END_TEST

START_TEST(a_failed_unlink_is_no_harm)
{
    struct rig r;
    make_log(&r, 30);
    faultio_fail(r.io, FAULT_UNLINK, 3, EIO);
    wal_purge(r.wal, 25);
    add_entries(&r, 31, 33, 4);
    faultio_fail(r.io, FAULT_UNLINK, 1, EIO);
    rig_close(&r);
    faultio_fail(r.io, FAULT_UNLINK, 0, 0);
    ck_assert_int_eq(rig_open(&r), 0);
    uint64_t base = r.info.base_index;
    ck_assert_uint_lt(base, 20);
    rig_close(&r);
    expect_base(&r, base, 33);
    purge(&r, 25);
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert_uint_gt(r.info.base_index, base);
    rig_fini(&r);
}
END_TEST

START_TEST(removed_by_hand_meanwhile)
{
    struct rig r;
    make_log(&r, 30);
    faultio_remove(r.io, rig_segment(&r, 0));
    purge(&r, 25);
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert_uint_gt(r.info.base_index, 20);
    rig_fini(&r);
}
END_TEST

START_TEST(a_failed_sync_ends_the_process)
{
    struct rig r;
    int status;
    make_log(&r, 30);
    rig_close(&r);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        if (rig_open(&r) < 0)
            _exit(1);
        faultio_fail(r.io, FAULT_SYNC_DIR, 1, EIO);
        purge(&r, 25);
        _exit(2);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == WAL_EXIT_CODE);
    rig_fini(&r);
}
END_TEST

/* A full disk, and a purge that makes room: writes go on without anybody's help. */
START_TEST(makes_room)
{
    struct rig r;
    rig_init(&r, 1, 4096);
    faultio_space(r.io, UINT64_C(4096) * 3);
    ck_assert_int_eq(rig_open(&r), 0);
    add_entries(&r, 1, 9, 4);
    rig_wait_full(&r, true);
    wal_purge(r.wal, 4);
    rig_wait_full(&r, false);
    add_entries(&r, 10, 12, 4);
    rig_close(&r);
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert_uint_eq(r.found.v[r.found.n - 1].a, 12);
    rig_fini(&r);
}
END_TEST

/* What was found is what the first DURABLE or more records of WRITTEN said. */
static void expect_model(const struct rig_records *found, const struct rig_records *written,
                         size_t durable, uint64_t base, uint64_t seed)
{
    struct model a = model_new(found, found->n, base);
    struct model b = model_new(written, durable, base);
    size_t n = durable;
    while (!model_equal(&a, &b) && n < written->n)
        model_take(&b, &written->v[n++]);
    ck_assert_msg(model_equal(&a, &b), "seed %#lx: %zu entries found behind %lu",
                  (unsigned long)seed, a.n, (unsigned long)base);
    mem_free(a.entries);
    mem_free(b.entries);
}

struct life {
    uint64_t random;
    uint64_t next, snapshot; /* index; no entry up to the snapshot's is replaced */
};

static void append_one(struct rig *r, struct life *l)
{
    static char bytes[1500];
    uint64_t kind = fault_random(&l->random) % 12;
    if (kind == 0) {
        rig_state(r, fault_random(&l->random), fault_random(&l->random));
        return;
    }
    if (kind == 1 && l->next - l->snapshot > 1)
        l->next -= fault_random(&l->random) % (l->next - l->snapshot);
    size_t len = fault_random(&l->random) % sizeof(bytes);
    for (size_t i = 0; i + 8 <= len; i += 8) {
        uint64_t v = fault_random(&l->random);
        memcpy(bytes + i, &v, 8);
    }
    rig_entry(r, l->next++, fault_random(&l->random) % 100, bytes, len);
}

/* Appends, takes snapshots, purges, until the power fails or enough was done; returns how many
 * records are known to be durable. */
static size_t one_life(struct rig *r, struct life *l)
{
    if (fault_random(&l->random) % 4 != 0)
        faultio_power_off_at(r->io, 1 + (unsigned)(fault_random(&l->random) % 60));
    uint64_t durable = 0;
    unsigned appends = 10 + (unsigned)(fault_random(&l->random) % 100);
    for (unsigned i = 0; i < appends && !faultio_is_off(r->io); i++) {
        append_one(r, l);
        uint64_t what = fault_random(&l->random) % 12;
        if (what < 3)
            wal_flush(r->wal);
        else if (what < 5)
            wal_sync(r->wal);
        uint64_t lsn = wal_durable(r->wal);
        if (faultio_is_off(r->io))
            break;
        durable = lsn;
        /* Whatever is durable may be committed, and in a snapshot. */
        if (what == 4 && durable == r->written.n - r->at_start && l->next - 1 > l->snapshot) {
            l->snapshot += fault_random(&l->random) % (l->next - l->snapshot);
            wal_purge(r->wal, l->snapshot);
        }
    }
    size_t n = r->at_start + (size_t)durable;
    if (fault_random(&l->random) % 2 == 0)
        faultio_power_off_at(r->io, 0);
    rig_close(r);
    return n;
}

START_TEST(random_power_losses)
{
    uint64_t seed = UINT64_C(0x9a6e0000) + (unsigned)_i;
    if (getenv("SEED") != NULL)
        seed = strtoull(getenv("SEED"), NULL, 0);
    struct life l = {.random = seed, .next = 1};
    struct rig r;
    rig_init(&r, seed, 4096);
    struct rig_records before = {0};
    size_t durable = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        ck_assert_msg(rig_open(&r) == 0, "seed %#lx: %s", (unsigned long)seed, r.err.text);
        ck_assert_uint_le(r.info.base_index, l.snapshot);
        expect_model(&r.found, &before, durable, l.snapshot, seed);
        struct model m = model_new(&r.found, r.found.n, l.snapshot);
        l.next = l.snapshot + m.n + 1;
        mem_free(m.entries);
        durable = one_life(&r, &l);
        rig_records_copy(&before, &r.written);
        faultio_power_off_at(r.io, 0);
        faultio_power_on(r.io, fault_random(&l.random) % 4 == 0);
    }
    rig_records_clear(&before);
    rig_fini(&r);
}
END_TEST

TCase *wal_purge_cases(void)
{
    TCase *c = tcase_create("wal purge");
    tcase_add_checked_fixture(c, rig_quiet, rig_loud);
    tcase_set_timeout(c, 120);
    tcase_add_test(c, whole_segments);
    tcase_add_test(c, while_it_grows);
    tcase_add_test(c, replaced_entries);
    tcase_add_loop_test(c, power_losses, 0, 8);
    tcase_add_loop_test(c, power_losses_in_a_snapshot, 0, 8);
    tcase_add_test(c, a_failed_unlink_is_no_harm);
    tcase_add_test(c, removed_by_hand_meanwhile);
    tcase_add_test(c, a_failed_sync_ends_the_process);
    tcase_add_test(c, makes_room);
    tcase_add_loop_test(c, random_power_losses, 0, getenv("SEED") != NULL ? 1 : RUNS);
    return c;
}
