/* waldir: the link to a log that stands apart: when it is made, and when the start is refused. */
#include "rig.h"

#include "disk/datadir.h"
#include "disk/waldir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEGMENT "0000000000000001-0000000000000001.wal"

static char old[4096];

/* What it does is given relative names, as flags may be. */
static void enter_top(void)
{
    char top[] = "waldir-test-XXXXXX";
    ck_assert_ptr_nonnull(getcwd(old, sizeof(old)));
    ck_assert_ptr_nonnull(mkdtemp(top));
    ck_assert_int_eq(chdir(top), 0);
}

static void leave_top(void)
{
    char here[4096], command[4200];
    ck_assert_ptr_nonnull(getcwd(here, sizeof(here)));
    ck_assert_int_eq(chdir(old), 0);
    snprintf(command, sizeof(command), "rm -r '%s'", here);
    ck_assert_int_eq(system(command), 0);
}

static void make(const char *command)
{
    ck_assert_int_eq(system(command), 0);
}

static void refused(const char *wal_dir, int code, const char *words)
{
    struct err e = {0};
    ck_assert_int_eq(waldir_settle("d", wal_dir, &e), code);
    ck_assert_msg(strstr(e.text, words) != NULL, "%s", e.text);
}

static void settled(const char *wal_dir)
{
    struct err e = {0};
    ck_assert_msg(waldir_settle("d", wal_dir, &e) == 0, "%s", e.text);
}

static bool leads_to(const char *name)
{
    char *is = realpath("d/member/wal", NULL), *want = realpath(name, NULL);
    bool same = is != NULL && want != NULL && strcmp(is, want) == 0;
    free(is);
    free(want);
    return same;
}

static void open_and_close(void)
{
    struct datadir d;
    struct err e = {0};
    ck_assert_msg(datadir_open(&d, "d", &e) == 0, "%s", e.text);
    datadir_close(&d);
}

START_TEST(link_is_made_once)
{
    settled("");
    ck_assert_int_eq(access("d", F_OK), -1);
    settled("x/y/");
    ck_assert(leads_to("x/y"));
    settled("x/y"); /* before the lock is there, and behind it */
    open_and_close();
    ck_assert_int_eq(access("x/y/lock", F_OK), 0);
    settled("x/y");
    settled("");
    open_and_close();
}
END_TEST

START_TEST(own_directory_stays)
{
    open_and_close();
    settled("d/member/wal");
    struct stat st;
    ck_assert_int_eq(lstat("d/member/wal", &st), 0);
    ck_assert(S_ISDIR(st.st_mode));
    ck_assert_int_eq(access("d/member/wal/lock", F_OK), -1);
}
END_TEST

START_TEST(empty_log_gives_way)
{
    make("mkdir -p d/member/wal");
    settled("x");
    ck_assert(leads_to("x"));
}
END_TEST

/* The lock is left of a start that got no further: for a port that was taken, or no room. */
START_TEST(after_a_start_that_failed)
{
    open_and_close();
    settled("x");
    ck_assert(leads_to("x"));
    settled("");
    open_and_close();
    settled("x");
}
END_TEST

START_TEST(log_elsewhere)
{
    make("mkdir -p d/member/wal z && touch d/member/wal/" SEGMENT);
    refused("x", ERR_USAGE, "the log is in d/member/wal, not in --wal-dir ");
    make("rm -r d/member/wal && ln -s ../../z d/member/wal");
    refused("x", ERR_USAGE, "/z, not in --wal-dir ");
    make("rm -r d && touch x/" SEGMENT);
    refused("x", ERR_USAGE, "has the log of a member");
    make("mkdir -p d/member/snap"); /* restored apart */
    settled("x");
    make("rm -r d && touch f");
    refused("f", -ENOTDIR, "there is a file of that name");
    refused("f", -ENOTDIR, "; something that is not of copse stands there: move it away");
}
END_TEST

/* The link would lead to the directory that it is in, and its lock be that of the member. */
START_TEST(not_into_itself)
{
    refused("d/member", ERR_USAGE, "give another directory");
    ck_assert_int_eq(access("d/member/wal", F_OK), -1);
    settled("d/member/wal");
    open_and_close();
}
END_TEST

START_TEST(not_mounted)
{
    settled("x");
    open_and_close();
    make("mv x away");
    refused("", -ENOENT, "is its disk mounted?");
    refused("x", -ENOENT, "is its disk mounted?");
    long holder;
    struct datadir d;
    struct err e = {0};
    ck_assert_int_eq(datadir_look(&d, "d", &holder, &e), -ENOENT);
    ck_assert_msg(strstr(e.text, "is its disk mounted?") != NULL, "%s", e.text);
    make("mkdir x");
    refused("", ERR_USAGE, "it is no more: is its disk mounted?");
    refused("x", ERR_USAGE, "it is no more: is its disk mounted?");
    make("touch x/" SEGMENT); /* made by hand, before there were locks */
    settled("");
}
END_TEST

START_TEST(locked_for_others)
{
    struct datadir a, b;
    struct err e = {0};
    settled("x");
    ck_assert_int_eq(datadir_open(&a, "d", &e), 0);
    make("mkdir -p o/member && ln -s ../../x o/member/wal");
    ck_assert_int_eq(datadir_open(&b, "o", &e), ERR_LOCKED);
    ck_assert_msg(strstr(e.text, "o/member/wal/lock: in use by process") != NULL, "%s", e.text);
    datadir_close(&a);
    ck_assert_int_eq(datadir_open(&b, "o", &e), 0);
    datadir_close(&b);
}
END_TEST

TCase *waldir_cases(void)
{
    TCase *c = tcase_create("waldir");
    tcase_add_checked_fixture(c, enter_top, leave_top);
    tcase_add_test(c, link_is_made_once);
    tcase_add_test(c, own_directory_stays);
    tcase_add_test(c, empty_log_gives_way);
    tcase_add_test(c, after_a_start_that_failed);
    tcase_add_test(c, log_elsewhere);
    tcase_add_test(c, not_into_itself);
    tcase_add_test(c, not_mounted);
    tcase_add_test(c, locked_for_others);
    return c;
}
