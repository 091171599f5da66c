/* err and log: what people read. */
#include "base/log.h"

#include "base/buf.h"
#include "base/err.h"
#include "test_base.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(err_set_and_wrap)
{
    struct err e;

    ck_assert_int_eq(err_set(&e, ERR_LOCKED, "held by process %d", 12), ERR_LOCKED);
    ck_assert_int_eq(err_wrap(&e, "lock"), ERR_LOCKED);
    ck_assert_int_eq(err_wrap(&e, "open data dir %s", "x"), ERR_LOCKED);
    ck_assert_str_eq(e.text, "open data dir x: lock: held by process 12");
    ck_assert_int_eq(e.code, ERR_LOCKED);
    ck_assert_int_eq(err_sys(&e, ENOSPC, "write %s", "f"), -ENOSPC);
    ck_assert_str_eq(e.text, "write f: No space left on device");
    ck_assert_int_eq(e.code, -ENOSPC);
}
END_TEST

START_TEST(err_without_a_place_passes_the_code)
{
    ck_assert_int_eq(err_set(NULL, ERR_FULL, "x"), ERR_FULL);
    ck_assert_int_eq(err_sys(NULL, EIO, "x"), -EIO);
    ck_assert_int_lt(err_wrap(NULL, "x"), 0);
}
END_TEST

START_TEST(err_text_is_cut_not_overrun)
{
    struct err e;
    char longest[2 * ERR_TEXT_BYTES];

    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    err_set(&e, ERR_NET, "%s", longest);
    ck_assert_uint_eq(strlen(e.text), ERR_TEXT_BYTES - 1);
    err_wrap(&e, "outer");
    ck_assert_uint_eq(strlen(e.text), ERR_TEXT_BYTES - 1);
    ck_assert(span_starts(span_of(e.text), SPAN("outer: xxx")));
    err_wrap(&e, "%s", longest);
    err_sys(&e, EIO, "%s", longest);
    ck_assert_uint_eq(strlen(e.text), ERR_TEXT_BYTES - 1);
}
END_TEST

START_TEST(err_words_for_all_codes)
{
    ck_assert_str_eq(err_text(ERR_CORRUPT), "damaged data");
    ck_assert_str_eq(err_text(-ENOENT), "No such file or directory");
    ck_assert_str_eq(err_text(0), "no error");
    ck_assert_str_eq(err_text(-99999), "unknown error");
#define X(name, number, text)                                                                      \
    ck_assert_int_eq(ERR_##name, -(number));                                                       \
    ck_assert_str_eq(err_text(ERR_##name), text);
#include "base/err.def"
#undef X
}
END_TEST

/* Standard error goes to a file of our own between begin and end. */
struct capture {
    int file, saved;
};

static void capture_begin(struct capture *c)
{
    fflush(stderr);
    c->file = memfd_create("stderr", MFD_CLOEXEC);
    c->saved = dup(STDERR_FILENO);
    ck_assert_int_ge(c->file, 0);
    ck_assert_int_ge(c->saved, 0);
    ck_assert_int_eq(fcntl(c->file, F_SETFL, O_APPEND), 0);
    ck_assert_int_ge(dup2(c->file, STDERR_FILENO), 0);
}

static void capture_end(struct capture *c, struct buf *out)
{
    char part[4096];
    ssize_t n;

    ck_assert_int_ge(dup2(c->saved, STDERR_FILENO), 0);
    lseek(c->file, 0, SEEK_SET);
    while ((n = read(c->file, part, sizeof(part))) > 0)
        buf_add(out, part, (size_t)n);
    close(c->file);
    close(c->saved);
}

START_TEST(log_line)
{
    struct capture c;
    struct buf out = {0};

    errno = ENOENT;
    capture_begin(&c);
    log_set_level(LOG_INFO);
    log_debug("not.shown");
    log_warn("some.event", LOG_S("plain", "/a/b-c.d"), LOG_S("blank", "a b"),
             LOG_S("quote", "\"\\"), LOG_S("control", "a\nb\x01\x7f"), LOG_S("empty", ""),
             LOG_S("none", NULL), LOG_S("equals", "a=b"), LOG_U("u", UINT64_MAX), LOG_I("i", -3),
             LOG_X("x", UINT64_C(0x8e9e05c52164694d)));
    log_set_level(LOG_DEBUG);
    log_debug("shown");
    log_set_level(LOG_INFO);
    capture_end(&c, &out);

    const char *text = buf_cstr(&out);
    static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ ";

    for (size_t i = 0; i < sizeof(shape) - 1; i++) {
        if (shape[i] == 'd')
            ck_assert_msg(text[i] >= '0' && text[i] <= '9', "%s", text);
        else
            ck_assert_msg(text[i] == shape[i], "%s", text);
    }
    ck_assert(span_starts(span_of(text + sizeof(shape) - 1),
                          SPAN("warn some.event plain=/a/b-c.d blank=\"a b\" quote=\"\\\"\\\\\" "
                               "control=\"a\\nb\\x01\\x7f\" empty=\"\" none=\"\" equals=\"a=b\" "
                               "u=18446744073709551615 i=-3 x=8e9e05c52164694d\n")));
    ck_assert_ptr_null(strstr(text, "not.shown"));
    ck_assert_ptr_nonnull(strstr(text, "Z debug shown\n"));
    buf_fini(&out);
}
END_TEST

static void *log_many(void *arg)
{
    for (int i = 0; i < 200; i++) {
        struct log_site own = {0}; /* nothing is left out */
        log_event(&own, LOG_INFO, "from.thread",
                  (const struct log_pair[]){LOG_S("name", arg), LOG_I("i", i), {.key = NULL}});
    }
    return NULL;
}

START_TEST(log_lines_of_threads_stay_whole)
{
    pthread_t threads[3];
    char names[3][80];
    struct capture c;
    struct buf out = {0};
    size_t lines = 0;

    capture_begin(&c);
    for (size_t i = 0; i < CP_COUNT(threads); i++) {
        memset(names[i], 'a' + (int)i, sizeof(names[i]) - 1);
        names[i][sizeof(names[i]) - 1] = '\0';
        pthread_create(&threads[i], NULL, log_many, names[i]);
    }
    for (size_t i = 0; i < CP_COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    capture_end(&c, &out);

    char *rest = NULL;

    for (char *line = strtok_r((char *)(uintptr_t)buf_cstr(&out), "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char name[100];
        int i;

        ck_assert_msg(sscanf(line, "%*s info from.thread name=%99s i=%d", name, &i) == 2, "%s",
                      line);
        ck_assert_uint_eq(strspn(name, (char[]){name[0], '\0'}), sizeof(names[0]) - 1);
        lines++;
    }
    ck_assert_uint_eq(lines, 600);
    buf_fini(&out);
}
END_TEST

static unsigned count_words(struct buf *b, const char *word)
{
    unsigned n = 0;

    for (const char *at = buf_cstr(b); (at = strstr(at, word)) != NULL; at++)
        n++;
    return n;
}

static const struct {
    const char *name;
    bool seldom;
    unsigned most;
} sites[] = {{"often", false, LOG_LINES_A_SECOND}, {"seldom", true, 1}};

/* As many as may be in a period, and in the next one how many were left out. */
START_TEST(a_place_that_says_too_much_is_cut_short)
{
    static const struct log_pair none[] = {{0}};
    unsigned most = sites[_i].most;
    bool within = false;

    while (!within) { /* one period */
        struct log_site site = {.seldom = sites[_i].seldom};
        struct capture c;
        struct buf out = {0};
        uint64_t first;

        capture_begin(&c);
        log_event(&site, LOG_WARN, "said.often", none);
        first = site.period;
        for (unsigned i = 1; i < most + 3; i++)
            log_event(&site, LOG_WARN, "said.often", none);
        within = site.period == first;
        site.period = 0;
        log_event(&site, LOG_WARN, "said.often", none);
        capture_end(&c, &out);
        if (within) {
            ck_assert_msg(count_words(&out, "warn said.often\n") == most + 1, "%s: %s",
                          sites[_i].name, buf_cstr(&out));
            ck_assert_uint_eq(count_words(&out, "log.left_out of=said.often lines=3\n"), 1);
        }
        buf_fini(&out);
    }
}
END_TEST

CP_PRINTF(2, 3)
static void say(const struct log_library *library, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    log_of_library((void *)(uintptr_t)library, fmt, args);
    va_end(args);
}

START_TEST(a_library_is_quoted)
{
    static const char *const some[] = {"client", NULL}, *const all[] = {"", NULL};
    static const struct log_library loud = {"loud.library", some}, mute = {"mute.library", all};
    struct capture c;
    struct buf out = {0};

    capture_begin(&c);
    say(&loud, "no socket %d left\r\nreally\n", 7);
    say(&loud, "the client went away\n");
    say(&mute, "no socket left\n");
    capture_end(&c, &out);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "warn loud.library text=\"no socket 7 left\"\n"));
    ck_assert_uint_eq(count_words(&out, "library"), 1);
    buf_fini(&out);
}
END_TEST

START_TEST(a_broken_assertion_ends_the_process)
{
    struct capture c;
    struct buf out = {0};
    int status;

    capture_begin(&c);

    pid_t child = fork();

    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        CP_ASSERT(1 + 1 == 3);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    capture_end(&c, &out);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGABRT);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "1 + 1 == 3\n"));
    buf_fini(&out);
}
END_TEST

TCase *log_case(void)
{
    TCase *tc = tcase_create("log");

    tcase_add_test(tc, err_set_and_wrap);
    tcase_add_test(tc, err_without_a_place_passes_the_code);
    tcase_add_test(tc, err_text_is_cut_not_overrun);
    tcase_add_test(tc, err_words_for_all_codes);
    tcase_add_test(tc, log_line);
    tcase_add_test(tc, log_lines_of_threads_stay_whole);
    tcase_add_loop_test(tc, a_place_that_says_too_much_is_cut_short, 0, CP_COUNT(sites));
    tcase_add_test(tc, a_library_is_quoted);
    tcase_add_test(tc, a_broken_assertion_ends_the_process);
    return tc;
}
