/* wal: random appends, power losses and ends of the process, checked against what was appended: all
 * that was reported durable is there, nothing that was never appended is, and the order holds. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS   60
#define ROUNDS 12

static uint64_t seed_of(int i)
{
    const char *s = getenv("SEED");
    uint64_t base = UINT64_C(0x5eed0000);
    return s != NULL ? (uint64_t)strtoull(s, NULL, 0) : base + (unsigned)i;
}

/* The first segment as it was before the start. */
static uint8_t image[4096];

static void append_one(struct rig *r, uint64_t *random, uint64_t *index)
{
    static char payload[6000];
    uint64_t kind = fault_random(random) % 16;
    if (kind == 0) {
        rig_state(r, fault_random(random), fault_random(random));
    } else if (kind == 1) {
        *index = fault_random(random) >> 1;
        rig_mark(r, (*index)++, fault_random(random));
    } else {
        if (kind == 2 && *index > 5)
            *index -= 4;
        size_t len = fault_random(random) % (kind == 3 ? sizeof(payload) : 400);
        for (size_t i = 0; i + 8 <= len; i += 8) {
            uint64_t v = fault_random(random);
            memcpy(payload + i, &v, 8);
        }
        /* Sometimes the log itself: heads and records within a payload. */
        if (kind == 4)
            memcpy(payload, image, len);
        rig_entry(r, *index, 1 + *index / 8, payload, len);
        (*index)++;
    }
}

/* Appends until the power fails or enough was done; returns how many records are known to be
 * durable. */
static size_t one_life(struct rig *r, uint64_t *random, uint64_t *index)
{
    bool fails = fault_random(random) % 4 != 0;
    if (fails)
        faultio_power_off_at(r->io, 1 + (unsigned)(fault_random(random) % 40));
    uint64_t durable = 0;
    unsigned appends = 10 + (unsigned)(fault_random(random) % 120);
    for (unsigned i = 0; i < appends && !faultio_is_off(r->io); i++) {
        append_one(r, random, index);
        uint64_t what = fault_random(random) % 8;
        if (what < 3)
            wal_flush(r->wal);
        else if (what == 3)
            wal_sync(r->wal);
        uint64_t lsn = wal_durable(r->wal);
        if (!faultio_is_off(r->io))
            durable = lsn;
    }
    if (!fails) {
        wal_sync(r->wal);
        durable = wal_durable(r->wal);
        ck_assert_uint_eq(durable, r->written.n - r->at_start);
    }
    faultio_power_off_at(r->io, 0);
    size_t n = r->at_start + (size_t)durable;
    rig_close(r);
    return n;
}

START_TEST(random_power_losses)
{
    uint64_t seed = seed_of(_i), random = seed, index = 1;
    struct rig r;
    rig_init(&r, seed, UINT64_C(4096) << (fault_random(&random) % 3));
    struct rig_records before = {0};
    size_t durable = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        /* A start may lose power as well. */
        if (fault_random(&random) % 3 == 0) {
            faultio_power_off_at(r.io, 1 + (unsigned)(fault_random(&random) % 6));
            if (rig_open(&r) == 0) {
                faultio_power_off_at(r.io, 0);
                rig_close(&r);
            }
            faultio_power_on(r.io, false);
        }
        size_t len;
        const uint8_t *bytes =
            rig_segment(&r, 0) == NULL ? NULL : faultio_bytes(r.io, rig_segment(&r, 0), &len);
        if (bytes != NULL)
            memcpy(image, bytes, len < sizeof(image) ? len : sizeof(image));
        int rv = rig_open(&r);
        ck_assert_msg(rv == 0, "seed %#lx round %u: %s", (unsigned long)seed, round, r.err.text);
        ck_assert_msg(r.found.n >= durable && r.found.n <= before.n,
                      "seed %#lx round %u: %zu found, %zu durable, %zu appended",
                      (unsigned long)seed, round, r.found.n, durable, before.n);
        rig_expect_first(&r, &before, r.found.n);
        durable = one_life(&r, &random, &index);
        rig_records_copy(&before, &r.written);
        bool kept = fault_random(&random) % 4 == 0;
        faultio_power_on(r.io, kept);
    }
    rig_records_clear(&before);
    rig_fini(&r);
}
END_TEST

TCase *wal_crash_cases(void)
{
    TCase *c = tcase_create("wal crash");
    tcase_add_checked_fixture(c, rig_quiet, rig_loud);
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, random_power_losses, 0, getenv("SEED") != NULL ? 1 : RUNS);
    return c;
}
