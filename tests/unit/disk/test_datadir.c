/* datadir: what is made, with which modes, and that it is refused to a second process. */
#include "rig.h"

#include "disk/datadir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char top[64];

static void make_top(void)
{
    strcpy(top, "datadir-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(top));
}

static void remove_top(void)
{
    char command[192];
    snprintf(command, sizeof(command), "chmod -R u+rwx %s && rm -r %s", top, top);
    ck_assert_int_eq(system(command), 0);
}

static char *below(const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", top, name);
    return path;
}

START_TEST(makes_what_is_missing)
{
    struct datadir d;
    struct err e = {0};
    struct stat st;
    mode_t old = umask(022);
    ck_assert_msg(datadir_open(&d, below("a/b/c//"), &e) == 0, "%s", e.text);
    umask(old);
    ck_assert_str_eq(d.path, below("a/b/c"));
    ck_assert_str_eq(d.wal, below("a/b/c/member/wal"));
    ck_assert_str_eq(d.snap, below("a/b/c/member/snap"));
    static const char *const made[] = {"a/b/c", "a/b/c/member", "a/b/c/member/wal",
                                       "a/b/c/member/snap"};
    for (size_t i = 0; i < CP_COUNT(made); i++) {
        ck_assert_int_eq(stat(below(made[i]), &st), 0);
        ck_assert(S_ISDIR(st.st_mode));
        ck_assert_uint_eq(st.st_mode & 0777, 0700);
    }
    datadir_close(&d);
    /* And again, with all of it there. */
    ck_assert_msg(datadir_open(&d, below("a/b/c"), &e) == 0, "%s", e.text);
    datadir_close(&d);
}
END_TEST

START_TEST(refuses_a_second_process)
{
    struct datadir d;
    struct err e = {0};
    int pipe_fds[2], status;
    char byte = 0;
    ck_assert_int_eq(pipe(pipe_fds), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        /* Holds the directory until it is killed. */
        if (datadir_open(&d, below("d"), NULL) < 0 || write(pipe_fds[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    ck_assert_int_eq(read(pipe_fds[0], &byte, 1), 1);
    int rv = datadir_open(&d, below("d"), &e);
    char want[64];
    snprintf(want, sizeof(want), "in use by process %ld", (long)pid);
    kill(pid, SIGKILL);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(rv, ERR_LOCKED);
    ck_assert_msg(strstr(e.text, want) != NULL, "%s", e.text);
    ck_assert(strstr(e.text, "open data directory ") == e.text);
    /* A killed process holds nothing. */
    ck_assert_msg(datadir_open(&d, below("d"), &e) == 0, "%s", e.text);
    datadir_close(&d);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}
END_TEST

START_TEST(refuses_a_second_time)
{
    struct datadir d, other;
    struct err e = {0};
    ck_assert_int_eq(datadir_open(&d, below("d"), &e), 0);
    ck_assert_int_eq(datadir_open(&other, below("d"), &e), ERR_LOCKED);
    ck_assert_int_eq(datadir_open(&other, below("d"), NULL), ERR_LOCKED);
    datadir_close(&d);
    ck_assert_int_eq(datadir_open(&other, below("d"), &e), 0);
    datadir_close(&other);
}
END_TEST

START_TEST(a_file_is_in_the_way)
{
    struct datadir d;
    struct err e = {0};
    int fd = open(below("f"), O_WRONLY | O_CREAT, 0600);
    ck_assert_int_ge(fd, 0);
    close(fd);
    ck_assert_int_eq(datadir_open(&d, below("f"), &e), -ENOTDIR);
    ck_assert_msg(strstr(e.text, "there is a file of that name") != NULL, "%s", e.text);
    ck_assert_int_eq(datadir_open(&d, below("f/g"), &e), -ENOTDIR);
    ck_assert_int_eq(datadir_open(&d, "", &e), ERR_USAGE);
}
END_TEST

START_TEST(no_permission)
{
    struct datadir d;
    struct err e = {0};
    if (geteuid() == 0)
        return;
    ck_assert_int_eq(chmod(top, 0500), 0);
    ck_assert_int_eq(datadir_open(&d, below("d"), &e), -EACCES);
    ck_assert_msg(strstr(e.text, "Permission denied") != NULL, "%s", e.text);
}
END_TEST

TCase *datadir_cases(void)
{
    TCase *c = tcase_create("datadir");
    tcase_add_checked_fixture(c, make_top, remove_top);
    tcase_add_test(c, makes_what_is_missing);
    tcase_add_test(c, refuses_a_second_process);
    tcase_add_test(c, refuses_a_second_time);
    tcase_add_test(c, a_file_is_in_the_way);
    tcase_add_test(c, no_permission);
    return c;
}
