/* linelog: order, a new file, a disk that takes nothing; and how much of its log a place may fill.
 */
#include "test_base.h"

#include "base/buf.h"
#include "base/linelog.h"
#include "base/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void read_file(const char *path, struct buf *b)
{
    FILE *f = fopen(path, "r");

    ck_assert_ptr_nonnull(f);
    buf_clear(b);
    buf_reserve(b, 1 << 20);
    b->len = fread(b->ptr, 1, 1 << 20, f);
    fclose(f);
}

START_TEST(lines_stay_in_order_over_a_reopening)
{
    char dir[] = "/tmp/copse-linelog-XXXXXX", path[64], moved[64];
    struct linelog *l = NULL;
    struct err e;
    struct buf text = {0}, want = {0};

    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/log", dir);
    snprintf(moved, sizeof(moved), "%s/log.1", dir);
    ck_assert_int_eq(linelog_new(&l, "test", path, &e), 0);
    for (int i = 0; i < 1000; i++) {
        char line[16];
        int n = snprintf(line, sizeof(line), "%d\n", i);

        linelog_add(l, span_make(line, (size_t)n));
        buf_add(&want, line, (size_t)n);
    }
    ck_assert_int_eq(rename(path, moved), 0);
    linelog_reopen(l);
    linelog_add(l, SPAN("last\n"));
    linelog_free(l);
    buf_lit(&want, "last\n");
    /* where the cut falls, is the thread's affair */
    read_file(moved, &text);
    struct buf rest = {0};
    read_file(path, &rest);
    buf_span(&text, buf_as_span(&rest));
    ck_assert_span_eq(buf_as_span(&text), buf_as_span(&want), "lines");
    unlink(path);
    unlink(moved);
    rmdir(dir);
    buf_fini(&text);
    buf_fini(&rest);
    buf_fini(&want);
}
END_TEST

START_TEST(what_cannot_be_written_is_counted)
{
    struct linelog *l = NULL;
    struct err e;
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC), before = log_set_fd(null);

    ck_assert_int_ne(linelog_new(&l, "test", "/nonexistent/x", &e), 0);
    ck_assert_int_eq(linelog_new(&l, "test", "/dev/full", &e), 0);
    linelog_add(l, SPAN("one\n"));
    while (linelog_dropped(l) == 0)
        usleep(1000);
    ck_assert_uint_eq(linelog_dropped(l), 1);
    linelog_free(l);
    log_set_fd(before);
    close(null);
}
END_TEST

static void say(int i)
{
    log_info("test.often", LOG_I("i", i));
}

START_TEST(a_place_may_not_fill_the_log)
{
    int file = memfd_create("log", MFD_CLOEXEC), before = log_set_fd(file);
    struct buf b = {0};
    unsigned lines = 0;

    /* Within two seconds, of which each allows so many. */
    for (int i = 0; i < 4 * LOG_LINES_A_SECOND; i++)
        say(i);
    log_set_fd(before);
    buf_reserve(&b, 1 << 16);
    ssize_t n = pread(file, b.ptr, 1 << 16, 0);
    ck_assert_int_gt(n, 0);
    for (ssize_t i = 0; i < n; i++)
        lines += b.ptr[i] == '\n';
    ck_assert_uint_ge(lines, LOG_LINES_A_SECOND);
    ck_assert_uint_lt(lines, 4 * LOG_LINES_A_SECOND);
    close(file);
    buf_fini(&b);
}
END_TEST

TCase *linelog_case(void)
{
    TCase *t = tcase_create("linelog");
    tcase_add_test(t, lines_stay_in_order_over_a_reopening);
    tcase_add_test(t, what_cannot_be_written_is_counted);
    tcase_add_test(t, a_place_may_not_fill_the_log);
    return t;
}
