/* who founds a cluster, who may join one, and what is said to those who may not. */
#include "cluster/founding.h"
#include "cluster/roster.h"

#include "base/mem.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define THREE "m1=http://127.0.0.1:23801,m2=http://127.0.0.1:23802,m3=http://127.0.0.1:23803"

static struct founding parse(const char *text, const char *token)
{
    struct founding f;
    struct err e = {0};
    ck_assert_msg(founding_parse(&f, text, span_of(token), "initial-cluster", &e) == 0, "%s: %s",
                  text, e.text);
    return f;
}

START_TEST(ids_of_etcd)
{
    struct founding f = parse("default=http://localhost:2380", "etcd-cluster");
    ck_assert_uint_eq(f.founders[0].id, UINT64_C(0x8e9e05c52164694d));
    ck_assert_uint_eq(f.cluster_id, UINT64_C(0xcdf818194e3a8c32));
    founding_fini(&f);
    f = parse(THREE, "tok");
    ck_assert_uint_eq(f.n, 3);
    ck_assert_uint_eq(f.founders[0].id, UINT64_C(0x4036b1db24775ea0));
    ck_assert_uint_eq(f.founders[1].id, UINT64_C(0x2737ecedbf2a9065));
    ck_assert_uint_eq(f.founders[2].id, UINT64_C(0x80af5d65a6e2f603));
    ck_assert_uint_eq(f.cluster_id, UINT64_C(0x64d937c925e41b58));
    founding_fini(&f);
}
END_TEST

START_TEST(order_does_not_matter)
{
    struct founding a = parse("x=http://a:1,y=http://b:1,x=http://a:2", "t");
    struct founding b = parse(" y=http://b:1, x=HTTP://a:2,x = http://a:1", "t");
    ck_assert_uint_eq(a.n, 2);
    ck_assert_uint_eq(a.founders[0].n_peer_urls, 2);
    ck_assert_uint_eq(a.cluster_id, b.cluster_id);
    ck_assert_uint_eq(a.founders[0].id, b.founders[0].id);
    founding_fini(&a);
    founding_fini(&b);
}
END_TEST

static const struct {
    const char *text, *error;
} wrong[] = {
    {"", "names no member"},
    {"x", "URL scheme must be http, https, unix, or unixs: "},
    {"=http://a:1", NULL},
    {"x=http://a:1,", NULL},
    {",x=http://a:1,,y=http://b:1", NULL},
    {",,", "names no member"},
    {"x=http://a:1, ,y=http://b:1", "URL scheme must be http, https, unix, or unixs: "},
    {"x=ftp://a:1", "URL scheme must be http, https, unix, or unixs: ftp://a:1"},
    {"x=http://a", "does not have the form \"host:port\": http://a"},
    {"x=http://a:1/", "must not contain a path"},
    {"x=http://a:1,y=http://a:1", "--initial-cluster has duplicate url http://a:1"},
    {"x=http://a:1,x=HTTP://a:1", "has duplicate url"},
};

START_TEST(texts)
{
    struct founding f;
    struct err e = {0};
    int rv = founding_parse(&f, wrong[_i].text, SPAN("t"), "initial-cluster", &e);
    if (wrong[_i].error == NULL)
        ck_assert_int_eq(rv, 0);
    else
        ck_assert_msg(rv == ERR_USAGE && strstr(e.text, wrong[_i].error) != NULL, "%s: %s",
                      wrong[_i].text, e.text);
    founding_fini(&f);
}
END_TEST

/* N members, or N URLs of one. */
static char *many(unsigned n, bool of_one)
{
    struct buf b = {0};
    for (unsigned i = 0; i < n; i++)
        buf_printf(&b, "%sm%u=http://a:%u", i > 0 ? "," : "", of_one ? 0 : i, i + 1);
    char *text = mem_strdup(buf_cstr(&b));
    buf_fini(&b);
    return text;
}

START_TEST(limits)
{
    static const struct {
        unsigned n;
        bool of_one, good;
    } rows[] = {{LIMIT_MEMBERS, false, true},
                {LIMIT_MEMBERS + 1, false, false},
                {COMMAND_MEMBER_URLS, true, true},
                {COMMAND_MEMBER_URLS + 1, true, false}};
    struct founding f;
    struct err e = {0};
    char *text = many(rows[_i].n, rows[_i].of_one);
    ck_assert_int_eq(founding_parse(&f, text, SPAN("t"), "initial-cluster", &e) == 0,
                     rows[_i].good);
    founding_fini(&f);
    mem_free(text);
}
END_TEST

/* Two were added before either has started. */
START_TEST(without_names)
{
    struct founding f = parse("=http://a:1,=http://b:1,x=http://c:1", "t");
    ck_assert_uint_eq(f.n, 3);
    ck_assert_uint_eq(f.founders[0].n_peer_urls, 1);
    ck_assert_uint_eq(f.founders[1].n_peer_urls, 1);
    founding_fini(&f);
}
END_TEST

START_TEST(self)
{
    static const struct {
        const char *name, *url, *error;
    } rows[] = {
        {"m2", "http://127.0.0.1:23802", NULL},
        {"m4", "http://127.0.0.1:23802",
         "couldn't find local name \"m4\" in the initial cluster configuration"},
        {"m2", "http://127.0.0.1:23803",
         "--initial-cluster has m2=http://127.0.0.1:23802 but missing from "
         "--initial-advertise-peer-urls=http://127.0.0.1:23803"},
    };
    struct founding f = parse(THREE, "t");
    const struct founder *is;
    struct err e = {0};
    struct span url = span_of(rows[_i].url);
    int rv = founding_self(&f, THREE, span_of(rows[_i].name), &url, 1, &is, &e);
    if (rows[_i].error == NULL)
        ck_assert_ptr_eq(is, &f.founders[1]);
    else
        ck_assert_msg(rv == ERR_USAGE && strstr(e.text, rows[_i].error) != NULL, "%s", e.text);
    founding_fini(&f);
}
END_TEST

/* ---- rosters ---- */

#define OF_ETCD                                                                                    \
    "[{\"id\":2825987797056917605,\"peerURLs\":[\"http://127.0.0.1:23802\"],\"name\":\"m2\","      \
    "\"clientURLs\":[\"http://127.0.0.1:23792\"]},{\"id\":18446744073709551615,\"peerURLs\":"      \
    "[\"http://127.0.0.1:23801\"],\"isLearner\":false}]\n"

START_TEST(an_answer_of_etcd)
{
    struct roster r;
    struct err e = {0};
    ck_assert_int_eq(roster_parse(&r, SPAN(OF_ETCD), 7, &e), 0);
    ck_assert_uint_eq(r.n, 2);
    ck_assert_uint_eq(r.m[0].id, UINT64_C(0x2737ecedbf2a9065));
    ck_assert(span_eq(r.m[0].name, SPAN("m2")));
    ck_assert(span_eq(r.m[0].client_urls[0], SPAN("http://127.0.0.1:23792")));
    ck_assert_uint_eq(r.m[1].id, UINT64_MAX);
    ck_assert_uint_eq(r.m[1].name.len, 0);
    ck_assert_uint_eq(r.m[1].n_client_urls, 0);
    roster_fini(&r);
}
END_TEST

static const char *const no_rosters[] = {
    "",
    "[]",
    "{}",
    "404 page not found\n",
    "[{}]",
    "[{\"id\":0}]",
    "[{\"id\":\"7\"}]",
    "[{\"id\":18446744073709551616}]",
    "[{\"id\":-1}]",
    "[{\"id\":7,\"peerURLs\":7}]",
    "[{\"id\":7,\"peerURLs\":[7]}]",
    "[{\"id\":7,\"name\":7}]",
    "[{\"id\":7},7]",
    "[{\"id\":7}",
};

START_TEST(no_answer)
{
    struct roster r;
    struct err e = {0};
    ck_assert_int_eq(roster_parse(&r, span_of(no_rosters[_i]), 7, &e), ERR_MALFORMED);
    roster_fini(&r);
}
END_TEST

START_TEST(roster_limits)
{
    struct roster r;
    struct err e = {0};
    for (unsigned n = LIMIT_MEMBERS; n <= LIMIT_MEMBERS + 1; n++) {
        struct buf b = {0};
        buf_char(&b, '[');
        for (unsigned i = 0; i < n; i++)
            buf_printf(&b, "%s{\"id\":%u}", i > 0 ? "," : "", i + 1);
        buf_char(&b, ']');
        ck_assert_int_eq(roster_parse(&r, buf_as_span(&b), 7, &e) == 0, n == LIMIT_MEMBERS);
        roster_fini(&r);
        buf_fini(&b);
    }
    struct buf b = {0};
    buf_lit(&b, "[{\"id\":1}]");
    while (b.len < ROSTER_BYTES_MAX)
        buf_char(&b, ' ');
    ck_assert_int_eq(roster_parse(&r, buf_as_span(&b), 7, &e), 0);
    roster_fini(&r);
    buf_char(&b, ' ');
    ck_assert_int_eq(roster_parse(&r, buf_as_span(&b), 7, &e), ERR_MALFORMED);
    buf_fini(&b);
}
END_TEST

/* "ID NAME PEER-URL CLIENT-URL|-" each, hexadecimal. */
static void add_to_roster(struct buf *b, const char *row)
{
    char name[32], peer[64], client[64];
    uint64_t id;
    ck_assert_int_eq(sscanf(row, "%" SCNx64 " %31s %63s %63s", &id, name, peer, client), 4);
    buf_printf(b, "%s{\"id\":%" PRIu64 ",\"peerURLs\":[\"%s\"]", b->len > 1 ? "," : "", id, peer);
    if (strcmp(name, "-") != 0)
        buf_printf(b, ",\"name\":\"%s\"", name);
    if (strcmp(client, "-") != 0)
        buf_printf(b, ",\"clientURLs\":[\"%s\"]", client);
    buf_char(b, '}');
}

#define M1 "4036b1db24775ea0 m1 http://127.0.0.1:23801 http://c:1"
#define M2 "2737ecedbf2a9065 m2 http://127.0.0.1:23802 -"
#define M3 "80af5d65a6e2f603 m3 http://127.0.0.1:23803 http://c:3"

static const struct {
    const char *what;
    bool join;
    uint64_t cluster_id;
    const char *members[5];
    const char *error;
} verdicts[] = {
    {"founder", false, UINT64_C(0x64d937c925e41b58), {M1, M2, M3}, NULL},
    {"other token", false, 7, {M1, M2, M3}, "belongs to cluster 7, and --initial-cluster"},
    {"wiped",
     false,
     UINT64_C(0x64d937c925e41b58),
     {M1, "2737ecedbf2a9065 m2 http://127.0.0.1:23802 http://c:2", M3},
     "member 2737ecedbf2a9065 has already been bootstrapped"},
    {"removed", false, UINT64_C(0x64d937c925e41b58), {M1, M3}, "was removed from cluster"},
    {"joins", true, 7, {M1, "99 - http://127.0.0.1:23802 -", M3}, NULL},
    {"not added", true, 7, {M1, M3}, "m2 has not been added to cluster 7"},
    {"joins again",
     true,
     7,
     {M1, "99 m2 http://127.0.0.1:23802 http://c:2", M3},
     "member 99 has already been bootstrapped"},
    {"too few named",
     true,
     7,
     {M1, M2, M3, "98 m4 http://a:4 http://c:4"},
     "PeerURLs: no match found for existing member (98, m4, http://a:4)"},
    {"too many named", true, 7, {M1, M2}, "member count is unequal: --initial-cluster names 3"},
};

START_TEST(verdict)
{
    struct founding f = parse(THREE, "tok");
    struct buf b = {0};
    struct roster r;
    struct err e = {0};
    uint64_t id = 0;
    buf_char(&b, '[');
    for (unsigned i = 0; verdicts[_i].members[i] != NULL; i++)
        add_to_roster(&b, verdicts[_i].members[i]);
    buf_char(&b, ']');
    ck_assert_int_eq(roster_parse(&r, buf_as_span(&b), verdicts[_i].cluster_id, &e), 0);
    int rv = verdicts[_i].join
                 ? roster_may_join(&r, SPAN("http://a:1"), &f, &f.founders[1], 0, &id, &e)
                 : roster_may_found(&r, SPAN("http://a:1"), &f, &f.founders[1], &e);
    if (verdicts[_i].error == NULL)
        ck_assert_msg(rv == 0, "%s: %s", verdicts[_i].what, e.text);
    else
        ck_assert_msg(rv == ERR_FOREIGN && strstr(e.text, verdicts[_i].error) != NULL, "%s: %s",
                      verdicts[_i].what, e.text);
    if (verdicts[_i].join && rv == 0)
        ck_assert_uint_eq(id, 0x99);
    roster_fini(&r);
    buf_fini(&b);
    founding_fini(&f);
}
END_TEST

static struct roster roster_of(const char *const *rows)
{
    struct roster r;
    struct err e = {0};
    struct buf b = {0};
    buf_char(&b, '[');
    for (; *rows != NULL; rows++)
        add_to_roster(&b, *rows);
    buf_char(&b, ']');
    ck_assert_int_eq(roster_parse(&r, buf_as_span(&b), 7, &e), 0);
    buf_fini(&b);
    return r;
}

/* One member may know of an addition that another one has not applied yet. */
START_TEST(one_who_knows_is_enough)
{
    struct founding f = parse(THREE, "tok");
    struct roster late = roster_of((const char *[]){M1, M3, NULL});
    struct roster knows =
        roster_of((const char *[]){M1, "99 - http://127.0.0.1:23802 -", M3, NULL});
    struct roster_said said[] = {
        {&late, SPAN("http://a:1")}, {&knows, SPAN("http://b:1")}, {&late, SPAN("http://c:1")}};
    struct err e = {0};
    uint64_t id = 0;
    ck_assert_int_eq(roster_first_to_join(said, 3, &f, &f.founders[1], 0, &id, &e), 1);
    ck_assert_uint_eq(id, 0x99);
    ck_assert_int_eq(roster_first_to_join(said, 1, &f, &f.founders[1], 0, &id, &e), ERR_FOREIGN);
    ck_assert(strstr(e.text, "m2 has not been added to cluster 7 (says http://a:1)") != NULL);
    said[1].roster = &late;
    ck_assert_int_eq(roster_first_to_join(said, 3, &f, &f.founders[1], 0, &id, &e), ERR_FOREIGN);
    ck_assert(strstr(e.text, "says http://a:1") != NULL);
    roster_fini(&late);
    roster_fini(&knows);
    founding_fini(&f);
}
END_TEST

/* Who was killed before its first snapshot had come, but after it had said who it is; another one
 * was removed meanwhile. */
START_TEST(joins_again_with_its_log)
{
    struct founding f = parse(THREE, "tok");
    struct roster r =
        roster_of((const char *[]){M1, "99 m2 http://127.0.0.1:23802 http://c:2", NULL});
    struct err e = {0};
    uint64_t id = 0;
    ck_assert_int_eq(roster_may_join(&r, SPAN("http://a:1"), &f, &f.founders[1], 0x99, &id, &e), 0);
    ck_assert_uint_eq(id, 0x99);
    ck_assert_int_eq(roster_may_join(&r, SPAN("http://a:1"), &f, &f.founders[1], 0x98, &id, &e),
                     ERR_FOREIGN);
    roster_fini(&r);
    founding_fini(&f);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("founding");
    TCase *c = tcase_create("founding");
    tcase_add_test(c, ids_of_etcd);
    tcase_add_test(c, order_does_not_matter);
    tcase_add_loop_test(c, texts, 0, (int)CP_COUNT(wrong));
    tcase_add_loop_test(c, limits, 0, 4);
    tcase_add_test(c, without_names);
    tcase_add_loop_test(c, self, 0, 3);
    tcase_add_test(c, an_answer_of_etcd);
    tcase_add_test(c, one_who_knows_is_enough);
    tcase_add_test(c, joins_again_with_its_log);
    tcase_add_loop_test(c, no_answer, 0, (int)CP_COUNT(no_rosters));
    tcase_add_test(c, roster_limits);
    tcase_add_loop_test(c, verdict, 0, (int)CP_COUNT(verdicts));
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
