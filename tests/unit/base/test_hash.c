/* crc32c, hash, randomness, clock. */
#include "base/hash.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "test_base.h"

/* From RFC 3720 B.4 and the usual check value. */
START_TEST(crc32c_known_values)
{
    unsigned char zeros[32] = {0}, ones[32], rising[32], falling[32];

    memset(ones, 0xff, sizeof(ones));
    for (unsigned i = 0; i < 32; i++) {
        rising[i] = (unsigned char)i;
        falling[i] = (unsigned char)(31 - i);
    }

    const struct {
        const void *bytes;
        size_t n;
        uint32_t want;
    } rows[] = {
        {"", 0, 0},
        {"123456789", 9, 0xe3069283},
        {zeros, 32, 0x8a9136aa},
        {ones, 32, 0x62a8ab43},
        {rising, 32, 0x46dd794e},
        {falling, 32, 0x113fdb5c},
    };

    for (size_t i = 0; i < CP_COUNT(rows); i++) {
        ck_assert_uint_eq(crc32c(0, rows[i].bytes, rows[i].n), rows[i].want);
        ck_assert_uint_eq(crc32c_portable(0, rows[i].bytes, rows[i].n), rows[i].want);
    }
}
END_TEST

START_TEST(crc32c_ways_agree_at_any_cut)
{
    unsigned char bytes[100];

    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 151 + 7);
    for (size_t n = 0; n <= sizeof(bytes); n++) {
        uint32_t whole = crc32c(0, bytes, n);

        ck_assert_uint_eq(crc32c_portable(0, bytes, n), whole);
        for (size_t cut = 0; cut <= n; cut++)
            ck_assert_uint_eq(crc32c(crc32c_portable(0, bytes, cut), bytes + cut, n - cut), whole);
    }
    ck_assert_uint_ne(crc32c(0, bytes, 99), crc32c(0, bytes, 100));
}
END_TEST

/* SipHash-1-3 with key 00…0f over the bytes 00 01 02 …. */
START_TEST(siphash_known_values)
{
    static const uint64_t key[2] = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
    static const uint64_t want[] = {
        UINT64_C(0xabac0158050fc4dc), UINT64_C(0xc9f49bf37d57ca93), UINT64_C(0x82cb9b024dc7d44d),
        UINT64_C(0x8bf80ab8e7ddf7fb), UINT64_C(0xcf75576088d38328), UINT64_C(0xdef9d52f49533b67),
        UINT64_C(0xc50d2b50c59f22a7), UINT64_C(0xd3927d989bb11140), UINT64_C(0x369095118d299a8e),
    };
    char bytes[CP_COUNT(want)];

    for (size_t n = 0; n < CP_COUNT(want); n++) {
        ck_assert_msg(hash_keyed(key, span_make(bytes, n)) == want[n], "%zu bytes", n);
        bytes[n] = (char)n;
    }
}
END_TEST

START_TEST(hash_has_one_key_a_process)
{
    ck_assert_uint_eq(hash_bytes(SPAN("a")), hash_bytes(span_of("a")));
    ck_assert_uint_ne(hash_bytes(SPAN("a")), hash_bytes(SPAN("a\0")));
    ck_assert_uint_ne(hash_bytes(SPAN("")), hash_bytes(SPAN("\0")));
}
END_TEST

START_TEST(random_bytes_differ)
{
    char a[700] = {0}, b[700] = {0};

    rand_bytes(a, sizeof(a));
    rand_bytes(b, sizeof(b));
    ck_assert_mem_ne(a, b, sizeof(a));
    ck_assert_mem_ne(a + 684, b + 684, 16);
    ck_assert_uint_ne(rand_u64(), rand_u64());
}
END_TEST

START_TEST(clock_of_the_system)
{
    uint64_t before = clock_mono_ns(&clock_system);

    ck_assert_uint_le(before, clock_mono_ns(&clock_system));
    ck_assert_int_gt(clock_wall_ns(&clock_system), INT64_C(1600000000) * NS_PER_S);
}
END_TEST

TCase *hash_case(void)
{
    TCase *tc = tcase_create("hash");

    tcase_add_test(tc, crc32c_known_values);
    tcase_add_test(tc, crc32c_ways_agree_at_any_cut);
    tcase_add_test(tc, siphash_known_values);
    tcase_add_test(tc, hash_has_one_key_a_process);
    tcase_add_test(tc, random_bytes_differ);
    tcase_add_test(tc, clock_of_the_system);
    return tc;
}
