#include "rig.h"

#include "cluster/logcache.h"

/* N entries behind BASE, the term of each being its index / 10 + 1. */
static void fill(struct logcache *l, uint64_t base, uint64_t n)
{
    logcache_init(l, base, base / 10 + 1);
    for (uint64_t i = base + 1; i <= base + n; i++) {
        struct log_entry e = rig_command("entry");
        e.term = i / 10 + 1;
        logcache_push(l, &e, i * 2);
        blob_unref(e.payload);
    }
}

START_TEST(holds_what_was_pushed)
{
    struct logcache l;
    fill(&l, 7, 1000);
    ck_assert_uint_eq(l.last, 1007);
    ck_assert_ptr_null(logcache_get(&l, 7));
    ck_assert_uint_eq(logcache_term(&l, 7), 1);
    for (uint64_t i = 8; i <= 1007; i++) {
        const struct cached_entry *e = logcache_get(&l, i);
        ck_assert_ptr_nonnull(e);
        ck_assert_uint_eq(e->lsn, i * 2);
        ck_assert_uint_eq(e->entry.term, i / 10 + 1);
    }
    ck_assert_ptr_null(logcache_get(&l, 1008));
    logcache_fini(&l);
}
END_TEST

START_TEST(trims_and_truncates)
{
    struct logcache l;
    fill(&l, 0, 1000);
    logcache_trim(&l, 990);
    ck_assert_uint_eq(l.base, 989);
    ck_assert_uint_eq(l.base_term, 99);
    ck_assert(logcache_reclaim(&l, 511)); /* a few at a time */
    ck_assert_ptr_null(l.pages[0]);       /* the first 511, and their page */
    ck_assert(!logcache_reclaim(&l, 500));
    ck_assert_ptr_null(logcache_get(&l, 989));
    ck_assert_uint_eq(logcache_get(&l, 990)->lsn, 1980);
    logcache_truncate(&l, 995);
    ck_assert_uint_eq(l.last, 994);
    ck_assert_ptr_null(logcache_get(&l, 995));
    logcache_trim(&l, 995);
    ck_assert_uint_eq(l.base, 994);
    ck_assert_uint_eq(l.last, 994);
    logcache_reset(&l, 5, 2);
    ck_assert_uint_eq(l.last, 5);
    ck_assert_uint_eq(logcache_term(&l, 5), 2);
    ck_assert_uint_eq(logcache_term(&l, 6), 0);
    logcache_fini(&l);
}
END_TEST

/* Trims, truncations and pages that come and go, held against a plain array. */
START_TEST(pages_come_and_go)
{
    struct logcache l;
    uint64_t random = 12345;
    logcache_init(&l, 700, 1);
    for (int step = 0; step < 3000; step++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint64_t draw = random >> 33, held = l.last - l.base;
        if (draw % 8 < 5) {
            for (uint64_t i = draw / 8 % 700; i > 0; i--) {
                struct log_entry e = rig_command("entry");
                e.term = l.last + 1;
                logcache_push(&l, &e, l.last + 1);
                blob_unref(e.payload);
            }
        } else if (draw % 8 == 5) {
            logcache_truncate(&l, l.last + 1 - (held > 0 ? draw / 8 % held : 0));
        } else if (draw % 8 == 6) {
            logcache_trim(&l, l.base + 1 + (held > 0 ? draw / 8 % (held + 1) : 0));
        } else {
            (void)logcache_reclaim(&l, (unsigned)draw / 8 % 3000);
        }
        for (uint64_t i = l.base + 1; i <= l.last; i += 1 + (l.last - i) / 4)
            ck_assert_uint_eq(logcache_get(&l, i)->lsn, i);
    }
    ck_assert_uint_gt(l.base, 5000);
    logcache_fini(&l);
}
END_TEST

Suite *logcache_suite(void)
{
    Suite *s = suite_create("logcache");
    TCase *tc = tcase_create("ring");
    tcase_add_test(tc, holds_what_was_pushed);
    tcase_add_test(tc, trims_and_truncates);
    tcase_add_test(tc, pages_come_and_go);
    suite_add_tcase(s, tc);
    return s;
}
