/* Snapshots: the lines themselves, and what is refused. */
#include "base/clock.h"
#include "base/mem.h"
#include "codec/command.h"
#include "snap.h"
#include "test_codec.h"

#define NOW INT64_C(1763682667882351443)

#define HEAD                                                                                       \
    "{\"copse\":\"snapshot\",\"format\":3,\"cluster\":\"cdf818194e3a8c32\",\"index\":9,"           \
    "\"raft_index\":40,\"raft_term\":3,\"config_index\":1,\"time\":1763682667882351443,"           \
    "\"level\":2,\"history\":8,\"counters\":[1,0,18446744073709551615]}\n"
#define ROOT "{\"dir\":\"/\",\"c\":0,\"m\":0,\"t\":9}\n"

/* One of everything. */
static const char sample[] = HEAD
    "{\"member\":\"00000000000000aa\",\"role\":\"standby\"}\n"
    "{\"member\":\"8e9e05c52164694d\",\"role\":\"voter\",\"name\":\"default\","
    "\"peers\":[\"http://localhost:2380\"],\"clients\":[\"http://a:1\",\"http://b:1\"],"
    "\"stamp\":-5,\"origin\":\"8e9e05c52164694d\",\"request\":7}\n"
    "{\"member\":\"f000000000000000\",\"role\":\"none\",\"name\":\"\",\"peers\":[],\"clients\":[],"
    "\"stamp\":1,\"origin\":\"8e9e05c52164694d\",\"request\":8}\n"
    "{\"removed\":\"00000000000000ab\"}\n"
    "{\"removed\":\"00000000000000b0\"}\n"
    "{\"auth\":true}\n"
    "{\"user\":\"\\\"\",\"roles\":null,\"hash\":\"$2a$10$x\"}\n"
    "{\"role\":\"a\",\"read\":[\"/x*\",\"\"],\"write\":null}\n"
    "{\"role\":\"b\",\"read\":[],\"write\":[\"/\"]}\n" ROOT
    "{\"dir\":\"/d\",\"c\":1,\"m\":1,\"t\":6}\n"
    "{\"dir\":\"/d/_h\",\"c\":4,\"m\":4,\"x\":1763682677882351443,\"t\":4}\n"
    "{\"file\":\"/d/f\",\"c\":2,\"m\":6,\"n\":3,\"v\":\"line\\n \\\"\\\\\\u0000\xc3\xa9<\"}\n"
    "{\"dir\":\"/d-\",\"c\":5,\"m\":5,\"t\":5}\n"
    "{\"file64\":\"L/8=\",\"c\":7,\"m\":7,\"v64\":\"/g==\"}\n"
    "{\"event\":8,\"action\":\"set\",\"path\":\"/f\",\"json\":{\"action\":\"set\"}}\n"
    "{\"event\":9,\"action\":\"compareAndSwap\",\"dir\":true,\"refresh\":true,\"replaced\":true,"
    "\"path64\":\"L/8=\",\"json64\":\"e30=\"}\n"
    "{\"end\":18,\"files\":2,\"dirs\":3,\"bytes\":";

/* The same, with its end. */
static void sample_whole(struct buf *out)
{
    struct load *l = load_new();
    struct err e;
    const char *end = strstr(sample, "{\"end\"");

    buf_add(out, sample, (size_t)(end - sample));
    ck_assert_msg(load_feed(l, buf_as_span(out), &e) == 0, "%s", e.text);
    load_seal(l, out);
    load_free(l);
}

/* Every bit of it, turned over, is found without a store, too. */
START_TEST(checked_without_a_store)
{
    struct buf whole = {0};

    sample_whole(&whole);
    for (size_t i = 0; i <= whole.len * 8; i++) {
        struct load *l = load_new_check();
        struct load_result r;

        if (i > 0)
            whole.ptr[(i - 1) / 8] = (char)(whole.ptr[(i - 1) / 8] ^ 1 << (i - 1) % 8);
        int rv = load_feed(l, buf_as_span(&whole), NULL);
        if (rv == 0)
            rv = load_finish(l, &r, NULL);
        if (rv == 0)
            load_result_fini(&r);
        ck_assert_msg(i > 0 ? rv == ERR_CORRUPT || rv == ERR_VERSION : rv == 0, "bit %zu: %d", i,
                      rv);
        if (i > 0)
            whole.ptr[(i - 1) / 8] = (char)(whole.ptr[(i - 1) / 8] ^ 1 << (i - 1) % 8);
        load_free(l);
    }
    buf_fini(&whole);
}
END_TEST

START_TEST(one_of_everything)
{
    struct buf want = {0};
    struct load_result r;
    struct err e;

    sample_whole(&want);
    ck_assert(span_starts(buf_as_span(&want), SPAN(sample)));
    for (size_t piece = 0; piece < want.len; piece += piece < 70 ? 1 : 97) {
        struct buf got = {0};

        ck_assert_msg(snap_load(buf_as_span(&want), piece, &r, &e) == 0, "%s", e.text);
        store_check(r.store);
        snap_again(&r, &got);
        ck_assert_span_eq(buf_as_span(&got), buf_as_span(&want), "again");
        buf_fini(&got);
        load_result_fini(&r);
    }
    buf_fini(&want);
}
END_TEST

/* What the lines say is what the store has. */
START_TEST(the_loaded_store)
{
    struct buf bytes = {0};
    struct load_result r;
    struct store_result got;
    struct command c;
    struct err e;

    sample_whole(&bytes);
    ck_assert_int_eq(snap_load(buf_as_span(&bytes), 0, &r, &e), 0);
    ck_assert_uint_eq(store_index(r.store), 9);
    ck_assert_uint_eq(r.head.raft_index, 40);
    ck_assert_uint_eq(r.head.raft_term, 3);
    ck_assert_uint_eq(r.head.cluster_id, 0xcdf818194e3a8c32);
    ck_assert_int_eq(r.head.time_ns, NOW);
    ck_assert_uint_eq(r.head.history_oldest, 8);
    ck_assert_uint_eq(r.head.counters[2], UINT64_MAX);
    ck_assert_uint_eq(r.head.n_members, 3);
    ck_assert_int_eq(r.head.members[2].role, DUMP_NONE);
    ck_assert_uint_eq(r.head.n_removed, 2);
    ck_assert_uint_eq(r.head.removed[1], 0xb0);
    ck_assert_ptr_null(r.head.members[0].published);
    ck_assert_int_eq(r.head.members[1].role, DUMP_VOTER);
    ck_assert_int_eq(command_decode(blob_span(r.head.members[1].published), &c, &e), 0);
    ck_assert_span_eq(c.member.name, SPAN("default"), "name");
    ck_assert_span_eq(c.member.client_urls[1], SPAN("http://b:1"), "second client URL");
    ck_assert_int_eq(c.stamp_ns, -5);
    ck_assert_uint_eq(r.n_events, 2);
    ck_assert_span_eq(event_json(r.events[0]), SPAN("{\"action\":\"set\"}\n"), "JSON");
    ck_assert_span_eq(event_json(r.events[1]), SPAN("{}"), "JSON without a newline");
    ck_assert_span_eq(event_path(r.events[1]), SPAN("/\xff"), "path");
    ck_assert(r.events[1]->dir && r.events[1]->refresh && r.events[1]->replaced);
    ck_assert_int_eq(r.events[1]->action, V2_COMPARE_AND_SWAP);
    ck_assert_int_eq(store_next_expiry(r.store), NOW + 10 * NS_PER_S);

    ck_assert(store_expire_next(r.store, NOW + 10 * NS_PER_S, &got));
    ck_assert_span_eq(got.path, SPAN("/d/_h"), "expired");
    ck_assert_uint_eq(got.index, 10);

    struct store_op swap = {.verb = OP_PUT,
                            .prev_index = 6,
                            .flags = OP_HAS_PREV_VALUE,
                            .prev_value = S("line\n \"\\\0\xc3\xa9<"),
                            .path = S("/d/f"),
                            .value = S("new")};

    ck_assert_int_eq(store_apply(r.store, &swap, NOW, &got), V2_OK);
    store_publish(r.store);
    store_check(r.store);
    load_result_fini(&r);
    buf_fini(&bytes);
}
END_TEST

/* As many changes as a number of 32 bits can tell: it stays what a snapshot may hold. */
START_TEST(counted_to_the_end)
{
    struct load_result r;
    struct store_result done;
    struct err e;
    struct buf lines = {0};
    struct store_op op = {
        .verb = OP_PUT, .exist = OP_EXIST_YES, .path = SPAN("/a"), .value = SPAN("1")};

    buf_lit(&lines, HEAD ROOT "{\"file\":\"/a\",\"c\":1,\"m\":1,\"n\":4294967295,\"v\":\"\"}\n");
    ck_assert_msg(snap_load_open(buf_as_span(&lines), &r, &e) == 0, "%s", e.text);
    ck_assert_int_eq(store_apply(r.store, &op, NOW, &done), V2_OK);
    buf_clear(&lines);
    snap_again(&r, &lines);
    load_result_fini(&r);
    ck_assert_msg(snap_load(buf_as_span(&lines), 0, &r, &e) == 0, "%s", e.text);
    load_result_fini(&r);
    buf_fini(&lines);
}
END_TEST

START_TEST(an_earlier_format)
{
    struct load_result r;
    struct err e;
    struct buf lines = {0};

    buf_lit(&lines, HEAD ROOT);
    *strchr(lines.ptr, '3') = '1';
    ck_assert_msg(snap_load_open(buf_as_span(&lines), &r, &e) == 0, "%s", e.text);
    ck_assert_uint_eq(r.head.n_removed, 0);
    load_result_fini(&r);
    buf_fini(&lines);
}
END_TEST

/* No bit of a snapshot may change unnoticed, and no part may be missing or come too much. */
START_TEST(damage)
{
    struct buf bytes = {0};
    struct load_result r;
    struct err e;

    sample_whole(&bytes);
    for (size_t at = 0; at < bytes.len; at++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes.ptr[at] = (char)(bytes.ptr[at] ^ 1 << bit);

            int rv = snap_load(buf_as_span(&bytes), 0, &r, &e);

            ck_assert_msg(rv == ERR_CORRUPT || rv == ERR_VERSION, "bit %d of byte %zu: %d", bit, at,
                          rv);
            ck_assert_int_eq(e.code, rv);
            bytes.ptr[at] = (char)(bytes.ptr[at] ^ 1 << bit);
        }
    }
    for (size_t len = 0; len < bytes.len; len++) {
        int rv = snap_load(span_make(bytes.ptr, len), 0, &r, &e);

        ck_assert_msg(rv == ERR_CORRUPT, "cut after byte %zu: %d", len, rv);
        ck_assert_ptr_nonnull(strstr(e.text, "cut off after line"));
    }
    buf_char(&bytes, '\n');
    ck_assert_int_eq(snap_load(buf_as_span(&bytes), 1, &r, &e), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(e.text, "bytes behind the end"));
    buf_fini(&bytes);
}
END_TEST

/* Lines whose sums are right, but that no tree of ours gives. */
static const struct {
    const char *name, *lines, *text;
} bad[] = {
    {"nothing", "", "line 1 at byte 0: not a snapshot"},
    {"empty line", "\n", "line 1 at byte 0: not a snapshot"},
    {"no nodes", HEAD, "not even the root"},
    {"root is a file", HEAD "{\"file\":\"/\",\"c\":0,\"m\":0,\"v\":\"\"}\n", "permanent directory"},
    {"root expires", HEAD "{\"dir\":\"/\",\"c\":0,\"m\":0,\"x\":1,\"t\":1}\n",
     "permanent directory"},
    {"no root", HEAD "{\"dir\":\"/a\",\"c\":1,\"m\":1,\"t\":1}\n", "begin with the root"},
    {"two roots", HEAD ROOT ROOT, "a name that cannot be"},
    {"relative", HEAD ROOT "{\"file\":\"a\",\"c\":1,\"m\":1,\"v\":\"\"}\n", "begin with /"},
    {"empty path", HEAD ROOT "{\"file\":\"\",\"c\":1,\"m\":1,\"v\":\"\"}\n", "begin with /"},
    {"no parent", HEAD ROOT "{\"file\":\"/a/b\",\"c\":1,\"m\":1,\"v\":\"\"}\n", "no directory"},
    {"below a file",
     HEAD ROOT "{\"file\":\"/a\",\"c\":1,\"m\":1,\"v\":\"\"}\n"
               "{\"file\":\"/a/b\",\"c\":1,\"m\":1,\"v\":\"\"}\n",
     "no directory"},
    {"same name",
     HEAD ROOT "{\"file\":\"/a\",\"c\":1,\"m\":1,\"v\":\"\"}\n"
               "{\"dir\":\"/a\",\"c\":1,\"m\":1,\"t\":1}\n",
     "order of paths"},
    {"out of order",
     HEAD ROOT "{\"file\":\"/b\",\"c\":1,\"m\":1,\"v\":\"\"}\n"
               "{\"file\":\"/a\",\"c\":1,\"m\":1,\"v\":\"\"}\n",
     "line 4 at byte 268: not in the order of paths"},
    {"back into a directory",
     HEAD ROOT "{\"dir\":\"/a\",\"c\":1,\"m\":1,\"t\":1}\n"
               "{\"file\":\"/b\",\"c\":1,\"m\":1,\"v\":\"\"}\n"
               "{\"file\":\"/a/c\",\"c\":1,\"m\":1,\"v\":\"\"}\n",
     "no directory"},
    {"double slash", HEAD ROOT "{\"file\":\"//a\",\"c\":1,\"m\":1,\"v\":\"\"}\n", "no directory"},
    {"slash at the end", HEAD ROOT "{\"file\":\"/a/\",\"c\":1,\"m\":1,\"v\":\"\"}\n",
     "no directory"},
    {"newer than the store", HEAD ROOT "{\"file\":\"/a\",\"c\":1,\"m\":10,\"v\":\"\"}\n",
     "beyond the store"},
    {"older than itself", HEAD ROOT "{\"file\":\"/a\",\"c\":3,\"m\":2,\"v\":\"\"}\n",
     "before it was created"},
    {"tree beyond the parent",
     HEAD "{\"dir\":\"/\",\"c\":0,\"m\":0,\"t\":3}\n{\"dir\":\"/a\",\"c\":1,\"m\":1,\"t\":4}\n",
     "directory above"},
    {"tree beyond the store", HEAD "{\"dir\":\"/\",\"c\":0,\"m\":0,\"t\":10}\n",
     "beyond the store"},
    {"version 0", HEAD ROOT "{\"file\":\"/a\",\"c\":1,\"m\":1,\"n\":0,\"v\":\"\"}\n", "version 0"},
    {"version 1 written", HEAD ROOT "{\"file\":\"/a\",\"c\":1,\"m\":1,\"n\":1,\"v\":\"\"}\n",
     "from 2"},
    {"version of 33 bits",
     HEAD ROOT "{\"file\":\"/a\",\"c\":1,\"m\":1,\"n\":4294967296,\"v\":\"\"}\n", "from 2"},
    {"expires at 0", HEAD ROOT "{\"file\":\"/a\",\"c\":1,\"m\":1,\"x\":0,\"v\":\"\"}\n", "a time"},
    {"expires at -0", HEAD ROOT "{\"file\":\"/a\",\"c\":1,\"m\":1,\"x\":-0,\"v\":\"\"}\n",
     "a time"},
    {"leading zero", HEAD ROOT "{\"file\":\"/a\",\"c\":01,\"m\":1,\"v\":\"\"}\n", "a number"},
    {"65 bits", HEAD ROOT "{\"file\":\"/a\",\"c\":18446744073709551616,\"m\":1,\"v\":\"\"}\n",
     "64 bits"},
    {"unknown member of a line", HEAD ROOT "{\"file\":\"/a\",\"c\":1,\"m\":1,\"l\":7,\"v\":\"\"}\n",
     "should stand ,\"v"},
    {"blank", HEAD ROOT "{\"file\": \"/a\",\"c\":1,\"m\":1,\"v\":\"\"}\n", "should stand \""},
    {"text as base64", HEAD ROOT "{\"file\":\"/a\",\"c\":1,\"m\":1,\"v64\":\"YQ==\"}\n", "text"},
    {"bits beyond the bytes", HEAD ROOT "{\"file\":\"/a\",\"c\":1,\"m\":1,\"v64\":\"/h==\"}\n",
     "base64"},
    {"padding in the middle", HEAD ROOT "{\"file\":\"/a\",\"c\":1,\"m\":1,\"v64\":\"/g==/g==\"}\n",
     "base64"},
    {"short base64", HEAD ROOT "{\"file\":\"/a\",\"c\":1,\"m\":1,\"v64\":\"/g=\"}\n", "base64"},
    {"needless escape", HEAD ROOT "{\"file\":\"/\\u0061\",\"c\":1,\"m\":1,\"v\":\"\"}\n",
     "an escape"},
    {"long form of \\n", HEAD ROOT "{\"file\":\"/\\u000a\",\"c\":1,\"m\":1,\"v\":\"\"}\n",
     "an escape"},
    {"escaped slash", HEAD ROOT "{\"file\":\"\\/a\",\"c\":1,\"m\":1,\"v\":\"\"}\n", "an escape"},
    {"capital hex", HEAD ROOT "{\"file\":\"/\\u001F\",\"c\":1,\"m\":1,\"v\":\"\"}\n", "an escape"},
    {"control byte", HEAD ROOT "{\"file\":\"/\t\",\"c\":1,\"m\":1,\"v\":\"\"}\n",
     "no control byte"},
    {"not UTF-8", HEAD ROOT "{\"file\":\"/\xff\",\"c\":1,\"m\":1,\"v\":\"\"}\n", "UTF-8"},
    {"surrogate", HEAD ROOT "{\"file\":\"/\xed\xa0\x80\",\"c\":1,\"m\":1,\"v\":\"\"}\n", "UTF-8"},
    {"open string", HEAD ROOT "{\"file\":\"/a\n", "the end of a string"},
    {"more than one object", HEAD ROOT "{\"file\":\"/a\",\"c\":1,\"m\":1,\"v\":\"\"}}\n",
     "more than one object"},
    {"carriage return", HEAD ROOT "{\"file\":\"/a\",\"c\":1,\"m\":1,\"v\":\"\"}\r\n",
     "more than one object"},
    {"node after an event",
     HEAD ROOT "{\"event\":9,\"action\":\"set\",\"path\":\"/f\",\"json\":{}}\n"
               "{\"file\":\"/a\",\"c\":1,\"m\":1,\"v\":\"\"}\n",
     "does not stand here"},
    {"member after a node", HEAD ROOT "{\"member\":\"00000000000000aa\",\"role\":\"spare\"}\n",
     "does not stand here"},
    {"members out of order",
     HEAD "{\"member\":\"00000000000000ab\",\"role\":\"spare\"}\n"
          "{\"member\":\"00000000000000aa\",\"role\":\"spare\"}\n" ROOT,
     "order of their ids"},
    {"no such role", HEAD "{\"member\":\"00000000000000ab\",\"role\":\"king\"}\n" ROOT, "voter"},
    {"published is not a member",
     HEAD "{\"member\":\"00000000000000ab\",\"role\":\"voter\",\"published64\":\"/w==\"}\n" ROOT,
     "an encoded member"},
    {"event too old", HEAD ROOT "{\"event\":7,\"action\":\"set\",\"path\":\"/f\",\"json\":{}}\n",
     "out of order"},
    {"event too new", HEAD ROOT "{\"event\":10,\"action\":\"set\",\"path\":\"/f\",\"json\":{}}\n",
     "out of order"},
    {"event twice",
     HEAD ROOT "{\"event\":9,\"action\":\"set\",\"path\":\"/f\",\"json\":{}}\n"
               "{\"event\":9,\"action\":\"set\",\"path\":\"/f\",\"json\":{}}\n",
     "out of order"},
    {"no such action", HEAD ROOT "{\"event\":9,\"action\":\"sit\",\"path\":\"/f\",\"json\":{}}\n",
     "an action"},
    {"object as base64",
     HEAD ROOT "{\"event\":9,\"action\":\"set\",\"path\":\"/f\",\"json64\":\"e30K\"}\n",
     "not written as base64"},
    {"JSON is no object",
     HEAD ROOT "{\"event\":9,\"action\":\"set\",\"path\":\"/f\",\"json\":[]}\n", "an object"},
    {"history beyond the index",
     "{\"copse\":\"snapshot\",\"format\":3,\"cluster\":\"cdf818194e3a8c32\",\"index\":9,"
     "\"raft_index\":40,\"raft_term\":3,\"config_index\":1,\"time\":1,"
     "\"level\":2,\"history\":11,\"counters\":[]}\n" ROOT,
     "a history that begins"},
};

START_TEST(not_a_tree)
{
    struct load_result r;
    struct err e;
    int rv = snap_load_open(span_of(bad[_i].lines), &r, &e);

    ck_assert_msg(rv == ERR_CORRUPT, "%s: %d", bad[_i].name, rv);
    ck_assert_msg(strstr(e.text, bad[_i].text) != NULL, "%s: %s", bad[_i].name, e.text);
}
END_TEST

START_TEST(from_the_future)
{
    struct load_result r;
    struct err e;

    ck_assert_int_eq(
        snap_load_open(SPAN("{\"copse\":\"snapshot\",\"format\":4,\"who\":1}\n"), &r, &e),
        ERR_VERSION);
    ck_assert_str_eq(e.text,
                     "line 1 at byte 0: format 4, and this version of copse reads formats up to 3; "
                     "use the program that wrote it, or a newer one");
    ck_assert_int_eq(snap_load_open(SPAN(HEAD ROOT "{\"lease\":1}\n"), &r, &e), ERR_VERSION);
    ck_assert_ptr_nonnull(strstr(e.text, "line 3 at byte 235: a kind of line"));
}
END_TEST

/* After an error each call gives it again. */
START_TEST(error_stays)
{
    struct load *l = load_new();
    struct load_result r;
    struct err first, e;

    ck_assert_ptr_null(load_head(l));
    ck_assert_int_eq(load_feed(l, SPAN(HEAD), &first), 0);
    ck_assert_uint_eq(load_head(l)->raft_index, 40);
    ck_assert_int_eq(load_feed(l, SPAN("{\"file\n"), &first), ERR_CORRUPT);
    ck_assert_int_eq(load_feed(l, SPAN(ROOT), &e), ERR_CORRUPT);
    ck_assert_str_eq(e.text, first.text);
    ck_assert_int_eq(load_finish(l, &r, &e), ERR_CORRUPT);
    ck_assert_str_eq(e.text, first.text);
    ck_assert_ptr_null(r.store);
    load_free(l);
}
END_TEST

START_TEST(endless_line)
{
    struct load *l = load_new();
    struct err e;
    size_t n = 1 << 20, fed = 0;
    char *zeros = mem_zalloc(n);
    int rv = 0;

    while (rv == 0 && fed <= LOAD_LINE_MAX) {
        rv = load_feed(l, span_make(zeros, n), &e);
        fed += n;
    }
    ck_assert_int_eq(rv, ERR_CORRUPT);
    ck_assert_str_eq(e.text, "line 1 at byte 0: no end");
    mem_free(zeros);
    load_free(l);
}
END_TEST

/* A name that is not UTF-8: what it published stands encoded. */
START_TEST(odd_member)
{
    struct command c = {
        .kind = COMMAND_MEMBER, .origin = 1, .member = {.id = 1, .name = S("\xff")}};
    struct dump_head head = {.n_members = 1, .history_oldest = 1};
    struct store *s = store_new();
    struct buf first = {0}, again = {0};
    struct load_result r;
    struct err e;

    head.members[0] = (struct dump_member){1, DUMP_VOTER, command_encode(&c)};
    snap_dump(s, &head, NULL, 0, 1, &first);
    store_free(s);
    ck_assert_msg(snap_load(buf_as_span(&first), 0, &r, &e) == 0, "%s", e.text);
    ck_assert_span_eq(blob_span(r.head.members[0].published), blob_span(head.members[0].published),
                      "published");
    snap_again(&r, &again);
    ck_assert_span_eq(buf_as_span(&again), buf_as_span(&first), "again");
    load_result_fini(&r);
    blob_unref(head.members[0].published);
    buf_fini(&first);
    buf_fini(&again);
}
END_TEST

TCase *dump_case(void)
{
    TCase *tc = tcase_create("dump");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, one_of_everything);
    tcase_add_test(tc, checked_without_a_store);
    tcase_add_test(tc, the_loaded_store);
    tcase_add_test(tc, counted_to_the_end);
    tcase_add_test(tc, an_earlier_format);
    tcase_add_test(tc, damage);
    tcase_add_loop_test(tc, not_a_tree, 0, CP_COUNT(bad));
    tcase_add_test(tc, from_the_future);
    tcase_add_test(tc, error_stays);
    tcase_add_test(tc, endless_line);
    tcase_add_test(tc, odd_member);
    return tc;
}
