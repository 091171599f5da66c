/* span, buf, blob, mem, list: bytes and who holds them. */
#include "base/blob.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/mem.h"
#include "test_base.h"

#include <pthread.h>

START_TEST(span_order_is_of_unsigned_bytes)
{
    ck_assert_int_lt(span_cmp(SPAN("a"), SPAN("b")), 0);
    ck_assert_int_lt(span_cmp(SPAN("a"), SPAN("aa")), 0);
    ck_assert_int_gt(span_cmp(SPAN("\xff"), SPAN("a")), 0);
    ck_assert_int_eq(span_cmp(SPAN(""), (struct span){0}), 0);
    ck_assert_int_lt(span_cmp((struct span){0}, SPAN("\0")), 0);
    ck_assert(span_starts(SPAN("/a/b"), SPAN("/a")));
    ck_assert(span_starts(SPAN("/a"), (struct span){0}));
    ck_assert(!span_starts(SPAN("/a"), SPAN("/a/")));
    ck_assert(!span_eq(SPAN("a\0b"), SPAN("a\0c")));
}
END_TEST

START_TEST(buf_grows_and_keeps)
{
    struct buf b = {0};

    for (unsigned i = 0; i < 10000; i++)
        buf_char(&b, (char)('a' + i % 26));
    ck_assert_uint_eq(b.len, 10000);
    for (unsigned i = 0; i < 10000; i++)
        ck_assert_int_eq(b.ptr[i], 'a' + (int)(i % 26));
    buf_clear(&b);
    buf_add(&b, NULL, 0);
    buf_lit(&b, "x\0y");
    ck_assert_span_eq(buf_as_span(&b), SPAN("x\0y"), "literal with NUL");
    buf_fini(&b);
    ck_assert_ptr_null(b.ptr);
    ck_assert_str_eq(buf_cstr(&b), "");
    buf_fini(&b);
}
END_TEST

START_TEST(buf_cstr_is_behind_full_buffers)
{
    struct buf b = {0};

    buf_reserve(&b, 64);
    while (b.len < b.cap)
        buf_char(&b, 'x');

    size_t len = b.len;

    ck_assert_uint_eq(strlen(buf_cstr(&b)), len);
    ck_assert_uint_eq(b.len, len);
    buf_fini(&b);
}
END_TEST

START_TEST(buf_printf_of_any_length)
{
    struct buf b = {0};
    char want[300];

    memset(want, 'x', sizeof(want));
    for (int n = 0; n < (int)sizeof(want); n++) {
        buf_clear(&b);
        buf_printf(&b, "%.*s", n, want);
        buf_printf(&b, "|%d", n);

        struct buf w = {0};

        buf_add(&w, want, (size_t)n);
        buf_char(&w, '|');
        buf_i64(&w, n);
        ck_assert_span_eq(buf_as_span(&b), buf_as_span(&w), "printf");
        buf_fini(&w);
    }
    buf_fini(&b);
}
END_TEST

START_TEST(buf_numbers)
{
    static const struct {
        uint64_t u;
        const char *want;
    } unsigned_rows[] = {{0, "0"}, {9, "9"}, {10, "10"}, {UINT64_MAX, "18446744073709551615"}};
    static const struct {
        int64_t i;
        const char *want;
    } signed_rows[] = {{0, "0"},
                       {-1, "-1"},
                       {INT64_MAX, "9223372036854775807"},
                       {INT64_MIN, "-9223372036854775808"}};
    struct buf b = {0};

    for (size_t i = 0; i < CP_COUNT(unsigned_rows); i++) {
        buf_clear(&b);
        buf_u64(&b, unsigned_rows[i].u);
        ck_assert_str_eq(buf_cstr(&b), unsigned_rows[i].want);
    }
    for (size_t i = 0; i < CP_COUNT(signed_rows); i++) {
        buf_clear(&b);
        buf_i64(&b, signed_rows[i].i);
        ck_assert_str_eq(buf_cstr(&b), signed_rows[i].want);
    }
    buf_fini(&b);
}
END_TEST

static void *unref_many(void *arg)
{
    for (int i = 0; i < 1000; i++) {
        struct blob *b = blob_ref(arg);

        blob_unref(b);
    }
    blob_unref(arg);
    return NULL;
}

START_TEST(blob_counts_across_threads)
{
    struct blob *b = blob_copy(SPAN("abc\0"));
    pthread_t threads[4];

    ck_assert_span_eq(blob_span(b), SPAN("abc\0"), "copy");
    for (size_t i = 0; i < CP_COUNT(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, unref_many, blob_ref(b)), 0);
    for (size_t i = 0; i < CP_COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(atomic_load(&b->refs), 1);
    blob_unref(b);
    blob_unref(NULL);

    struct blob *empty = blob_copy((struct span){0});

    ck_assert_uint_eq(empty->len, 0);
    blob_unref(empty);
}
END_TEST

START_TEST(mem_fails_when_asked)
{
    void *p;

    mem_fail_after(3);
    p = mem_try(1);
    ck_assert_ptr_nonnull(p);
    void *q = mem_try_realloc(p, 100);
    ck_assert_ptr_nonnull(q);
    ck_assert_ptr_null(mem_try(1));
    ck_assert_ptr_null(mem_try_realloc(q, 200));
    memset(q, 1, 100); /* still ours */
    mem_free(mem_alloc(1));
    mem_fail_after(0);
    p = mem_try(0);
    ck_assert_ptr_nonnull(p);
    mem_free(p);
    mem_free(q);
}
END_TEST

struct tries {
    unsigned n, given;
};

static void *try_many(void *arg)
{
    struct tries *t = arg;

    for (unsigned i = 0; i < t->n; i++) {
        void *p = mem_try(1);

        t->given += p != NULL;
        mem_free(p);
    }
    return NULL;
}

START_TEST(mem_counts_tries_of_all_threads)
{
    struct tries tries[4];
    pthread_t threads[4];
    unsigned given = 0;

    mem_fail_after(501);
    for (size_t i = 0; i < CP_COUNT(threads); i++) {
        tries[i] = (struct tries){.n = 500};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, try_many, &tries[i]), 0);
    }
    for (size_t i = 0; i < CP_COUNT(threads); i++) {
        pthread_join(threads[i], NULL);
        given += tries[i].given;
    }
    mem_fail_after(0);
    ck_assert_uint_eq(given, 500);
}
END_TEST

START_TEST(mem_copies)
{
    char *s = mem_strdup("abc");
    char *d = mem_dup("a\0c", 3);
    unsigned char *z = mem_zalloc(100);

    ck_assert_str_eq(s, "abc");
    ck_assert_mem_eq(d, "a\0c", 3);
    for (int i = 0; i < 100; i++)
        ck_assert_uint_eq(z[i], 0);
    z = mem_realloc(z, 1000);
    ck_assert_uint_eq(z[99], 0);
    mem_free(s);
    mem_free(d);
    mem_free(z);
    mem_free(NULL);
}
END_TEST

START_TEST(list_keeps_order)
{
    struct list head, items[3];
    size_t at = 0;

    list_init(&head);
    ck_assert(list_empty(&head));
    for (size_t i = 0; i < CP_COUNT(items); i++)
        list_add_tail(&head, &items[i]);
    list_del(&items[1]);
    ck_assert(list_empty(&items[1]));
    list_add_tail(&head, &items[1]);

    struct list *const want[] = {&items[0], &items[2], &items[1]};

    LIST_FOREACH_SAFE (pos, tmp, &head) {
        ck_assert_ptr_eq(pos, want[at]);
        at++;
        list_del(pos);
    }
    ck_assert_uint_eq(at, 3);
    ck_assert(list_empty(&head));
}
END_TEST

TCase *bytes_case(void)
{
    TCase *tc = tcase_create("bytes");

    tcase_add_test(tc, span_order_is_of_unsigned_bytes);
    tcase_add_test(tc, buf_grows_and_keeps);
    tcase_add_test(tc, buf_cstr_is_behind_full_buffers);
    tcase_add_test(tc, buf_printf_of_any_length);
    tcase_add_test(tc, buf_numbers);
    tcase_add_test(tc, blob_counts_across_threads);
    tcase_add_test(tc, mem_fails_when_asked);
    tcase_add_test(tc, mem_counts_tries_of_all_threads);
    tcase_add_test(tc, mem_copies);
    tcase_add_test(tc, list_keeps_order);
    return tc;
}
