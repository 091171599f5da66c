/* snapfile: what is found is complete, whatever happened while it was written. */
#include "rig.h"

#include "base/buf.h"
#include "disk/snapfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIR "snap"
/* Several syncs, many writes, and an odd end. */
#define CONTENT_BYTES ((size_t)4500001)

struct place {
    struct faultio *f;
    struct diskio io;
    struct err err;
};

static void place_init(struct place *p, uint64_t seed)
{
    *p = (struct place){.f = faultio_new(seed)};
    p->io = faultio_io(p->f);
}

static struct snapfile_id id_of(uint64_t index)
{
    return (struct snapfile_id){index, index / 8 + 1};
}

static uint64_t word_of(uint64_t index, size_t at)
{
    return (index << 32 | at) * UINT64_C(0x9e3779b97f4a7c15);
}

/* One content for each index; longer ones begin as shorter ones do. */
static char *content_of(uint64_t index, size_t n)
{
    char *bytes = mem_alloc(n + 8);
    for (size_t at = 0; at < n; at += 8) {
        uint64_t word = word_of(index, at);
        memcpy(bytes + at, &word, 8);
    }
    return bytes;
}

static int write_it(struct place *p, uint64_t index, size_t n)
{
    struct snapfile_writer *w;
    p->err = (struct err){0};
    int rv = snapfile_begin(&w, &p->io, DIR, id_of(index), &p->err);
    if (rv < 0) {
        ck_assert_ptr_null(w);
        return rv;
    }
    char *bytes = content_of(index, n);
    /* From one byte to more than is synced at a time. */
    static const size_t steps[] = {1, 100000, 7, 262144, 300000, 2500000, 64};
    size_t at = 0;
    for (size_t i = 0; rv == 0 && at < n; i++) {
        size_t step = steps[i % CP_COUNT(steps)];
        step = step < n - at ? step : n - at;
        rv = snapfile_write(w, bytes + at, step, &p->err);
        at += step;
        if (rv == 0)
            ck_assert_uint_eq(snapfile_written(w), at);
    }
    mem_free(bytes);
    if (rv == 0)
        rv = snapfile_commit(&w, &p->err);
    else
        snapfile_abort(&w);
    ck_assert_ptr_null(w);
    return rv;
}

static void check_it(struct place *p, struct snapfile_id id, size_t n)
{
    struct snapfile_reader *r;
    ck_assert_int_eq(snapfile_open(&r, &p->io, DIR, id, &p->err), 0);
    ck_assert_uint_eq(id.term, id_of(id.index).term);
    ck_assert_uint_eq(snapfile_bytes(r), n);
    char *bytes = content_of(id.index, n), *got = mem_alloc(n);
    size_t half = n / 2;
    ck_assert_int_eq(snapfile_read(r, half, got + half, n - half, &p->err), 0);
    ck_assert_int_eq(snapfile_read(r, 0, got, half, &p->err), 0);
    ck_assert_mem_eq(got, bytes, n);
    mem_free(bytes);
    mem_free(got);
    snapfile_close(r);
}

/* Exactly those of INDEXES (0 ends them) are there, newest first. */
static void expect_found(struct place *p, const uint64_t *indexes)
{
    struct snapfile_list list;
    ck_assert_int_eq(snapfile_find(&p->io, DIR, &list, &p->err), 0);
    size_t n = 0;
    while (indexes[n] != 0)
        n++;
    ck_assert_uint_eq(list.n, n);
    for (size_t i = 0; i < n; i++)
        ck_assert_uint_eq(list.v[i].index, indexes[i]);
    snapfile_list_fini(&list);
}

#define FOUND(...) ((const uint64_t[]){__VA_ARGS__ __VA_OPT__(, ) 0})

START_TEST(written_and_read)
{
    static const size_t sizes[] = {0, 1, 262143, 262144, 2097152, CONTENT_BYTES};
    struct place p;
    place_init(&p, 1);
    expect_found(&p, FOUND());
    for (size_t i = 0; i < CP_COUNT(sizes); i++) {
        ck_assert_int_eq(write_it(&p, 100 + i, sizes[i]), 0);
        faultio_power_on(p.f, false);
        check_it(&p, id_of(100 + i), sizes[i]);
    }
    ck_assert_uint_eq(faultio_files(p.f), CP_COUNT(sizes));
    ck_assert_ptr_nonnull(
        faultio_bytes(p.f, "snap/0000000000000065-000000000000000d.jsonl", &(size_t){0}));
    faultio_free(p.f);
}
END_TEST

START_TEST(on_real_files)
{
    char dir[] = "snap-test-XXXXXX", command[64];
    const struct diskio *io = &diskio_system;
    struct snapfile_writer *w, *second;
    struct snapfile_list list;
    struct snapfile_reader *r;
    struct err e = {0};
    ck_assert_ptr_nonnull(mkdtemp(dir));
    for (uint64_t i = 1; i <= 3; i++) {
        ck_assert_int_eq(snapfile_begin(&w, io, dir, id_of(i), &e), 0);
        ck_assert_int_eq(snapfile_begin(&second, io, dir, id_of(i), &e), -EEXIST);
        char *bytes = content_of(i, CONTENT_BYTES);
        ck_assert_int_eq(snapfile_write(w, bytes, CONTENT_BYTES, &e), 0);
        mem_free(bytes);
        ck_assert_int_eq(snapfile_commit(&w, &e), 0);
    }
    ck_assert_int_eq(snapfile_begin(&w, io, dir, id_of(4), &e), 0);
    ck_assert_int_eq(snapfile_purge(io, dir, SNAPFILE_KEPT, &e), 0);
    ck_assert_int_eq(snapfile_find(io, dir, &list, &e), 0);
    ck_assert_uint_eq(list.n, 2);
    ck_assert_uint_eq(list.v[0].index, 3);
    ck_assert_int_eq(snapfile_open(&r, io, dir, list.v[1], &e), 0);
    ck_assert_uint_eq(snapfile_bytes(r), CONTENT_BYTES);
    uint64_t word;
    ck_assert_int_eq(snapfile_read(r, 4000000, &word, sizeof(word), &e), 0);
    ck_assert_uint_eq(word, word_of(2, 4000000));
    snapfile_close(r);
    snapfile_list_fini(&list);
    snapfile_abort(&w);
    ck_assert_int_eq(snapfile_clean(io, dir, &e), 0);
    ck_assert_int_eq(snapfile_purge(io, dir, 0, &e), 0);
    /* Empty, so that it goes. */
    snprintf(command, sizeof(command), "rmdir %s", dir);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

START_TEST(found_in_order)
{
    struct place p;
    place_init(&p, 1);
    static const char *const alien[] = {
        "snap/readme.txt",
        "snap/0000000000000009-0000000000000001.json",
        "snap/0000000000000009-0000000000000001.jsonl~",
        "snap/000000000000000A-0000000000000001.jsonl",
        "snap/9-1.jsonl",
        "snap/0000000000000009-0000000000000001.bad",
        "snap/0000000000000009.tmp",
        "snap/0000000000000000-0000000000000000.snap",
    };
    for (size_t i = 0; i < CP_COUNT(alien); i++)
        faultio_put(p.f, alien[i], "x", 1);
    static const uint64_t order[] = {300, 7, UINT64_MAX, 4096, 299};
    for (size_t i = 0; i < CP_COUNT(order); i++)
        ck_assert_int_eq(write_it(&p, order[i], 10), 0);
    expect_found(&p, FOUND(UINT64_MAX, 4096, 300, 299, 7));
    /* Same index, another term: the higher one first. */
    faultio_put(p.f, "snap/0000000000000007-0000000000000005.jsonl", "x", 1);
    struct snapfile_list list;
    ck_assert_int_eq(snapfile_find(&p.io, DIR, &list, &p.err), 0);
    ck_assert_uint_eq(list.n, 6);
    ck_assert_uint_eq(list.v[4].term, 5);
    ck_assert_uint_eq(list.v[5].term, 1);
    snapfile_list_fini(&list);
    ck_assert_int_eq(snapfile_clean(&p.io, DIR, &p.err), 0);
    ck_assert_uint_eq(faultio_files(p.f), 6 + CP_COUNT(alien));
    ck_assert_int_eq(snapfile_purge(&p.io, DIR, SNAPFILE_KEPT, &p.err), 0);
    expect_found(&p, FOUND(UINT64_MAX, 4096));
    ck_assert_int_eq(snapfile_purge(&p.io, DIR, SNAPFILE_KEPT, &p.err), 0);
    ck_assert_uint_eq(faultio_files(p.f), 2 + CP_COUNT(alien));
    faultio_free(p.f);
}
END_TEST

START_TEST(written_again)
{
    struct place p;
    place_init(&p, 1);
    faultio_put(p.f, "snap/0000000000000009-0000000000000002.jsonl", "damaged", 7);
    ck_assert_int_eq(write_it(&p, 9, 5000), 0);
    check_it(&p, id_of(9), 5000);
    expect_found(&p, FOUND(9));
    faultio_free(p.f);
}
END_TEST

START_TEST(aborted)
{
    struct place p;
    struct snapfile_writer *w;
    place_init(&p, 1);
    ck_assert_int_eq(snapfile_begin(&w, &p.io, DIR, id_of(5), &p.err), 0);
    ck_assert_int_eq(snapfile_write(w, "some", 4, &p.err), 0);
    /* Not found before it is complete; and only one at a time. */
    expect_found(&p, FOUND());
    ck_assert_int_eq(write_it(&p, 5, 10), -EEXIST);
    ck_assert(strstr(p.err.text, "make snap/0000000000000005-0000000000000001.tmp: ") != NULL);
    snapfile_abort(&w);
    ck_assert_ptr_null(w);
    snapfile_abort(&w);
    ck_assert_uint_eq(faultio_files(p.f), 0);
    ck_assert_int_eq(write_it(&p, 5, 10), 0);
    faultio_free(p.f);
}
END_TEST

START_TEST(set_aside)
{
    struct place p;
    place_init(&p, 1);
    ck_assert_int_eq(write_it(&p, 5, 10), 0);
    ck_assert_int_eq(write_it(&p, 6, 10), 0);
    ck_assert_int_eq(snapfile_set_aside(&p.io, DIR, id_of(6), &p.err), 0);
    faultio_power_on(p.f, false);
    expect_found(&p, FOUND(5));
    ck_assert_uint_eq(faultio_files(p.f), 2);
    ck_assert_int_eq(snapfile_set_aside(&p.io, DIR, id_of(6), &p.err), -ENOENT);
    ck_assert(strstr(p.err.text, "rename snap/") == p.err.text);
    faultio_free(p.f);
}
END_TEST

START_TEST(read_while_it_is_purged)
{
    struct place p;
    struct snapfile_reader *r;
    char c;
    place_init(&p, 1);
    ck_assert_int_eq(write_it(&p, 5, 1000), 0);
    ck_assert_int_eq(snapfile_open(&r, &p.io, DIR, id_of(5), &p.err), 0);
    ck_assert_str_eq(snapfile_name(r), "snap/0000000000000005-0000000000000001.jsonl");
    ck_assert_int_eq(snapfile_purge(&p.io, DIR, 0, &p.err), 0);
    ck_assert_int_eq(snapfile_read(r, 999, &c, 1, &p.err), 0);
    snapfile_close(r);
    ck_assert_int_eq(snapfile_open(&r, &p.io, DIR, id_of(5), &p.err), -ENOENT);
    ck_assert_ptr_null(r);
    ck_assert(strstr(p.err.text, "open snap/0000000000000005-") == p.err.text);
    faultio_free(p.f);
}
END_TEST

START_TEST(cut_while_it_is_read)
{
    struct place p;
    struct snapfile_reader *r;
    char bytes[1000];
    place_init(&p, 1);
    ck_assert_int_eq(write_it(&p, 5, sizeof(bytes)), 0);
    ck_assert_int_eq(snapfile_open(&r, &p.io, DIR, id_of(5), &p.err), 0);
    int fd = p.io.open(p.io.ctx, snapfile_name(r), 0, 0);
    ck_assert_int_eq(p.io.truncate(p.io.ctx, fd, 999), 0);
    p.io.close(p.io.ctx, fd);
    ck_assert_int_eq(snapfile_read(r, 0, bytes, sizeof(bytes), &p.err), ERR_CORRUPT);
    ck_assert(strstr(p.err.text, snapfile_name(r)) == p.err.text);
    snapfile_close(r);
    faultio_free(p.f);
}
END_TEST

/* Two snapshots are there, a third is written, then the oldest goes; the power fails with the N-th
 * change. Returns whether it failed. */
static bool lose_power_at(unsigned n, uint64_t seed)
{
    struct place p;
    place_init(&p, seed);
    ck_assert_int_eq(write_it(&p, 10, 1000), 0);
    ck_assert_int_eq(write_it(&p, 20, 1000), 0);
    faultio_power_off_at(p.f, n);
    ck_assert_int_eq(write_it(&p, 30, CONTENT_BYTES), 0);
    bool committed = !faultio_is_off(p.f);
    ck_assert_int_eq(snapfile_purge(&p.io, DIR, SNAPFILE_KEPT, &p.err), 0);
    bool failed = faultio_is_off(p.f);
    faultio_power_off_at(p.f, 0);
    faultio_power_on(p.f, false);

    ck_assert_int_eq(snapfile_clean(&p.io, DIR, &p.err), 0);
    struct snapfile_list list;
    ck_assert_int_eq(snapfile_find(&p.io, DIR, &list, &p.err), 0);
    ck_assert_uint_eq(list.n, faultio_files(p.f));
    ck_assert_uint_ge(list.n, 2);
    for (size_t i = 0; i < list.n; i++)
        check_it(&p, list.v[i], list.v[i].index == 30 ? CONTENT_BYTES : 1000);
    if (committed)
        ck_assert_uint_eq(list.v[0].index, 30);
    size_t of_20 = list.v[0].index == 30 ? 1 : 0;
    ck_assert_uint_eq(list.v[of_20].index, 20);
    snapfile_list_fini(&list);
    /* And it goes on. */
    ck_assert_int_eq(write_it(&p, 30, 2000), 0);
    check_it(&p, id_of(30), 2000);
    faultio_free(p.f);
    return failed;
}

START_TEST(power_losses)
{
    unsigned n = 1;
    while (lose_power_at(n, (uint64_t)_i << 32 | n))
        n++;
    ck_assert_uint_gt(n, 15);
}
END_TEST

/* Each call fails, the first time, the second, and so on; nothing that was there suffers. */
START_TEST(failures)
{
    static const struct {
        enum fault_call call;
        int errnum;
        const char *words;
    } cases[] = {
        {FAULT_OPEN, EMFILE, "make snap/"},      {FAULT_OPEN, EROFS, "make snap/"},
        {FAULT_PWRITE, EIO, "write snap/"},      {FAULT_PWRITE, ENOSPC, "write snap/"},
        {FAULT_DATASYNC, EIO, "sync snap/"},     {FAULT_RENAME, EIO, "rename snap/"},
        {FAULT_SYNC_DIR, EIO, "sync directory"},
    };
    struct place p;
    place_init(&p, 1);
    ck_assert_int_eq(write_it(&p, 10, 1000), 0);
    ck_assert_int_eq(write_it(&p, 20, 1000), 0);
    unsigned n = 1;
    for (;; n++) {
        faultio_fail(p.f, cases[_i].call, n, cases[_i].errnum);
        int rv = write_it(&p, 30, CONTENT_BYTES);
        faultio_fail(p.f, cases[_i].call, 0, 0);
        if (rv == 0)
            break;
        ck_assert_int_eq(rv, -cases[_i].errnum);
        ck_assert_int_eq(rv, p.err.code);
        ck_assert_msg(strstr(p.err.text, cases[_i].words) == p.err.text, "%s", p.err.text);
        faultio_power_on(p.f, true);
        if (cases[_i].call == FAULT_SYNC_DIR) {
            expect_found(&p, FOUND(30, 20, 10));
            check_it(&p, id_of(30), CONTENT_BYTES);
        } else {
            expect_found(&p, FOUND(20, 10));
            ck_assert_uint_eq(faultio_files(p.f), 2);
        }
        check_it(&p, id_of(20), 1000);
    }
    ck_assert_uint_gt(n, 1);
    check_it(&p, id_of(30), CONTENT_BYTES);
    faultio_free(p.f);
}
END_TEST

START_TEST(no_room)
{
    struct place p;
    place_init(&p, 1);
    ck_assert_int_eq(write_it(&p, 10, 1000), 0);
    faultio_space(p.f, 3000000);
    ck_assert_int_eq(write_it(&p, 30, CONTENT_BYTES), -ENOSPC);
    ck_assert_uint_eq(faultio_files(p.f), 1);
    ck_assert_int_eq(write_it(&p, 30, 2000000), 0);
    check_it(&p, id_of(10), 1000);
    faultio_free(p.f);
}
END_TEST

/* Not even the temporary file can be removed: the next start does. */
START_TEST(left_over)
{
    struct place p;
    place_init(&p, 1);
    ck_assert_int_eq(write_it(&p, 10, 1000), 0);
    faultio_fail(p.f, FAULT_PWRITE, 2, ENOSPC);
    faultio_fail(p.f, FAULT_UNLINK, 1, EIO);
    ck_assert_int_eq(write_it(&p, 30, CONTENT_BYTES), -ENOSPC);
    ck_assert_uint_eq(faultio_files(p.f), 2);
    expect_found(&p, FOUND(10));
    ck_assert_int_eq(snapfile_clean(&p.io, DIR, &p.err), -EIO);
    ck_assert(strstr(p.err.text, "remove snap/000000000000001e-0000000000000004.tmp") != NULL);
    ck_assert_int_eq(snapfile_purge(&p.io, DIR, 0, &p.err), -EIO);
    faultio_fail(p.f, FAULT_PWRITE, 0, 0);
    faultio_fail(p.f, FAULT_UNLINK, 0, 0);
    ck_assert_int_eq(snapfile_clean(&p.io, DIR, &p.err), 0);
    ck_assert_uint_eq(faultio_files(p.f), 1);
    ck_assert_int_eq(write_it(&p, 30, 5), 0);
    faultio_free(p.f);
}
END_TEST

static struct {
    struct diskio io;
    atomic_bool stop;
    unsigned writes;
} stopping;

/* The stop comes while the disk has the second write. */
static int write_and_stop(void *ctx, int fd, const void *bytes, size_t n, uint64_t at)
{
    atomic_store(&stopping.stop, ++stopping.writes >= 2);
    return stopping.io.pwrite(ctx, fd, bytes, n, at);
}

/* Large values are one piece each: a stop does not wait until the piece is written. */
START_TEST(stopped_within_a_piece)
{
    bool gentle = _i != 0, small = _i == 2;
    struct place p;
    struct snapfile_writer *w;
    char *bytes = content_of(30, 2 * CONTENT_BYTES);
    place_init(&p, 1);
    ck_assert_int_eq(write_it(&p, 20, 1000), 0);
    stopping.io = p.io;
    stopping.writes = 0;
    atomic_store(&stopping.stop, small);
    p.io.pwrite = write_and_stop;
    ck_assert_int_eq(snapfile_begin(&w, &p.io, DIR, id_of(30), &p.err), 0);
    snapfile_stop_by(w, &stopping.stop);
    if (gentle)
        snapfile_be_gentle(w);
    int rv = snapfile_write(w, bytes, small ? 1000 : 2 * CONTENT_BYTES, &p.err);
    ck_assert_int_eq(rv, small ? 0 : ERR_STOPPED); /* small: gathered */
    ck_assert_int_eq(snapfile_commit(&w, &p.err), ERR_STOPPED);
    ck_assert_str_eq(p.err.text, "write snap/000000000000001e-0000000000000004.tmp: broken off");
    ck_assert_uint_eq(stopping.writes, small ? 0 : 2);
    ck_assert_uint_eq(faultio_files(p.f), 1);
    p.io.pwrite = stopping.io.pwrite;
    expect_found(&p, FOUND(20));
    ck_assert_int_eq(write_it(&p, 30, 5), 0);
    faultio_free(p.f);
    mem_free(bytes);
}
END_TEST

/* Two that purge at once, and a directory that is not there. */
START_TEST(gone_already)
{
    struct place p;
    struct snapfile_list list;
    place_init(&p, 1);
    ck_assert_int_eq(write_it(&p, 10, 1000), 0);
    ck_assert_int_eq(write_it(&p, 20, 1000), 0);
    faultio_fail(p.f, FAULT_UNLINK, 1, ENOENT);
    ck_assert_int_eq(snapfile_purge(&p.io, DIR, 1, &p.err), 0);
    ck_assert_int_eq(snapfile_find(&diskio_system, "/nowhere/at/all", &list, &p.err), 0);
    ck_assert_uint_eq(list.n, 0);
    faultio_free(p.f);
}
END_TEST

TCase *snapfile_cases(void)
{
    TCase *c = tcase_create("snapfile");
    tcase_set_timeout(c, 60);
    tcase_add_test(c, written_and_read);
    tcase_add_test(c, on_real_files);
    tcase_add_test(c, found_in_order);
    tcase_add_test(c, written_again);
    tcase_add_test(c, aborted);
    tcase_add_test(c, set_aside);
    tcase_add_test(c, read_while_it_is_purged);
    tcase_add_test(c, cut_while_it_is_read);
    tcase_add_loop_test(c, power_losses, 0, 6);
    tcase_add_loop_test(c, failures, 0, 7);
    tcase_add_test(c, no_room);
    tcase_add_test(c, left_over);
    tcase_add_loop_test(c, stopped_within_a_piece, 0, 3); /* fast, gentle, gathered */
    tcase_add_test(c, gone_already);
    return c;
}
