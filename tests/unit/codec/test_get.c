/* Answers of GET, over a real store. Source: contract, keys 2, 5. */
#include "codec/render.h"

#include "base/clock.h"
#include "proto/limits.h"
#include "test_codec.h"

#include <stdio.h>

#define NOW INT64_C(1763682667882351443) /* 2025-11-20T23:51:07.882351443Z */

static void put(struct store *s, struct span path, struct span value, uint32_t flags)
{
    struct store_op op = {
        .verb = OP_PUT, .flags = flags, .ttl_s = 10, .path = path, .value = value};
    struct store_result r;

    ck_assert_msg(store_apply(s, &op, NOW, &r) == V2_OK, "put %.*s", (int)path.len, path.ptr);
}

#define PUT(path, value) put(s, SPAN(path), SPAN(value), 0)

/* A store at rest, with one node of it to read; close ends all. */
struct view {
    struct store *store;
    const struct node *node;
    struct span path;
};

static struct view view_open(struct store *s, struct span path)
{
    struct view v = {.store = s, .path = path};
    size_t cause_len;

    store_publish(s);
    ck_assert_int_eq(read_find(store_pin(s, 0), path, &v.node, &cause_len), V2_OK);
    return v;
}

static void view_close(struct view *v)
{
    store_unpin(v->store, 0);
    store_free(v->store);
}

/* In pieces of about MAX bytes, each in a buffer of its own when APART. */
static void get(const struct view *v, bool recursive, size_t max, bool apart, struct buf *out)
{
    struct render_get *g = render_get_new(v->node, v->path, recursive, NOW);
    struct buf piece = {0};
    bool more = true;

    while (more) {
        struct buf *to = apart ? &piece : out;
        size_t before = to->len;

        more = render_get_more(g, to, max);
        ck_assert_uint_gt(to->len, before);
        if (apart) {
            buf_span(out, buf_as_span(&piece));
            buf_clear(&piece);
        }
    }
    buf_fini(&piece);
    render_get_free(g);
}

static void check_get(struct store *s, const char *path, bool recursive, const char *want)
{
    struct view v = view_open(s, span_of(path));

    for (size_t max = 0; max < strlen(want) + 2; max++) {
        struct buf got = {0};

        get(&v, recursive, max, max % 2 == 0, &got);
        ck_assert_span_eq(buf_as_span(&got), span_of(want), path);
        buf_fini(&got);
    }
    view_close(&v);
}

/* /a file, /d/{_h, e/{f, g/{}}, x}, /only/_h, /z empty */
static struct store *tree_new(void)
{
    struct store *s = store_new();

    PUT("/d/x", "5");
    PUT("/a", "\xff");
    PUT("/d/_h/y", "hidden");
    PUT("/d/e/f", "");
    put(s, SPAN("/d/e/g"), SPAN(""), OP_DIR | OP_HAS_TTL);
    PUT("/only/_h", "hidden");
    put(s, SPAN("/z"), SPAN(""), OP_DIR);
    return s;
}

#define E_HEAD "{\"key\":\"/d/e\",\"dir\":true"
#define E_TAIL ",\"modifiedIndex\":4,\"createdIndex\":4}"
#define F      "{\"key\":\"/d/e/f\",\"value\":\"\",\"modifiedIndex\":4,\"createdIndex\":4}"
#define G                                                                                          \
    "{\"key\":\"/d/e/g\",\"dir\":true,\"expiration\":\"2025-11-20T23:51:17.882351443Z\","          \
    "\"ttl\":10,\"modifiedIndex\":5,\"createdIndex\":5}"
#define X      "{\"key\":\"/d/x\",\"value\":\"5\",\"modifiedIndex\":1,\"createdIndex\":1}"
#define D_HEAD "{\"key\":\"/d\",\"dir\":true"
#define D_TAIL ",\"modifiedIndex\":1,\"createdIndex\":1}"
#define A      "{\"key\":\"/a\",\"value\":\"\\ufffd\",\"modifiedIndex\":2,\"createdIndex\":2}"
#define ONLY   "{\"key\":\"/only\",\"dir\":true,\"modifiedIndex\":6,\"createdIndex\":6}"
#define Z      "{\"key\":\"/z\",\"dir\":true,\"modifiedIndex\":7,\"createdIndex\":7}"
#define H                                                                                          \
    "{\"key\":\"/d/_h\",\"dir\":true,\"nodes\":[{\"key\":\"/d/_h/y\",\"value\":\"hidden\","        \
    "\"modifiedIndex\":3,\"createdIndex\":3}],\"modifiedIndex\":3,\"createdIndex\":3}"
#define D_RECURSIVE D_HEAD ",\"nodes\":[" E_HEAD ",\"nodes\":[" F "," G "]" E_TAIL "," X "]" D_TAIL

static const struct {
    const char *path;
    bool recursive;
    const char *node;
} get_rows[] = {
    {"/a", false, A},
    {"/a", true, A},
    {"/d", false, D_HEAD ",\"nodes\":[" E_HEAD E_TAIL "," X "]" D_TAIL},
    {"/d", true, D_RECURSIVE},
    {"/d/e", false, E_HEAD ",\"nodes\":[" F "," G "]" E_TAIL},
    {"/d/e/g", true, G},
    {"/d/_h", false, H},
    {"/only", false, ONLY},
    {"/only", true, ONLY},
    {"/z", true, Z},
    {"/", false, "{\"dir\":true,\"nodes\":[" A "," D_HEAD D_TAIL "," ONLY "," Z "]}"},
    {"/", true, "{\"dir\":true,\"nodes\":[" A "," D_RECURSIVE "," ONLY "," Z "]}"},
};

START_TEST(listings_in_pieces_of_any_size)
{
    struct buf want = {0};

    buf_printf(&want, "{\"action\":\"get\",\"node\":%s}\n", get_rows[_i].node);
    check_get(tree_new(), get_rows[_i].path, get_rows[_i].recursive, buf_cstr(&want));
    buf_fini(&want);
}
END_TEST

START_TEST(empty_root)
{
    check_get(store_new(), "/", false, "{\"action\":\"get\",\"node\":{\"dir\":true}}\n");
    check_get(store_new(), "/", true, "{\"action\":\"get\",\"node\":{\"dir\":true}}\n");
}
END_TEST

START_TEST(file_at_once)
{
    struct view v = view_open(tree_new(), SPAN("/d/x"));
    struct buf got = {0};

    render_get_file(&got, v.node, v.path, NOW);
    ck_assert_span_eq(buf_as_span(&got), SPAN("{\"action\":\"get\",\"node\":" X "}\n"), "file");
    buf_fini(&got);
    view_close(&v);
}
END_TEST

START_TEST(given_up_in_the_middle)
{
    struct view v = view_open(tree_new(), SPAN("/"));
    struct render_get *g = render_get_new(v.node, v.path, true, NOW);
    struct buf b = {0};

    ck_assert(render_get_more(g, &b, 100));
    ck_assert_uint_lt(b.len, 400);
    render_get_free(g);
    render_get_free(NULL);
    buf_fini(&b);
    view_close(&v);
}
END_TEST

START_TEST(as_deep_as_a_path_can_be)
{
    struct store *s = store_new();
    struct buf path = {0}, want = {0}, got = {0};

    for (int i = 0; i < LIMIT_PATH_DEPTH; i++)
        buf_lit(&path, "/a");
    put(s, buf_as_span(&path), SPAN("deep"), 0);

    buf_lit(&want, "{\"action\":\"get\",\"node\":{\"dir\":true");
    for (size_t len = 2; len <= path.len; len += 2) {
        buf_lit(&want, ",\"nodes\":[{\"key\":\"");
        buf_add(&want, path.ptr, len);
        if (len < path.len)
            buf_lit(&want, "\",\"dir\":true");
    }
    buf_lit(&want, "\",\"value\":\"deep\"");
    for (size_t len = 2; len <= path.len; len += 2)
        buf_lit(&want, ",\"modifiedIndex\":1,\"createdIndex\":1}]");
    buf_lit(&want, "}}\n");

    struct view v = view_open(s, SPAN("/"));

    get(&v, true, 1000, true, &got);
    ck_assert(span_eq(buf_as_span(&got), buf_as_span(&want)));
    view_close(&v);
    buf_fini(&path);
    buf_fini(&want);
    buf_fini(&got);
}
END_TEST

/* Many pages of children; pieces stay near what was asked for. */
START_TEST(wide_directory)
{
    struct store *s = store_new();
    struct buf want = {0}, piece = {0};
    size_t at = 0;
    bool more = true;

    for (unsigned i = 0; i < 5000; i++) {
        unsigned shuffled = i * 1237 % 5000;
        char path[32], value[32];

        snprintf(path, sizeof(path), "/w/%s%05u", shuffled % 5 == 0 ? "_" : "k", shuffled);
        snprintf(value, sizeof(value), "%u", shuffled);
        put(s, span_of(path), span_of(value), 0);
    }
    buf_lit(&want, "{\"action\":\"get\",\"node\":{\"key\":\"/w\",\"dir\":true,\"nodes\":[");
    for (unsigned k = 1; k < 5000; k++) {
        unsigned index = 1;

        if (k % 5 == 0)
            continue;
        while ((index - 1) * 1237 % 5000 != k)
            index++;
        buf_printf(&want,
                   "%s{\"key\":\"/w/k%05u\",\"value\":\"%u\",\"modifiedIndex\":%u,"
                   "\"createdIndex\":%u}",
                   k > 1 ? "," : "", k, k, index, index);
    }
    buf_lit(&want, "],\"modifiedIndex\":1,\"createdIndex\":1}}\n");

    struct view v = view_open(s, SPAN("/w"));
    struct render_get *g = render_get_new(v.node, v.path, false, NOW);

    while (more) {
        buf_clear(&piece);
        more = render_get_more(g, &piece, 4096);
        ck_assert_uint_lt(piece.len, 4096 + 200);
        ck_assert_uint_le(at + piece.len, want.len);
        ck_assert_mem_eq(piece.ptr, want.ptr + at, piece.len);
        at += piece.len;
    }
    ck_assert_uint_eq(at, want.len);
    render_get_free(g);
    view_close(&v);
    buf_fini(&want);
    buf_fini(&piece);
}
END_TEST

TCase *get_case(void)
{
    TCase *tc = tcase_create("get");

    tcase_add_loop_test(tc, listings_in_pieces_of_any_size, 0, CP_COUNT(get_rows));
    tcase_add_test(tc, empty_root);
    tcase_add_test(tc, file_at_once);
    tcase_add_test(tc, given_up_in_the_middle);
    tcase_add_test(tc, as_deep_as_a_path_can_be);
    tcase_add_test(tc, wide_directory);
    return tc;
}
