/* wal: segments that are missing, foreign, of another format, cut, or not part of the log. */
#include "rig.h"

#include "base/crc32c.h"

#include <endian.h>
#include <string.h>

/* A closed log of three segments or more. */
static void make_log(struct rig *r)
{
    char payload[900];
    memset(payload, 'x', sizeof(payload));
    rig_init(r, 1, 4096);
    ck_assert_int_eq(rig_open(r), 0);
    rig_state(r, 4, 2);
    for (uint64_t i = 1; i <= 10; i++) {
        rig_entry(r, i, 4, payload, sizeof(payload));
        rig_wait(r, r->written.n);
    }
    rig_close(r);
    ck_assert_ptr_nonnull(rig_segment(r, 2));
}

static void expect(struct rig *r, int code, const char *words)
{
    ck_assert_int_eq(rig_open(r), code);
    ck_assert_msg(strstr(r->err.text, words) != NULL, "no \"%s\" in: %s", words, r->err.text);
    rig_fini(r);
}

static char *segment_copy(struct rig *r, size_t n, uint8_t **bytes, size_t *len)
{
    char *path = mem_strdup(rig_segment(r, n));
    uint8_t *p = faultio_bytes(r->io, path, len);
    *bytes = mem_dup(p, *len);
    return path;
}

START_TEST(missing_in_the_middle)
{
    struct rig r;
    make_log(&r);
    faultio_remove(r.io, rig_segment(&r, 1));
    expect(&r, ERR_CORRUPT, "segment 0000000000000002 is missing");
}
END_TEST

/* What removal of old segments leaves: the head of the first stands for them. */
START_TEST(missing_at_the_front)
{
    struct rig r;
    make_log(&r);
    uint64_t gone = 0;
    struct rig_records all = {0};
    rig_records_copy(&all, &r.written);
    faultio_remove(r.io, rig_segment(&r, 0));
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert_int_eq(r.found.v[0].type, WAL_STATE);
    ck_assert_uint_eq(r.found.v[0].a, 4);
    ck_assert_uint_eq(r.found.v[0].b, 2);
    ck_assert_int_eq(r.found.v[1].type, WAL_MARK);
    gone = r.found.v[1].a;
    ck_assert_uint_gt(gone, 0);
    ck_assert_uint_eq(r.found.v[1].b, 4);
    ck_assert_uint_eq(r.found.v[2].a, gone + 1);
    ck_assert_uint_eq(r.found.n, 2 + 10 - gone);
    /* And it goes on. */
    rig_entry(&r, 11, 4, "", 0);
    rig_wait(&r, 1);
    rig_close(&r);
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert_uint_eq(r.found.n, 3 + 10 - gone);
    rig_records_clear(&all);
    rig_fini(&r);
}
END_TEST

START_TEST(two_of_one_sequence)
{
    struct rig r;
    make_log(&r);
    faultio_put(r.io, "wal/0000000000000002-00000000000000ff.wal", "", 0);
    expect(&r, ERR_CORRUPT, "two segments have the sequence 0000000000000002");
}
END_TEST

START_TEST(renamed)
{
    struct rig r;
    uint8_t *bytes;
    size_t len;
    make_log(&r);
    char *path = segment_copy(&r, 0, &bytes, &len);
    faultio_remove(r.io, path);
    faultio_put(r.io, "wal/0000000000000001-0000000000000002.wal", bytes, len);
    mem_free(path);
    mem_free(bytes);
    expect(&r, ERR_CORRUPT, "it was renamed");
}
END_TEST

START_TEST(of_another_member)
{
    struct rig r;
    make_log(&r);
    r.conf.member_id++;
    expect(&r, ERR_FOREIGN, "belongs to member 3e of cluster c1, not to member 3f of cluster c1");
}
END_TEST

START_TEST(of_another_cluster)
{
    struct rig r;
    make_log(&r);
    r.conf.cluster_id++;
    expect(&r, ERR_FOREIGN, "not to member 3e of cluster c2");
}
END_TEST

START_TEST(any_owner_when_not_asked)
{
    struct rig r;
    make_log(&r);
    r.conf.cluster_id = r.conf.member_id = 0;
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert_uint_eq(r.info.cluster_id, RIG_CLUSTER);
    ck_assert_uint_eq(r.info.member_id, RIG_MEMBER);
    /* New segments are the owner's too. */
    for (uint64_t i = 0; i < 300; i++)
        rig_state(&r, 5 + i, 1);
    rig_wait(&r, 300);
    rig_close(&r);
    r.conf.cluster_id = RIG_CLUSTER;
    ck_assert_int_eq(rig_open(&r), 0);
    rig_fini(&r);
}
END_TEST

START_TEST(mixed_with_a_foreign_one)
{
    struct rig r, other;
    uint8_t *bytes;
    size_t len;
    make_log(&r);
    rig_init(&other, 1, 4096);
    other.conf.member_id = 0x77;
    ck_assert_int_eq(rig_open(&other), 0);
    rig_close(&other);
    char *path = segment_copy(&other, 0, &bytes, &len);
    rig_fini(&other);
    faultio_put(r.io, rig_segment(&r, 1), bytes, len);
    mem_free(path);
    mem_free(bytes);
    expect(&r, ERR_FOREIGN, "belongs to member 77");
}
END_TEST

static void set_version(struct rig *r, size_t n, uint32_t version)
{
    static const uint8_t zero[4] = {0};
    size_t len;
    uint8_t *p = faultio_bytes(r->io, rig_segment(r, n), &len);
    uint32_t v = htole32(version);
    memcpy(p + 8, &v, 4);
    v = htole32(crc32c(crc32c(crc32c(0, p, 12), zero, 4), p + 16, 80));
    memcpy(p + 12, &v, 4);
}

START_TEST(of_a_future_format)
{
    struct rig r;
    make_log(&r);
    set_version(&r, 0, 2);
    expect(&r, ERR_VERSION, "format version 2, this program knows version 1");
}
END_TEST

/* doc/disk.md says how the checksum of the head is made: this pins it. */
START_TEST(of_this_format)
{
    struct rig r;
    make_log(&r);
    set_version(&r, 0, 1);
    ck_assert_int_eq(rig_open(&r), 0);
    rig_fini(&r);
}
END_TEST

START_TEST(empty)
{
    struct rig r;
    make_log(&r);
    size_t last = r.info.segments;
    while (rig_segment(&r, last + 1) != NULL)
        last++;
    faultio_put(r.io, rig_segment(&r, last), "", 0);
    expect(&r, ERR_CORRUPT, "damaged at offset 0: the file ends within its head");
}
END_TEST

START_TEST(cut_within_the_head)
{
    struct rig r;
    uint8_t *bytes;
    size_t len;
    make_log(&r);
    char *path = segment_copy(&r, 2, &bytes, &len);
    faultio_put(r.io, path, bytes, 95);
    mem_free(path);
    mem_free(bytes);
    expect(&r, ERR_CORRUPT, "restore this member from a backup");
}
END_TEST

START_TEST(no_log_of_ours)
{
    struct rig r;
    rig_init(&r, 1, 4096);
    static const char etcd[100] = {4, 0, 0, 0, 0, 0, 0, (char)0x84, 8, 4};
    faultio_put(r.io, "wal/0000000000000000-0000000000000000.wal", etcd, sizeof(etcd));
    expect(&r, ERR_CORRUPT, "does not begin as a log of copse does");
}
END_TEST

/* A crash while the next segment was made, or had records in it already that nobody was told of. */
START_TEST(temporary_files_go)
{
    struct rig r;
    uint8_t *bytes;
    size_t len;
    make_log(&r);
    size_t files = faultio_files(r.io);
    char *path = segment_copy(&r, 1, &bytes, &len);
    faultio_put(r.io, "wal/0000000000000009.tmp", "", 0);
    faultio_put(r.io, "wal/000000000000000a.tmp", bytes, len);
    faultio_put(r.io, "wal/readme.txt", "mine", 4);
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert_uint_eq(r.found.n, r.written.n);
    rig_close(&r);
    ck_assert_uint_eq(faultio_files(r.io), files + 1);
    mem_free(path);
    mem_free(bytes);
    rig_fini(&r);
}
END_TEST

/* A copy that left out the zeros at the end, or more: nobody can tell. */
START_TEST(cut_behind_a_record)
{
    struct rig r;
    uint8_t *bytes;
    size_t len;
    rig_init(&r, 1, 4096);
    ck_assert_int_eq(rig_open(&r), 0);
    rig_entry(&r, 1, 1, "one", 3);
    rig_close(&r);
    char *path = segment_copy(&r, 0, &bytes, &len);
    faultio_put(r.io, path, bytes, 96 + 24 + 16 + 8);
    ck_assert_int_eq(rig_open(&r), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(r.err.text, "damaged at offset 144: the file was cut here"));
    faultio_put(r.io, path, bytes, len - 1);
    ck_assert_int_eq(rig_open(&r), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(r.err.text, "damaged at offset 4095: the file was cut here"));
    faultio_put(r.io, path, bytes, len);
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert_uint_eq(r.found.n, 1);
    mem_free(path);
    mem_free(bytes);
    rig_fini(&r);
}
END_TEST

static int refuse(void *ctx, const struct wal_record *r, struct err *e)
{
    (void)ctx;
    return r->type == WAL_ENTRY ? err_set(e, ERR_MALFORMED, "a gap") : 0;
}

START_TEST(refused_by_the_reader)
{
    struct rig r;
    make_log(&r);
    r.conf.replay = refuse;
    expect(&r, ERR_MALFORMED, "offset 136: a gap");
}
END_TEST

TCase *wal_files_cases(void)
{
    TCase *c = tcase_create("wal files");
    tcase_add_test(c, missing_in_the_middle);
    tcase_add_test(c, missing_at_the_front);
    tcase_add_test(c, two_of_one_sequence);
    tcase_add_test(c, renamed);
    tcase_add_test(c, of_another_member);
    tcase_add_test(c, of_another_cluster);
    tcase_add_test(c, any_owner_when_not_asked);
    tcase_add_test(c, mixed_with_a_foreign_one);
    tcase_add_test(c, of_a_future_format);
    tcase_add_test(c, of_this_format);
    tcase_add_test(c, empty);
    tcase_add_test(c, cut_within_the_head);
    tcase_add_test(c, no_log_of_ours);
    tcase_add_test(c, temporary_files_go);
    tcase_add_test(c, cut_behind_a_record);
    tcase_add_test(c, refused_by_the_reader);
    return c;
}
