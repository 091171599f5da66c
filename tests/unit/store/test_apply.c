/* The decision table: what each operation answers. Rows follow the recorded cases of etcd 3.4,
 * whose names they have. */
#include "suite.h"

#include <stdio.h>

#define STEPS 12

struct step {
    enum op_verb verb;
    const char *path, *value;
    uint32_t flags;
    enum op_exist exist;
    const char *prev_value;
    uint64_t prev_index, ttl_s;
    /* wanted */
    enum v2_code code;
    const char *cause; /* of a refusal; NULL: none */
    enum v2_action action;
    uint64_t modified, created;
    const char *node_value; /* NULL: a directory or a deletion */
    bool dir;
    uint64_t prev_modified; /* 0: no previous node */
    const char *prev_node_value;
};

#define PUT_OK(p, v, m, c)                                                                         \
    OP_PUT, p, v, .action = V2_SET, .modified = m, .created = c, .node_value = v
#define MKDIR(p, m)                                                                                \
    OP_PUT, p, .flags = OP_DIR, .action = V2_SET, .modified = m, .created = m, .dir = true

static const struct {
    const char *name;
    struct step step[STEPS];
} rows[] = {
    {"set-get",
     {{PUT_OK("/a", "1", 1, 1)},
      {PUT_OK("/a", "2", 2, 2), .prev_modified = 1, .prev_node_value = "1"}}},
    {"createdindex-rules",
     {{PUT_OK("/a", "1", 1, 1)},
      {PUT_OK("/a", "2", 2, 2), .prev_modified = 1, .prev_node_value = "1"},
      {OP_PUT, "/a", "3", .exist = OP_EXIST_YES, .action = V2_UPDATE, .modified = 3, .created = 2,
       .node_value = "3", .prev_modified = 2, .prev_node_value = "2"},
      {OP_PUT, "/a", "4", .prev_value = "3", .action = V2_COMPARE_AND_SWAP, .modified = 4,
       .created = 2, .node_value = "4", .prev_modified = 3, .prev_node_value = "3"},
      {OP_DELETE, "/a", .action = V2_DELETE, .modified = 5, .created = 2, .prev_modified = 4,
       .prev_node_value = "4"},
      {PUT_OK("/a", "5", 6, 6)}}},
    {"root-readonly",
     {{OP_PUT, "/", "1", .code = V2_ROOT_READ_ONLY, .cause = "/"},
      {OP_PUT, "/", .flags = OP_DIR, .code = V2_ROOT_READ_ONLY, .cause = "/"},
      {OP_PUT, "/", .exist = OP_EXIST_YES, .code = V2_ROOT_READ_ONLY, .cause = "/"},
      {OP_PUT, "/", .exist = OP_EXIST_NO, .code = V2_ROOT_READ_ONLY, .cause = "/"},
      {OP_PUT, "/", .prev_value = "x", .code = V2_ROOT_READ_ONLY, .cause = "/"},
      {OP_PUT, "/", .flags = OP_REFRESH, .ttl_s = 9, .code = V2_ROOT_READ_ONLY, .cause = "/"},
      {OP_DELETE, "/", .flags = OP_RECURSIVE, .code = V2_ROOT_READ_ONLY, .cause = "/"},
      {OP_DELETE, "/", .code = V2_ROOT_READ_ONLY, .cause = "/"},
      {OP_DELETE, "/", .prev_value = "x", .code = V2_NOT_FILE},
      {OP_DELETE, "/", .prev_index = 1, .code = V2_NOT_FILE}}},
    {"root-post",
     {{OP_POST, "/", "1", .action = V2_CREATE, .modified = 1, .created = 1, .node_value = "1"},
      {OP_POST, "/", .flags = OP_DIR, .action = V2_CREATE, .modified = 2, .created = 2,
       .dir = true}}},
    {"mkdir-prevexist",
     {{OP_PUT, "/d", .flags = OP_DIR, .exist = OP_EXIST_NO, .action = V2_CREATE, .modified = 1,
       .created = 1, .dir = true},
      {OP_PUT, "/d", .flags = OP_DIR, .exist = OP_EXIST_NO, .code = V2_NODE_EXIST, .cause = "/d"},
      {OP_PUT, "/d", .flags = OP_DIR, .exist = OP_EXIST_YES, .action = V2_UPDATE, .modified = 2,
       .created = 1, .dir = true, .prev_modified = 1},
      {OP_PUT, "/d", .exist = OP_EXIST_YES, .action = V2_UPDATE, .modified = 3, .created = 1,
       .dir = true, .prev_modified = 1},
      {OP_PUT, "/d", "1", .exist = OP_EXIST_YES, .code = V2_NOT_FILE, .cause = "/d"},
      {OP_PUT, "/d", "1", .flags = OP_DIR, .exist = OP_EXIST_YES, .code = V2_NOT_FILE,
       .cause = "/d"},
      {OP_PUT, "/d", .flags = OP_DIR, .code = V2_NOT_FILE, .cause = "/d"}}},
    {"implicit-dirs",
     {{PUT_OK("/a/b/c", "1", 1, 1)},
      {OP_PUT, "/a/b/c/d", "1", .code = V2_NOT_DIR, .cause = "/a/b/c"},
      {OP_PUT, "/a/b/c/d/e", "1", .code = V2_NOT_DIR, .cause = "/a/b/c"},
      {OP_DELETE, "/a/b/c/d", .code = V2_NOT_DIR, .cause = "/a/b/c"},
      {OP_PUT, "/a/b/c/d", "1", .exist = OP_EXIST_YES, .code = V2_NOT_DIR, .cause = "/a/b/c"},
      {OP_PUT, "/a/b/c/d", "1", .exist = OP_EXIST_NO, .code = V2_NOT_DIR, .cause = "/a/b/c"},
      {OP_PUT, "/a/b/c/d", "1", .prev_value = "1", .code = V2_NOT_DIR, .cause = "/a/b/c"},
      {OP_DELETE, "/a/b/c/d", .prev_value = "1", .code = V2_NOT_DIR, .cause = "/a/b/c"},
      {OP_POST, "/a/b/c", "1", .code = V2_NOT_DIR, .cause = "/a/b/c"},
      {OP_POST, "/a/b/c/d", "1", .code = V2_NOT_DIR, .cause = "/a/b/c"}}},
    {"failed-create-leaves-dirs: it leaves none",
     {{PUT_OK("/f", "1", 1, 1)},
      {OP_PUT, "/f/n/m", "1", .code = V2_NOT_DIR, .cause = "/f"},
      {OP_PUT, "/q/r/s", "1", .exist = OP_EXIST_YES, .code = V2_KEY_NOT_FOUND, .cause = "/q"},
      {OP_PUT, "/q/r", "1", .prev_value = "a", .code = V2_KEY_NOT_FOUND, .cause = "/q"},
      {OP_PUT, "/q/r", .flags = OP_REFRESH, .ttl_s = 9, .code = V2_KEY_NOT_FOUND, .cause = "/q"},
      {OP_DELETE, "/q", .flags = OP_RECURSIVE, .code = V2_KEY_NOT_FOUND, .cause = "/q"}}},
    {"file-over-dir",
     {{PUT_OK("/d/k", "1", 1, 1)},
      {OP_PUT, "/d", "1", .code = V2_NOT_FILE, .cause = "/d"},
      {OP_PUT, "/d", "1", .exist = OP_EXIST_NO, .code = V2_NODE_EXIST, .cause = "/d"},
      {OP_PUT, "/d", "1", .prev_value = "1", .code = V2_NOT_FILE, .cause = "/d"},
      {OP_PUT, "/d", .flags = OP_DIR, .prev_index = 3, .code = V2_NOT_FILE, .cause = "/d"},
      {OP_DELETE, "/d", .prev_value = "1", .code = V2_NOT_FILE, .cause = "/d"},
      {OP_DELETE, "/d", .flags = OP_RECURSIVE, .prev_index = 1, .code = V2_NOT_FILE,
       .cause = "/d"}}},
    {"dir-replaces-file",
     {{PUT_OK("/f", "old", 1, 1)},
      {MKDIR("/f", 2), .prev_modified = 1, .prev_node_value = "old"},
      {PUT_OK("/f/x", "1", 3, 3)}}},
    {"delete-dir",
     {{MKDIR("/d", 1)},
      {OP_DELETE, "/d", .code = V2_NOT_FILE, .cause = "/d"},
      {OP_DELETE, "/d", .flags = OP_DIR, .action = V2_DELETE, .modified = 2, .created = 1,
       .dir = true, .prev_modified = 1},
      {PUT_OK("/d/k", "1", 3, 3)},
      {OP_DELETE, "/d", .code = V2_NOT_FILE, .cause = "/d"},
      {OP_DELETE, "/d", .flags = OP_DIR, .code = V2_DIR_NOT_EMPTY, .cause = "/d"},
      {OP_DELETE, "/d", .flags = OP_RECURSIVE, .action = V2_DELETE, .modified = 4, .created = 3,
       .dir = true, .prev_modified = 3}}},
    {"cas-both-fail",
     {{PUT_OK("/a", "one", 1, 1)},
      {OP_PUT, "/a", "x", .prev_value = "two", .code = V2_TEST_FAILED, .cause = "[two != one]"},
      {OP_PUT, "/a", "x", .prev_index = 7, .code = V2_TEST_FAILED, .cause = "[7 != 1]"},
      {OP_PUT, "/a", "x", .prev_value = "two", .prev_index = 7, .code = V2_TEST_FAILED,
       .cause = "[two != one] [7 != 1]"},
      {OP_PUT, "/a", "x", .prev_value = "one", .prev_index = 7, .code = V2_TEST_FAILED,
       .cause = "[7 != 1]"},
      {OP_DELETE, "/a", .prev_value = "two", .prev_index = 1, .code = V2_TEST_FAILED,
       .cause = "[two != one]"},
      {OP_DELETE, "/a", .prev_value = "one", .prev_index = 1, .action = V2_COMPARE_AND_DELETE,
       .modified = 2, .created = 1, .prev_modified = 1, .prev_node_value = "one"}}},
    {"cas-prevexist",
     {{OP_PUT, "/a", "1", .exist = OP_EXIST_NO, .prev_value = "x", .action = V2_CREATE,
       .modified = 1, .created = 1, .node_value = "1"},
      {OP_PUT, "/a", "1", .exist = OP_EXIST_NO, .prev_value = "1", .code = V2_NODE_EXIST,
       .cause = "/a"},
      {OP_PUT, "/a", "2", .exist = OP_EXIST_YES, .prev_value = "1", .action = V2_COMPARE_AND_SWAP,
       .modified = 2, .created = 1, .node_value = "2", .prev_modified = 1,
       .prev_node_value = "1"}}},
    {"post-params-ignored",
     {{OP_POST, "/q", "1", .exist = OP_EXIST_YES, .prev_value = "x", .prev_index = 9,
       .action = V2_CREATE, .modified = 1, .created = 1, .node_value = "1"},
      {OP_POST, "/q", .flags = OP_REFRESH, .ttl_s = 5, .action = V2_CREATE, .modified = 2,
       .created = 2, .node_value = ""}}},
    {"a taken in-order name is 105 until the index moves on",
     {{PUT_OK("/q/00000000000000000003", "1", 1, 1)},
      {PUT_OK("/q/00000000000000000002", "1", 2, 2)},
      {OP_POST, "/q", "1", .code = V2_NODE_EXIST, .cause = "/q/00000000000000000003"},
      {PUT_OK("/x", "1", 3, 3)},
      {OP_POST, "/q", "1", .action = V2_CREATE, .modified = 4, .created = 4, .node_value = "1"}}},
    {"refresh",
     {{OP_PUT, "/a", .flags = OP_REFRESH, .ttl_s = 5, .code = V2_KEY_NOT_FOUND, .cause = "/a"},
      {OP_PUT, "/a", .flags = OP_REFRESH, .exist = OP_EXIST_NO, .ttl_s = 5, .action = V2_CREATE,
       .modified = 1, .created = 1, .node_value = ""},
      {PUT_OK("/a", "v", 2, 2), .prev_modified = 1, .prev_node_value = ""},
      {OP_PUT, "/a", .flags = OP_REFRESH, .ttl_s = 5, .action = V2_SET, .modified = 3, .created = 3,
       .node_value = "v", .prev_modified = 2, .prev_node_value = "v"},
      {OP_PUT, "/a", .flags = OP_REFRESH, .exist = OP_EXIST_YES, .ttl_s = 5, .action = V2_UPDATE,
       .modified = 4, .created = 3, .node_value = "v", .prev_modified = 3, .prev_node_value = "v"},
      {OP_PUT, "/a", .flags = OP_REFRESH, .prev_value = "v", .ttl_s = 5,
       .action = V2_COMPARE_AND_SWAP, .modified = 5, .created = 3, .node_value = "v",
       .prev_modified = 4, .prev_node_value = "v"},
      {OP_PUT, "/a", .flags = OP_REFRESH | OP_DIR, .ttl_s = 5, .action = V2_SET, .modified = 6,
       .created = 6, .dir = true, .prev_modified = 5, .prev_node_value = "v"},
      {OP_PUT, "/a", .flags = OP_REFRESH, .ttl_s = 5, .code = V2_NOT_FILE, .cause = "/a"},
      {OP_PUT, "/a", .flags = OP_REFRESH, .exist = OP_EXIST_YES, .ttl_s = 5, .action = V2_UPDATE,
       .modified = 7, .created = 6, .dir = true, .prev_modified = 6}}},
    {"cas-dir-flag",
     {{PUT_OK("/a", "1", 1, 1)},
      {OP_PUT, "/a", "2", .flags = OP_DIR, .prev_value = "1", .action = V2_COMPARE_AND_SWAP,
       .modified = 2, .created = 1, .node_value = "2", .prev_modified = 1, .prev_node_value = "1"},
      {OP_PUT, "/a", "3", .flags = OP_DIR, .exist = OP_EXIST_YES, .action = V2_UPDATE,
       .modified = 3, .created = 1, .node_value = "3", .prev_modified = 2,
       .prev_node_value = "2"}}},
};

static struct store_op step_op(const struct step *t)
{
    struct store_op op = {
        .verb = t->verb, .exist = t->exist, .flags = t->flags, .path = span_of(t->path)};
    if (t->value != NULL)
        op.value = span_of(t->value);
    if (t->prev_value != NULL) {
        op.prev_value = span_of(t->prev_value);
        op.flags |= OP_HAS_PREV_VALUE;
    }
    op.prev_index = t->prev_index;
    op.ttl_s = t->ttl_s;
    op.flags |= t->ttl_s > 0 ? OP_HAS_TTL : 0;
    return op;
}

static bool same_text(struct span s, const char *want)
{
    return span_eq(s, want != NULL ? span_of(want) : (struct span){0});
}

START_TEST(row)
{
    struct store *s = store_new();
    uint64_t index = 0;
    for (int i = 0; i < STEPS && rows[_i].step[i].path != NULL; i++) {
        const struct step *t = &rows[_i].step[i];
        char at[128];
        snprintf(at, sizeof at, "%s, step %d", rows[_i].name, i);
        struct store_result r;
        ck_assert_msg(run(s, step_op(t), &r) == t->code, "%s: code %d", at, (int)r.code);
        index += t->code == V2_OK;
        ck_assert_msg(r.index == index && store_index(s) == index, "%s: index", at);
        if (t->code != V2_OK) {
            ck_assert_msg(same_text(r.cause, t->cause), "%s: cause %.*s", at, (int)r.cause.len,
                          r.cause.ptr);
            continue;
        }
        ck_assert_msg(r.action == t->action, "%s: action", at);
        ck_assert_msg(r.node.modified == t->modified, "%s: modified", at);
        ck_assert_msg(r.node.created == t->created, "%s: created", at);
        ck_assert_msg(r.node.dir == t->dir, "%s: dir", at);
        ck_assert_msg(same_text(r.node.value, t->node_value), "%s: value", at);
        ck_assert_msg(r.node.expires_ns ==
                          (t->ttl_s > 0 ? NOW + (int64_t)t->ttl_s * 1000000000 : 0),
                      "%s: expiration", at);
        ck_assert_msg(r.has_prev == (t->prev_modified > 0), "%s: has_prev", at);
        ck_assert_msg(!r.has_prev || r.prev.modified == t->prev_modified, "%s: prev modified", at);
        ck_assert_msg(!r.has_prev || same_text(r.prev.value, t->prev_node_value), "%s: prev value",
                      at);
        ck_assert_msg(r.refresh == ((t->flags & OP_REFRESH) != 0 && r.has_prev), "%s: refresh", at);
        if (i % 3 == 2)
            store_publish(s);
    }
    store_free(s);
}
END_TEST

START_TEST(a_post_names_its_child_by_the_index)
{
    struct store *s = store_new();
    store_burn(s);
    store_burn(s);
    struct store_result r;
    run(s, (struct store_op){.verb = OP_POST, .path = SPAN("/q")}, &r);
    ck_assert(span_eq(r.path, SPAN("/q/00000000000000000003")));
    run(s, (struct store_op){.verb = OP_POST, .path = SPAN("/")}, &r);
    ck_assert(span_eq(r.path, SPAN("/00000000000000000004")));
    store_free(s);
}
END_TEST

/* quirk: mkdir-prevexist */
START_TEST(an_update_leaves_a_directorys_modified_index)
{
    struct store *s = store_new();
    struct store_result r;
    put(s, "/d/k", "1");
    for (uint64_t i = 2; i < 5; i++) {
        run(s, (struct store_op){.verb = OP_PUT, .exist = OP_EXIST_YES, .path = SPAN("/d")}, &r);
        ck_assert_uint_eq(r.node.modified, i);
        ck_assert_uint_eq(r.prev.modified, 1);
        if (i == 3)
            store_publish(s);
    }
    put(s, "/d/k", "2"); /* the children came through it all */
    store_free(s);
}
END_TEST

/* The previous node of a result may be private to the draft: its value must last until the next
 * operation. */
START_TEST(a_result_outlives_the_node_it_replaced)
{
    struct store *s = store_new();
    char big[4000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    put(s, "/a", big);
    struct store_result r;
    run(s, (struct store_op){.verb = OP_PUT, .path = SPAN("/a"), .value = SPAN("y")}, &r);
    ck_assert(span_eq(r.prev.value, span_of(big)));
    put(s, "/a", big);
    run(s, (struct store_op){.verb = OP_DELETE, .path = SPAN("/a")}, &r);
    ck_assert(span_eq(r.prev.value, span_of(big)));
    ck_assert(span_eq(r.path, SPAN("/a")));
    store_free(s);
}
END_TEST

TCase *case_apply(void)
{
    TCase *tc = tcase_create("apply");
    tcase_add_loop_test(tc, row, 0, (int)CP_COUNT(rows));
    tcase_add_test(tc, a_post_names_its_child_by_the_index);
    tcase_add_test(tc, an_update_leaves_a_directorys_modified_index);
    tcase_add_test(tc, a_result_outlives_the_node_it_replaced);
    return tc;
}
