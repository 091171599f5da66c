/* A log read by one who does not own it, while the owner writes. */
#include "rig.h"

#include <errno.h>
#include <string.h>

/* Reads of the last segment meet, the first TIMES, a file that ends in the middle of a write: bytes
 * from AT to END are not there yet. */
struct unfinished {
    struct diskio io, below;
    uint64_t at, end;
    unsigned times;
};

static ssize_t read_unfinished(void *ctx, int fd, void *bytes, size_t n, uint64_t from)
{
    struct unfinished *u = ctx;
    ssize_t k = u->below.pread(u->below.ctx, fd, bytes, n, from);
    bool met = false;
    for (ssize_t i = 0; u->times > 0 && i < k; i++) {
        if (from + (uint64_t)i >= u->at && from + (uint64_t)i < u->end) {
            ((uint8_t *)bytes)[i] = 0;
            met = true;
        }
    }
    u->times -= met;
    return k;
}

#define PASS(name, params, args)                                                                   \
    static int name##_below params                                                                 \
    {                                                                                              \
        struct unfinished *u = ctx;                                                                \
        return u->below.name args;                                                                 \
    }
PASS(open, (void *ctx, const char *path, int flags, mode_t mode), (u->below.ctx, path, flags, mode))
PASS(close, (void *ctx, int fd), (u->below.ctx, fd))
PASS(size, (void *ctx, int fd, uint64_t *bytes), (u->below.ctx, fd, bytes))
PASS(list, (void *ctx, const char *dir, int (*each)(void *arg, const char *name), void *arg),
     (u->below.ctx, dir, each, arg))

struct looked {
    uint64_t entries, last, segments, torn;
};

static int on_record(void *ctx, const struct wal_place *place, const struct wal_record *r,
                     struct err *e)
{
    struct looked *l = ctx;
    (void)e;
    if (r->type == WAL_ENTRY) {
        l->entries++;
        l->last = r->entry.index;
        ck_assert_uint_gt(place->bytes, 0);
    }
    return 0;
}

static void on_segment(void *ctx, const struct wal_segment *s)
{
    struct looked *l = ctx;
    l->segments++;
    l->torn = s->torn_bytes;
}

/* Ten entries, each a write of its own, in one segment; nothing but the calls above is there, so
 * that any change would crash. */
static void begin(struct rig *r, struct unfinished *u, struct wal_look *look, struct looked *found)
{
    rig_init(r, 1, 65536);
    ck_assert_int_eq(rig_open(r), 0);
    for (uint64_t i = 1; i <= 10; i++)
        rig_wait(r, rig_entry(r, i, 1, "0123456789abcdef", 16));
    rig_close(r);
    *u = (struct unfinished){.below = r->calls};
    u->io = (struct diskio){.ctx = u,
                            .open = open_below,
                            .close = close_below,
                            .size = size_below,
                            .list = list_below,
                            .pread = read_unfinished};
    *found = (struct looked){0};
    *look = (struct wal_look){
        .dir = r->conf.dir, .io = &u->io, .record = on_record, .segment = on_segment, .ctx = found};
}

/* Head, then records of 24 + 16 + 16 bytes. */
#define RECORD(n) (96 + ((n)-1) * 56)

START_TEST(a_write_under_way_is_read_again)
{
    struct rig r;
    struct unfinished u;
    struct wal_look look;
    struct looked found;
    struct wal_info info;
    begin(&r, &u, &look, &found);
    /* Later records are seen before an earlier one: alone that would prove damage. Once more is as
     * often as that can be, for what proves it is not read again. */
    u.at = RECORD(4) + 10;
    u.end = RECORD(5);
    u.times = (unsigned)_i;
    ck_assert_int_eq(wal_look(&look, &info, &r.err), 0);
    ck_assert_uint_eq(found.entries, 10);
    ck_assert_uint_eq(found.last, 10);
    ck_assert_uint_eq(found.segments, 1);
    ck_assert_uint_eq(found.torn, 0);
    ck_assert_uint_eq(info.cluster_id, RIG_CLUSTER);
    rig_fini(&r);
}
END_TEST

START_TEST(damage_stays_damage)
{
    struct rig r;
    struct unfinished u;
    struct wal_look look;
    struct looked found;
    struct wal_info info;
    begin(&r, &u, &look, &found);
    u.at = RECORD(4) + 10;
    u.end = RECORD(5);
    u.times = 1000000;
    ck_assert_int_eq(wal_look(&look, &info, &r.err), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(r.err.text, "damaged at offset 264: "));
    ck_assert_uint_eq(found.last, 3);
    rig_fini(&r);
}
END_TEST

START_TEST(the_last_write_may_be_half)
{
    struct rig r;
    struct unfinished u;
    struct wal_look look;
    struct looked found;
    struct wal_info info;
    begin(&r, &u, &look, &found);
    u.at = RECORD(10) + 40;
    u.end = RECORD(11); /* of 40 bytes the last seven are zero */
    u.times = 1000000;
    ck_assert_int_eq(wal_look(&look, &info, &r.err), 0);
    ck_assert_uint_eq(found.last, 9);
    ck_assert_uint_eq(found.torn, 33);
    ck_assert_uint_eq(info.torn_bytes, 33);
    rig_fini(&r);
}
END_TEST

/* Names that are listed and gone when they are opened. */
START_TEST(purged_while_it_is_read)
{
    struct rig r;
    struct unfinished u;
    struct wal_look look;
    struct looked found;
    struct wal_info info;
    begin(&r, &u, &look, &found);
    rig_fini(&r);
    rig_init(&r, 1, 4096);
    ck_assert_int_eq(rig_open(&r), 0);
    for (uint64_t i = 1; i <= 200; i++)
        rig_wait(&r, rig_entry(&r, i, 1, "0123456789abcdef", 16));
    rig_close(&r);
    ck_assert_ptr_nonnull(rig_segment(&r, 2));
    look.io = &r.calls;
    look.dir = r.conf.dir;
    faultio_fail(r.io, FAULT_OPEN, 1, ENOENT);
    ck_assert_int_eq(wal_look(&look, &info, &r.err), -ENOENT);
    ck_assert_ptr_nonnull(strstr(r.err.text, "try again"));
    faultio_fail(r.io, FAULT_OPEN, 0, 0);
    ck_assert_int_eq(wal_look(&look, &info, &r.err), 0);
    ck_assert_uint_eq(found.last, 200);
    faultio_fail(r.io, FAULT_OPEN, 2, ENOENT);
    ck_assert_int_eq(wal_look(&look, &info, &r.err), -ENOENT);
    faultio_fail(r.io, FAULT_OPEN, 0, 0);
    rig_fini(&r);
}
END_TEST

TCase *wal_look_cases(void)
{
    TCase *t = tcase_create("look");
    tcase_add_loop_test(t, a_write_under_way_is_read_again, 1, 3);
    tcase_add_test(t, damage_stays_damage);
    tcase_add_test(t, the_last_write_may_be_half);
    tcase_add_test(t, purged_while_it_is_read);
    return t;
}
