/* admin: words of a command line, lines of dump, and copies on a disk that has its troubles. */
#include "admin/entry.h"
#include "admin/words.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/consensus.h"
#include "cluster/copy.h"
#include "cluster/reach.h"
#include "cluster/snapload.h"
#include "codec/command.h"
#include "faultio.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- words ---- */

static const struct word_option options[] = {{"dir", "DIR", "a text"},
                                             {"fast", NULL, "a switch"},
                                             {"from", "N", "a number"},
                                             {.name = NULL}};

static const struct {
    const char *words[5];
    int rv;
    const char *dir, *fast, *argument;
    uint64_t from;
} rows[] = {
    {{"--dir", "x", "a"}, 0, "x", NULL, "a", 7},
    {{"a", "-dir=x=y", "-fast"}, 0, "x=y", "true", "a", 7},
    {{"--fast=false", "--", "--dir"}, 0, NULL, NULL, "--dir", 7},
    {{"--from", "18446744073709551615"}, 0, NULL, NULL, NULL, UINT64_MAX},
    {{"--dir="}, 0, "", NULL, NULL, 7},
    {{"-"}, 0, NULL, NULL, "-", 7},
    {{"--dir", "x", "--dir", "y"}, 0, "y", NULL, NULL, 7},
    {{"--from", "-1"}, ERR_USAGE, NULL, NULL, NULL, 0},
    {{"--from=18446744073709551616"}, ERR_USAGE, NULL, NULL, NULL, 0},
    {{"--dir"}, ERR_USAGE, NULL, NULL, NULL, 0},
    {{"--fast=maybe"}, ERR_USAGE, NULL, NULL, NULL, 0},
    {{"--di", "x"}, ERR_USAGE, NULL, NULL, NULL, 0},
    {{"a", "b"}, ERR_USAGE, NULL, NULL, NULL, 0},
};

START_TEST(words)
{
    char *argv[5];
    int argc = 0;
    for (; argc < 5 && rows[_i].words[argc] != NULL; argc++)
        argv[argc] = (char *)rows[_i].words[argc];
    struct words w;
    struct err e = {.code = 0};
    uint64_t from = 7;
    int rv = words_parse(&w, options, 1, argv, argc, &e);
    if (rv == 0)
        rv = words_u64(&w, "from", &from, &e);
    ck_assert_int_eq(rv, rows[_i].rv);
    ck_assert_int_eq(e.code, rv);
    if (rv != 0)
        return;
    ck_assert_pstr_eq(words_get(&w, "dir"), rows[_i].dir);
    ck_assert_pstr_eq(words_get(&w, "fast"), rows[_i].fast);
    ck_assert_pstr_eq(w.argument, rows[_i].argument);
    ck_assert_uint_eq(from, rows[_i].from);
}
END_TEST

START_TEST(help_is_asked_for)
{
    char *argv[] = {"-h"}, *behind[] = {"--", "--help"};
    struct words w;
    ck_assert_int_eq(words_parse(&w, options, 1, argv, 1, NULL), 0);
    ck_assert(w.help);
    ck_assert_int_eq(words_parse(&w, options, 1, behind, 2, NULL), 0);
    ck_assert(!w.help);
}
END_TEST

/* ---- lines ---- */

static void expect_line(const struct wal_record *r, const char *want)
{
    struct wal_place place = {.file = "/d/member/wal/1.wal", .at = 96, .bytes = 40};
    struct buf b = {0};
    entry_line(&b, &place, r);
    ck_assert_str_eq(buf_cstr(&b), want);
    buf_fini(&b);
}

static struct wal_record entry(uint64_t index, enum entry_type kind, struct span payload)
{
    struct wal_record r = {.type = WAL_ENTRY};
    r.entry.index = index;
    r.entry.term = 2;
    r.entry.kind = (uint8_t)kind;
    r.entry.payload = payload;
    return r;
}

#define PLACE "{\"file\":\"1.wal\",\"offset\":96,\"bytes\":40,\"record\":"

START_TEST(lines_of_records)
{
    struct wal_record r = {.type = WAL_STATE, .state = {.term = 3, .vote = 0xab}};
    expect_line(&r, PLACE "\"state\",\"term\":3,\"vote\":\"00000000000000ab\"}\n");
    r = (struct wal_record){.type = WAL_MARK, .mark = {.index = 9, .term = 3}};
    expect_line(&r, PLACE "\"mark\",\"index\":9,\"term\":3}\n");
    r = entry(5, ENTRY_BARRIER, SPAN(""));
    expect_line(&r, PLACE "\"entry\",\"index\":5,\"term\":2,\"type\":\"barrier\"}\n");
    r = entry(5, (enum entry_type)9, SPAN("ab"));
    expect_line(&r, PLACE "\"entry\",\"index\":5,\"term\":2,\"type\":9,\"unknown64\":\"YWI=\"}\n");
    r = entry(5, ENTRY_COMMAND, SPAN("\xff"));
    expect_line(&r, PLACE
                "\"entry\",\"index\":5,\"term\":2,\"type\":\"command\",\"unknown64\":\"/w==\"}\n");
    r = entry(5, ENTRY_CHANGE, SPAN(""));
    expect_line(&r,
                PLACE "\"entry\",\"index\":5,\"term\":2,\"type\":\"change\",\"unknown64\":\"\"}\n");
}
END_TEST

START_TEST(line_of_a_write)
{
    struct command c = {.kind = COMMAND_STORE, .stamp_ns = 1500000000, .origin = 1, .request = 2};
    c.op = (struct store_op){.verb = OP_PUT,
                             .exist = OP_EXIST_YES,
                             .flags = OP_HAS_TTL | OP_HAS_PREV_VALUE,
                             .prev_index = 4,
                             .ttl_s = 6,
                             .path = SPAN("/a\xff"),
                             .value = SPAN("<\"\n"),
                             .prev_value = SPAN("")};
    struct blob *b = command_encode(&c);
    struct wal_record r = entry(7, ENTRY_COMMAND, blob_span(b));
    expect_line(&r,
                PLACE "\"entry\",\"index\":7,\"term\":2,\"type\":\"command\","
                      "\"command\":\"store\",\"stamp\":1500000000,"
                      "\"time\":\"1970-01-01T00:00:01.5Z\",\"origin\":\"0000000000000001\","
                      "\"request\":2,\"verb\":\"put\",\"key64\":\"L2H/\",\"value\":\"<\\\"\\n\","
                      "\"ttl\":6,\"prevExist\":true,\"prevIndex\":4,\"prevValue\":\"\"}\n");
    blob_unref(b);
}
END_TEST

/* ---- copies ---- */

static struct blob *members(uint64_t id)
{
    struct consensus_members m = {.n = 1};
    m.m[0].id = id;
    m.m[0].role = MEMBER_VOTER;
    return consensus_bootstrap(&m);
}

/* A log in "from": a member, N writes of BYTES, a vote. */
static void make_log(const struct diskio *io, unsigned n, size_t bytes)
{
    struct wal_conf conf = {.dir = "from", .io = io, .cluster_id = 1, .member_id = 2};
    struct wal_info info;
    struct wal *w;
    ck_assert_int_eq(wal_open(&w, &conf, &info, NULL), 0);
    struct blob *first = members(2);
    struct wal_record r = entry(1, ENTRY_CHANGE, blob_span(first));
    wal_append(w, &r);
    char *value = calloc(1, bytes);
    struct command c = {.kind = COMMAND_STORE};
    c.op = (struct store_op){.verb = OP_PUT, .path = SPAN("/k"), .value = span_make(value, bytes)};
    struct blob *b = command_encode(&c);
    for (unsigned i = 0; i < n; i++) {
        r = entry(2 + i, ENTRY_COMMAND, blob_span(b));
        wal_append(w, &r);
    }
    r = (struct wal_record){.type = WAL_STATE, .state = {.term = 5, .vote = 2}};
    wal_append(w, &r);
    wal_close(w);
    blob_unref(b);
    blob_unref(first);
    free(value);
}

static int copy(const struct diskio *io, struct copy_info *info, struct err *e)
{
    static const struct span urls[] = {{"http://a:1", 10}, {"http://b:1", 10}};
    static const struct founder founders[] = {
        {.id = 12, .name = {"twelve", 6}, .n_peer_urls = 1, .peer_urls = &urls[0]},
        {.id = 10, .name = {"ten", 3}, .n_peer_urls = 1, .peer_urls = &urls[1]}};
    struct copy_conf conf = {.io = io,
                             .from_wal = "from",
                             .to_wal = "to",
                             .to_snap = "to",
                             .cluster_id = 11,
                             .member_id = 12,
                             .n_founders = 2,
                             .founders = founders};
    return copy_state(&conf, info, e);
}

struct seen {
    uint64_t entries, term, vote, mark, mark_term;
};

static int on_record(void *ctx, const struct wal_place *place, const struct wal_record *r,
                     struct err *e)
{
    struct seen *s = ctx;
    (void)place;
    (void)e;
    s->entries += r->type == WAL_ENTRY;
    if (r->type == WAL_STATE) {
        s->term = r->state.term;
        s->vote = r->state.vote;
    }
    if (r->type == WAL_MARK) {
        s->mark = r->mark.index;
        s->mark_term = r->mark.term;
    }
    return 0;
}

/* All that was in the log is in the snapshot, and the new members. */
static void check_copied(const struct diskio *io, const struct snapfile_id *id)
{
    struct load_result r;
    struct command_member m;
    struct command c;
    uint64_t bytes;
    struct err e;
    char *path = snapfile_path("to", *id);
    struct snapload what = {.io = io, .path = path, .id = id};
    ck_assert_msg(snapshot_load(&what, &r, &bytes, &e) == 0, "%s", e.text);
    ck_assert_uint_eq(r.head.cluster_id, 11);
    ck_assert_uint_eq(r.head.n_members, 2);
    ck_assert_uint_eq(r.head.members[0].id, 10);
    ck_assert_uint_eq(r.head.members[1].id, 12);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(r.head.members[i].role, DUMP_VOTER);
        ck_assert_int_eq(command_decode(blob_span(r.head.members[i].published), &c, &e), 0);
        m = c.member;
        ck_assert(span_eq(m.name, span_of(i == 0 ? "ten" : "twelve")));
        ck_assert(span_eq(m.peer_urls[0], span_of(i == 0 ? "http://b:1" : "http://a:1")));
        ck_assert_uint_eq(m.n_client_urls, 0);
    }
    ck_assert_uint_gt(bytes, 50000);
    load_result_fini(&r);
    mem_free(path);
}

START_TEST(a_copy_has_another_identity)
{
    struct faultio *f = faultio_new(1);
    struct diskio io = faultio_io(f);
    struct copy_info info;
    struct wal_info found;
    struct err e;
    make_log(&io, 100, 50000); /* some segments */
    ck_assert_int_eq(copy(&io, &info, &e), 0);
    ck_assert_uint_eq(info.last_index, 101);
    ck_assert_uint_eq(info.entries, 101);
    /* All of it was durable. */
    faultio_power_off_at(f, 0);
    faultio_power_on(f, false);
    struct seen seen = {0};
    struct wal_look look = {.dir = "to", .io = &io, .record = on_record, .ctx = &seen};
    ck_assert_int_eq(wal_look(&look, &found, &e), 0);
    ck_assert_uint_eq(found.cluster_id, 11);
    ck_assert_uint_eq(found.member_id, 12);
    ck_assert_uint_eq(seen.entries, 0);
    ck_assert_uint_eq(seen.term, 5);
    ck_assert_uint_eq(seen.vote, 0);
    ck_assert_uint_eq(seen.mark, 101);
    check_copied(&io, &(struct snapfile_id){.index = seen.mark, .term = seen.mark_term});
    faultio_free(f);
}
END_TEST

/* Never a wait for room: at any size of the disk there is an end, and a reason. */
START_TEST(a_copy_without_room_fails)
{
    struct faultio *f = faultio_new(1);
    struct diskio io = faultio_io(f);
    struct copy_info info;
    struct err e;
    make_log(&io, 100, 50000);
    faultio_space_left(f, (uint64_t)_i * 500000);
    ck_assert_int_eq(copy(&io, &info, &e), -ENOSPC);
    ck_assert_ptr_nonnull(strstr(e.text, "No space left"));
    faultio_free(f);
}
END_TEST

START_TEST(no_log_is_no_copy)
{
    struct faultio *f = faultio_new(1);
    struct diskio io = faultio_io(f);
    struct copy_info info;
    struct err e;
    ck_assert_int_eq(copy(&io, &info, &e), -ENOENT);
    make_log(&io, 3, 10);
    faultio_fail(f, FAULT_OPEN, 3, EIO);
    ck_assert_int_lt(copy(&io, &info, &e), 0);
    faultio_free(f);
}
END_TEST

/* ---- log and snapshot together ---- */

START_TEST(reach)
{
    struct wal_record mark = {.type = WAL_MARK, .mark = {.index = 20, .term = 2}};
    struct wal_record e9 = entry(9, ENTRY_BARRIER, SPAN("")),
                      e10 = entry(10, ENTRY_BARRIER, SPAN("")),
                      e11 = entry(11, ENTRY_BARRIER, SPAN("")),
                      e12 = entry(12, ENTRY_BARRIER, SPAN(""));
    struct log_reach r = {.base_index = 10, .base_term = 2};
    struct err e;
    ck_assert_int_eq(log_reach_record(&r, &e9, &e), 0);
    ck_assert_int_eq(log_reach_record(&r, &e10, &e), 0);
    ck_assert_int_eq(log_reach_record(&r, &e11, &e), 0);
    ck_assert_int_eq(log_reach_record(&r, &e12, &e), 0);
    ck_assert_uint_eq(log_reach_last(&r), 12);
    ck_assert_int_eq(log_reach_record(&r, &e11, &e), 0); /* replaces 12 too */
    ck_assert_uint_eq(log_reach_last(&r), 11);
    r.base_term = 3; /* another history */
    ck_assert_uint_eq(log_reach_last(&r), 10);
    ck_assert_int_eq(log_reach_record(&r, &mark, &e), ERR_CORRUPT);
    r = (struct log_reach){.base_index = 10, .base_term = 2};
    ck_assert_int_eq(log_reach_record(&r, &e12, &e), ERR_CORRUPT);
}
END_TEST

int main(void)
{
    log_set_level(LOG_ERROR + 1);
    Suite *s = suite_create("admin");
    TCase *t = tcase_create("admin");
    tcase_set_timeout(t, 120); /* a loaded machine */
    tcase_add_loop_test(t, words, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(t, help_is_asked_for);
    tcase_add_test(t, lines_of_records);
    tcase_add_test(t, line_of_a_write);
    tcase_add_test(t, a_copy_has_another_identity);
    tcase_add_loop_test(t, a_copy_without_room_fails, 0, 10);
    tcase_add_test(t, no_log_is_no_copy);
    tcase_add_test(t, reach);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
