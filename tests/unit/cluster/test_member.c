/* the table of members: what each command makes of it, and what it costs. */
#include "cluster/member.h"

#include "base/mem.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static struct member_table t;

static void setup(void)
{
    t = (struct member_table){.n = 0};
}

static void teardown(void)
{
    member_table_fini(&t);
}

static struct command about(enum command_kind kind, uint64_t id, const char *url)
{
    struct command c = {.kind = kind, .member = {.id = id}};
    if (url != NULL)
        c.member.peer_urls[c.member.n_peer_urls++] = span_of(url);
    return c;
}

static void expect(struct command c, enum member_outcome want, unsigned cost)
{
    unsigned indexes = 99;
    ck_assert_int_eq(member_apply(&t, &c, &indexes), want);
    ck_assert_uint_eq(indexes, cost);
}

static void expect_urls(uint64_t id, const char *name, const char *peer, const char *client)
{
    struct command_member m;
    const struct member *is = member_find(&t, id);
    ck_assert_ptr_nonnull(is);
    member_read(is->info, &m);
    ck_assert(span_eq(m.name, span_of(name)));
    ck_assert_uint_eq(m.n_peer_urls, 1);
    ck_assert(span_eq(m.peer_urls[0], span_of(peer)));
    ck_assert_uint_eq(m.n_client_urls, client != NULL ? 1 : 0);
    if (client != NULL)
        ck_assert(span_eq(m.client_urls[0], span_of(client)));
}

static struct command publish(uint64_t id, const char *name, const char *peer, const char *client)
{
    struct command c = about(COMMAND_MEMBER, id, peer);
    c.member.name = span_of(name);
    c.member.client_urls[c.member.n_client_urls++] = span_of(client);
    return c;
}

START_TEST(a_life)
{
    expect(about(COMMAND_MEMBER_ADD, 7, "http://a:1"), MEMBER_DONE, 1);
    expect_urls(7, "", "http://a:1", NULL);
    expect(publish(7, "seven", "http://flag:1", "http://c:1"), MEMBER_DONE, 1);
    expect_urls(7, "seven", "http://a:1", "http://c:1"); /* the table knows where it is */
    expect(about(COMMAND_MEMBER_UPDATE, 7, "http://b:1"), MEMBER_DONE, 1);
    expect_urls(7, "seven", "http://b:1", "http://c:1");
    expect(publish(7, "seven", "http://a:1", "http://d:1"), MEMBER_DONE, 1);
    expect_urls(7, "seven", "http://b:1", "http://d:1");
    expect(about(COMMAND_MEMBER_UPDATE, 7, "http://b:1"), MEMBER_DONE, 1); /* its own URL */
    expect(about(COMMAND_MEMBER_REMOVE, 7, NULL), MEMBER_DONE, 2);
    ck_assert_ptr_null(member_find(&t, 7));
    ck_assert(member_was_removed(&t, 7));
}
END_TEST

START_TEST(refusals)
{
    expect(about(COMMAND_MEMBER_ADD, 7, "http://a:1"), MEMBER_DONE, 1);
    expect(about(COMMAND_MEMBER_ADD, 7, "http://b:1"), MEMBER_EXISTS, 0);
    expect(about(COMMAND_MEMBER_ADD, 8, "HTTP://a:1"), MEMBER_URL_EXISTS, 0);
    expect(about(COMMAND_MEMBER_ADD, 8, "http://b:1"), MEMBER_DONE, 1);
    expect(about(COMMAND_MEMBER_UPDATE, 8, "http://a:1"), MEMBER_URL_EXISTS, 0);
    expect(about(COMMAND_MEMBER_UPDATE, 9, "http://c:1"), MEMBER_UNKNOWN, 0);
    expect(about(COMMAND_MEMBER_REMOVE, 9, NULL), MEMBER_UNKNOWN, 0);
    expect(publish(9, "nine", "http://n:1", "http://n:2"), MEMBER_UNKNOWN, 1);
    ck_assert_uint_eq(t.n, 2);
}
END_TEST

START_TEST(removed_is_for_ever)
{
    expect(about(COMMAND_MEMBER_ADD, 7, "http://a:1"), MEMBER_DONE, 1);
    expect(about(COMMAND_MEMBER_REMOVE, 7, NULL), MEMBER_DONE, 2);
    expect(about(COMMAND_MEMBER_ADD, 7, "http://a:1"), MEMBER_GONE, 0);
    expect(about(COMMAND_MEMBER_UPDATE, 7, "http://a:1"), MEMBER_GONE, 0);
    expect(about(COMMAND_MEMBER_REMOVE, 7, NULL), MEMBER_GONE, 0);
    expect(publish(7, "seven", "http://a:1", "http://c:1"), MEMBER_GONE, 1);
    expect(about(COMMAND_MEMBER_ADD, 8, "http://a:1"), MEMBER_DONE, 1); /* the URL is free again */
}
END_TEST

START_TEST(founders_cost_nothing_more)
{
    ck_assert(member_add(&t, 1));
    ck_assert(!member_add(&t, 1));
    struct command c = about(COMMAND_MEMBER_ADD, 1, "http://a:1");
    c.member.name = SPAN("one");
    expect(c, MEMBER_DONE, 0);
    expect_urls(1, "one", "http://a:1", NULL);
    expect(c, MEMBER_EXISTS, 0);
}
END_TEST

START_TEST(what_was_published)
{
    struct command c = publish(3, "x", "http://a:1", "http://c:1");
    ck_assert(!member_has(&t, &c.member));
    ck_assert(member_add(&t, 3));
    ck_assert(!member_has(&t, &c.member));
    expect(c, MEMBER_DONE, 1);
    ck_assert(member_has(&t, &c.member));
    c.member.client_urls[0] = SPAN("http://c:2");
    ck_assert(!member_has(&t, &c.member));
}
END_TEST

START_TEST(members_at_the_limit)
{
    char url[32];
    for (unsigned i = 1; i <= LIMIT_MEMBERS; i++) {
        snprintf(url, sizeof(url), "http://a:%u", LIMIT_MEMBERS - i + 1);
        expect(about(COMMAND_MEMBER_ADD, LIMIT_MEMBERS - i + 1, url), MEMBER_DONE, 1);
    }
    for (unsigned i = 0; i < t.n; i++)
        ck_assert_uint_eq(t.m[i].id, i + 1);
    expect(about(COMMAND_MEMBER_ADD, 1000, "http://b:1"), MEMBER_FULL, 0);
    expect(about(COMMAND_MEMBER_REMOVE, 5, NULL), MEMBER_DONE, 2);
    expect(about(COMMAND_MEMBER_ADD, 1000, "http://b:1"), MEMBER_DONE, 1);
}
END_TEST

START_TEST(removed_at_the_limit)
{
    for (uint64_t i = LIMIT_REMOVED + 1; i > 2; i--)
        ck_assert(member_forbid(&t, i));
    expect(about(COMMAND_MEMBER_ADD, 1, "http://a:1"), MEMBER_DONE, 1);
    expect(about(COMMAND_MEMBER_REMOVE, 1, NULL), MEMBER_DONE, 2);
    ck_assert_uint_eq(t.n_removed, LIMIT_REMOVED);
    expect(about(COMMAND_MEMBER_ADD, 2, "http://a:1"), MEMBER_FULL, 0);
    ck_assert(!member_forbid(&t, 2));
    ck_assert(member_was_removed(&t, 1) && !member_was_removed(&t, 2));
    ck_assert(member_was_removed(&t, LIMIT_REMOVED + 1));
}
END_TEST

/* The last places are kept for those who are there. */
START_TEST(everybody_can_be_removed_at_the_limit)
{
    for (uint64_t i = LIMIT_REMOVED + 2; i > 4; i--)
        ck_assert(member_forbid(&t, i));
    expect(about(COMMAND_MEMBER_ADD, 1, "http://a:1"), MEMBER_DONE, 1);
    expect(about(COMMAND_MEMBER_ADD, 2, "http://a:2"), MEMBER_DONE, 1);
    expect(about(COMMAND_MEMBER_ADD, 3, "http://a:3"), MEMBER_FULL, 0);
    expect(about(COMMAND_MEMBER_REMOVE, 1, NULL), MEMBER_DONE, 2);
    expect(about(COMMAND_MEMBER_REMOVE, 2, NULL), MEMBER_DONE, 2);
    ck_assert(member_was_removed(&t, 1) && member_was_removed(&t, 2));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("member");
    TCase *c = tcase_create("table");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, a_life);
    tcase_add_test(c, refusals);
    tcase_add_test(c, removed_is_for_ever);
    tcase_add_test(c, founders_cost_nothing_more);
    tcase_add_test(c, what_was_published);
    tcase_add_test(c, members_at_the_limit);
    tcase_add_test(c, removed_at_the_limit);
    tcase_add_test(c, everybody_can_be_removed_at_the_limit);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
