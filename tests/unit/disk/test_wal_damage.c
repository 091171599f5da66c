/* wal: every byte of a small log turned, one at a time. What was durable before the last write is
 * never lost in silence; what a start accepts is exactly what was written. */
#include "rig.h"

#include "base/log.h"
#include "disk/record.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct layout {
    size_t begin[256]; /* where each record of the last segment begins */
    size_t n, batch;   /* how many; where the last write began */
    size_t end;
};

static size_t bytes_of(const struct rig_record *x)
{
    return 24 + ((16 + x->len + 7) & ~(size_t)7);
}

static void write_group(struct rig *r, struct layout *l, uint64_t *index, unsigned n)
{
    l->batch = l->end;
    for (unsigned i = 0; i < n; i++) {
        if (*index % 4 == 0)
            rig_state(r, *index, 3);
        else
            rig_entry(r, *index, 2, "a payload of some forty bytes or so, why not", *index % 5 * 9);
        (*index)++;
        l->begin[l->n++] = l->end;
        l->end += bytes_of(&r->written.v[r->written.n - 1]);
    }
    rig_wait(r, r->written.n);
}

/* Starts on a copy of the segment with the byte at AT changed by MASK; returns what wal_open says.
 */
static int start_with(struct rig *r, const char *path, const uint8_t *good, size_t len, size_t at,
                      uint8_t mask)
{
    size_t n;
    uint8_t *p = faultio_bytes(r->io, path, &n);
    ck_assert_uint_eq(n, len);
    memcpy(p, good, len);
    p[at] ^= mask;
    int rv = rig_open(r);
    if (rv == 0)
        rig_close(r);
    return rv;
}

static const uint8_t masks[] = {0x01, 0x80, 0xff};

START_TEST(a_turned_byte_in_the_last_segment)
{
    struct rig r;
    struct layout l = {.end = 96};
    uint64_t index = 1;
    rig_init(&r, 1, 4096);
    ck_assert_int_eq(rig_open(&r), 0);
    write_group(&r, &l, &index, 1);
    write_group(&r, &l, &index, 5);
    write_group(&r, &l, &index, 1);
    write_group(&r, &l, &index, 4);
    rig_close(&r);
    struct rig_records all = {0};
    rig_records_copy(&all, &r.written);
    char *path = mem_strdup(rig_segment(&r, 0));
    size_t len;
    uint8_t *bytes = faultio_bytes(r.io, path, &len);
    uint8_t *good = mem_dup(bytes, len);

    for (size_t at = 0; at < l.end + 64; at++) {
        for (size_t m = 0; m < CP_COUNT(masks); m++) {
            int rv = start_with(&r, path, good, len, at, masks[m]);
            if (at < l.batch) {
                ck_assert_msg(rv == ERR_CORRUPT, "byte %zu, mask %x: %d", at, masks[m], rv);
                ck_assert(strstr(r.err.text, path) != NULL);
                ck_assert(strstr(r.err.text, "offset") != NULL);
                continue;
            }
            size_t whole = 0;
            while (whole < l.n && (whole + 1 < l.n ? l.begin[whole + 1] : l.end) <= at)
                whole++;
            ck_assert_msg(rv == 0, "byte %zu, mask %x: %s", at, masks[m], r.err.text);
            rig_expect_first(&r, &all, whole);
            ck_assert_uint_gt(r.info.torn_bytes, 0);
        }
    }
    mem_free(good);
    mem_free(path);
    rig_records_clear(&all);
    rig_fini(&r);
}
END_TEST

/* A length of zero, or of anything else, behind which good records stand. */
START_TEST(a_damaged_length)
{
    struct rig r;
    struct layout l = {.end = 96};
    uint64_t index = 1;
    rig_init(&r, 1, 4096);
    ck_assert_int_eq(rig_open(&r), 0);
    for (int i = 0; i < 8; i++)
        write_group(&r, &l, &index, 1);
    rig_close(&r);
    char *path = mem_strdup(rig_segment(&r, 0));
    size_t len;
    uint8_t *bytes = faultio_bytes(r.io, path, &len);
    uint8_t *good = mem_dup(bytes, len);
    static const uint8_t lengths[][4] = {{0}, {16}, {255, 255, 255, 255}, {0, 8}, {0, 0, 1}};
    for (size_t i = 0; i + 1 < l.n; i++) {
        for (size_t k = 0; k < CP_COUNT(lengths); k++) {
            bytes = faultio_bytes(r.io, path, &len);
            memcpy(bytes, good, len);
            if (memcmp(bytes + l.begin[i] + 4, lengths[k], 4) == 0)
                continue;
            memcpy(bytes + l.begin[i] + 4, lengths[k], 4);
            ck_assert_int_eq(rig_open(&r), ERR_CORRUPT);
        }
        /* A whole head of zeros, a whole record of zeros. */
        size_t next = l.begin[i + 1] - l.begin[i];
        for (size_t n = 24; n <= next; n += next - 24 > 0 ? next - 24 : 24) {
            bytes = faultio_bytes(r.io, path, &len);
            memcpy(bytes, good, len);
            memset(bytes + l.begin[i], 0, n);
            ck_assert_int_eq(rig_open(&r), ERR_CORRUPT);
        }
    }
    mem_free(good);
    mem_free(path);
    rig_fini(&r);
}
END_TEST

/* All before the last segment is complete, whatever it is that is missing. */
START_TEST(a_turned_byte_in_an_earlier_segment)
{
    struct rig r;
    struct layout l = {.end = 96};
    uint64_t index = 1;
    rig_init(&r, 1, 4096);
    ck_assert_int_eq(rig_open(&r), 0);
    while (l.end <= 4096)
        write_group(&r, &l, &index, 1);
    rig_close(&r);
    size_t end = l.begin[l.n - 1];
    char *path = mem_strdup(rig_segment(&r, 0));
    size_t len;
    uint8_t *bytes = faultio_bytes(r.io, path, &len);
    uint8_t *good = mem_dup(bytes, len);
    size_t n = r.written.n;
    for (size_t at = 0; at < len; at++) {
        int rv = start_with(&r, path, good, len, at, masks[at % CP_COUNT(masks)]);
        ck_assert_msg(rv == (at < end ? ERR_CORRUPT : 0), "byte %zu: %d", at, rv);
        if (rv == 0)
            ck_assert_uint_eq(r.found.n, n);
    }
    /* Its last record gone without a trace. */
    bytes = faultio_bytes(r.io, path, &len);
    memcpy(bytes, good, len);
    memset(bytes + l.begin[l.n - 2], 0, end - l.begin[l.n - 2]);
    ck_assert_int_eq(rig_open(&r), ERR_CORRUPT);
    ck_assert(strstr(r.err.text, "records are missing at the end") != NULL);
    mem_free(good);
    mem_free(path);
    rig_fini(&r);
}
END_TEST

/* A payload that is itself a piece of this log, in a torn record: nothing in it is taken for a
 * record behind. */
START_TEST(records_within_a_torn_payload)
{
    struct rig r;
    rig_init(&r, 1, 16384);
    ck_assert_int_eq(rig_open(&r), 0);
    for (uint64_t i = 1; i <= 20; i++) {
        rig_entry(&r, i, 1, "twenty", 6);
        rig_wait(&r, i);
    }
    rig_close(&r);
    char *path = mem_strdup(rig_segment(&r, 0));
    size_t len;
    uint8_t *bytes = faultio_bytes(r.io, path, &len);
    char *image = mem_dup(bytes, 2048);
    ck_assert_int_eq(rig_open(&r), 0);
    for (size_t k = 0; k < 6; k++)
        rig_entry(&r, 21 + k, 1, image + k, 2048 - k);
    size_t at = 96 + 20 * 48 + 30;
    rig_wait(&r, 6);
    rig_close(&r);
    bytes = faultio_bytes(r.io, path, &len);
    bytes[at] ^= 1;
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert_uint_eq(r.found.n, 20);
    mem_free(image);
    mem_free(path);
    rig_fini(&r);
}
END_TEST

/* The same, where the piece is of a later time: a member was set back to an older state of its
 * disk, and its own later log came in as a value. */
START_TEST(later_records_within_a_torn_payload)
{
    struct rig r;
    rig_init(&r, 1, 16384);
    ck_assert_int_eq(rig_open(&r), 0);
    uint8_t *older = NULL;
    size_t len;
    for (uint64_t i = 1; i <= 20; i++) {
        rig_entry(&r, i, 1, "twenty", 6);
        rig_wait(&r, i);
        if (i == 3)
            older = mem_dup(faultio_bytes(r.io, rig_segment(&r, 0), &len), 16384);
    }
    rig_close(&r);
    char *path = mem_strdup(rig_segment(&r, 0));
    uint8_t *bytes = faultio_bytes(r.io, path, &len);
    char *image = mem_dup(bytes, 2048);
    memcpy(bytes, older, 16384);
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert_uint_eq(r.found.n, 3);
    for (size_t k = 0; k < 6; k++)
        rig_entry(&r, 4 + k, 1, image + k, 2048 - k);
    rig_wait(&r, 6);
    rig_close(&r);
    faultio_bytes(r.io, path, &len)[96 + 3 * 48 + 30] ^= 1;
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert_uint_eq(r.found.n, 3);
    mem_free(older);
    mem_free(image);
    mem_free(path);
    rig_fini(&r);
}
END_TEST

/* Good records at the right offset of the right segment, but of another history. */
START_TEST(a_record_of_another_chain)
{
    struct rig r;
    rig_init(&r, 1, 4096);
    ck_assert_int_eq(rig_open(&r), 0);
    for (uint64_t i = 1; i <= 5; i++) {
        rig_entry(&r, i, 1, "right!", 6);
        rig_wait(&r, i);
    }
    rig_close(&r);
    size_t len;
    uint8_t *bytes = faultio_bytes(r.io, rig_segment(&r, 0), &len);
    struct segment_head head;
    ck_assert_int_eq(segment_head_decode(bytes, len, &head), SEGMENT_GOOD);
    uint32_t at = 96 + 4 * 48, prev;
    memcpy(&prev, bytes + at + 8, 4);
    record_seal(bytes + at, head.salt, le32toh(prev) + 1, at, at);
    ck_assert_int_eq(rig_open(&r), ERR_CORRUPT);
    ck_assert(strstr(r.err.text, "offset 288: a record does not follow") != NULL);
    rig_fini(&r);
}
END_TEST

/* Something larger happens to a piece of the LEN bytes: zeros, noise, what stands elsewhere.
 * Returns where it ends. */
static size_t hurt(uint8_t *bytes, size_t len, uint64_t *random)
{
    static const size_t units[] = {8, 48, 512, 1024};
    size_t unit = units[fault_random(random) % CP_COUNT(units)];
    size_t at = fault_random(random) % (len / unit) * unit;
    size_t from = fault_random(random) % (len / unit) * unit;
    switch (fault_random(random) % 3) {
    case 0:
        memset(bytes + at, 0, unit);
        break;
    case 1:
        for (size_t i = 0; i < unit; i += 8) {
            uint64_t v = fault_random(random);
            memcpy(bytes + at + i, &v, 8);
        }
        break;
    default:
        memmove(bytes + at, bytes + from, unit);
        break;
    }
    return at + unit;
}

static size_t last_batch(const uint8_t *bytes, size_t len)
{
    struct segment_head head;
    struct record_head record;
    ck_assert_int_eq(segment_head_decode(bytes, len, &head), SEGMENT_GOOD);
    size_t batch = 0;
    for (size_t at = 96; record_verify(bytes + at, len - at, at, head.salt, &record);
         at += record_bytes(record.size))
        batch = record.batch;
    return batch;
}

/* What is accepted is a front part of what was written, and all of it unless the last batch was
 * hit. */
START_TEST(larger_damage)
{
    struct rig r;
    struct layout l = {.end = 96};
    uint64_t index = 1, random = 0xda + (unsigned)_i;
    rig_init(&r, random, 4096);
    ck_assert_int_eq(rig_open(&r), 0);
    while (l.end <= 4096 + 1200)
        write_group(&r, &l, &index, 1 + (unsigned)(fault_random(&random) % 4));
    rig_close(&r);
    struct rig_records all = {0};
    rig_records_copy(&all, &r.written);
    uint8_t *good[2], *bytes;
    char *path[2];
    size_t len[2];
    for (size_t i = 0; i < 2; i++) {
        path[i] = mem_strdup(rig_segment(&r, i));
        bytes = faultio_bytes(r.io, path[i], &len[i]);
        good[i] = mem_dup(bytes, len[i]);
    }
    size_t batch = last_batch(good[1], len[1]);
    for (int k = 0; k < 500; k++) {
        size_t which = fault_random(&random) % 2;
        for (size_t i = 0; i < 2; i++)
            faultio_put(r.io, path[i], good[i], len[i]);
        bytes = faultio_bytes(r.io, path[which], &len[which]);
        size_t end = hurt(bytes, which == 0 ? 4096 : 2048, &random);
        int rv = rig_open(&r);
        ck_assert_msg(rv == 0 || rv == ERR_CORRUPT, "%d: %s", k, r.err.text);
        if (rv < 0)
            continue;
        rig_expect_first(&r, &all, r.found.n);
        ck_assert_msg(r.found.n == all.n || (which == 1 && end > batch), "%d: %zu found of %zu", k,
                      r.found.n, all.n);
        rig_close(&r);
    }
    for (size_t i = 0; i < 2; i++) {
        mem_free(path[i]);
        mem_free(good[i]);
    }
    rig_records_clear(&all);
    rig_fini(&r);
}
END_TEST

START_TEST(a_torn_end_is_said_once)
{
    struct rig r;
    char line[512] = {0};
    rig_init(&r, 1, 4096);
    ck_assert_int_eq(rig_open(&r), 0);
    rig_entry(&r, 1, 1, "one", 3);
    rig_wait(&r, 1);
    rig_entry(&r, 2, 1, "two", 3);
    rig_close(&r);
    size_t len;
    faultio_bytes(r.io, rig_segment(&r, 0), &len)[96 + 48 + 40] ^= 1;

    FILE *f = tmpfile();
    ck_assert_ptr_nonnull(f);
    int saved = dup(STDERR_FILENO);
    ck_assert_int_ge(saved, 0);
    ck_assert_int_ge(dup2(fileno(f), STDERR_FILENO), 0);
    log_set_level(LOG_WARN);
    int rv = rig_open(&r);
    ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
    close(saved);
    ck_assert_int_eq(rv, 0);
    ck_assert_uint_eq(r.info.torn_bytes, 43); /* to the last byte that is not zero */
    rig_close(&r);
    ck_assert_int_eq(rig_open(&r), 0);
    ck_assert_uint_eq(r.info.torn_bytes, 0);
    ck_assert_uint_eq(r.found.n, 1);
    rewind(f);
    size_t n = fread(line, 1, sizeof(line) - 1, f);
    ck_assert_msg(strstr(line, "wal.torn_tail") != NULL, "%s", line);
    ck_assert_msg(strstr(line, "0000000000000001-0000000000000001.wal") != NULL, "%s", line);
    ck_assert_msg(strstr(line, "offset=144 bytes=43") != NULL, "%s", line);
    ck_assert_ptr_eq(strchr(line, '\n'), line + n - 1);
    fclose(f);
    rig_fini(&r);
}
END_TEST

TCase *wal_damage_cases(void)
{
    TCase *c = tcase_create("wal damage");
    tcase_add_checked_fixture(c, rig_quiet, rig_loud);
    tcase_set_timeout(c, 120);
    tcase_add_test(c, a_turned_byte_in_the_last_segment);
    tcase_add_test(c, a_damaged_length);
    tcase_add_test(c, a_turned_byte_in_an_earlier_segment);
    tcase_add_test(c, records_within_a_torn_payload);
    tcase_add_test(c, later_records_within_a_torn_payload);
    tcase_add_test(c, a_record_of_another_chain);
    tcase_add_loop_test(c, larger_damage, 0, 4);
    tcase_add_test(c, a_torn_end_is_said_once);
    return c;
}
