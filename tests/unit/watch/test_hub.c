/* The hub by small scenes: each line of a table is a scene of one watcher and a few events. */
#include "test_watch.h"

#include <stdio.h>

#define LOG_MAX 64

struct ear {
    struct watcher w;
    uint64_t heard[LOG_MAX];
    bool historic[LOG_MAX];
    size_t n;
};

static void hear(struct watcher *w, struct event *e, bool historic)
{
    struct ear *ear = (struct ear *)(void *)w;
    ck_assert_uint_lt(ear->n, LOG_MAX);
    ear->heard[ear->n] = e->index;
    ear->historic[ear->n++] = historic;
}

static struct ear ear_on(const char *path, bool recursive, bool stream, uint64_t since)
{
    return (struct ear){.w = {.path = span_of(path),
                              .recursive = recursive,
                              .stream = stream,
                              .since = since,
                              .push = hear}};
}

static struct event *event_of(enum v2_action action, uint64_t index, const char *path, bool dir)
{
    struct event *e = event_new(action, index, span_of(path), SPAN("{}\n"));
    e->dir = dir;
    return e;
}

static void publish(struct hub *h, enum v2_action action, uint64_t index, const char *path,
                    bool dir)
{
    struct event *e = event_of(action, index, path, dir);
    hub_publish(h, &e, 1);
    event_unref(e);
}

static enum v2_code subscribe(struct hub *h, struct ear *ear)
{
    uint64_t oldest;
    return hub_subscribe(h, &ear->w, &oldest);
}

/* A tree in which exactly the paths of the list stand. */
static bool stands(void *ctx, const struct event *e, struct span path)
{
    ck_assert_uint_gt(path.len, e->path_len);
    for (const char *const *p = ctx; *p != NULL; p++) {
        if (span_eq(span_of(*p), path))
            return true;
    }
    return false;
}

static const struct {
    const char *name, *watch;
    bool recursive;
    enum v2_action action;
    const char *path;
    bool dir, told;
} scenes[] = {
    {"same path", "/a", false, V2_SET, "/a", false, true},
    {"same path, recursive", "/a", true, V2_SET, "/a", false, true},
    {"child", "/a", false, V2_SET, "/a/b", false, false},
    {"child, recursive", "/a", true, V2_SET, "/a/b", false, true},
    {"grandchild, recursive", "/a", true, V2_CREATE, "/a/b/c", false, true},
    {"prefix of a name", "/a", true, V2_SET, "/ab", false, false},
    {"parent", "/a/b", true, V2_SET, "/a", false, false},
    {"root, recursive", "/", true, V2_SET, "/a/b", false, true},
    {"root", "/", false, V2_SET, "/a", false, false},
    {"hidden child", "/a", true, V2_SET, "/a/_b", false, false},
    {"hidden below", "/a", true, V2_SET, "/a/b/_c/d", false, false},
    {"hidden from the root", "/", true, V2_SET, "/_a", false, false},
    {"at the hidden", "/a/_b", false, V2_SET, "/a/_b", false, true},
    {"inside the hidden", "/a/_b", true, V2_SET, "/a/_b/c", false, true},
    {"hidden inside the hidden", "/a/_b", true, V2_SET, "/a/_b/_c", false, false},
    {"underscore inside a name", "/a", true, V2_SET, "/a/b_c", false, true},
    {"directory above deleted", "/d/e/f", false, V2_DELETE, "/d", true, true},
    {"directory above expired", "/d/e/f", true, V2_EXPIRE, "/d", true, true},
    {"directory above, between", "/d/e", false, V2_DELETE, "/d", true, true},
    {"directory above, hidden", "/d/_h", false, V2_DELETE, "/d", true, true},
    {"never stood below", "/d/e/zz", false, V2_DELETE, "/d", true, false},
    {"never stood further below", "/d/q/r", true, V2_DELETE, "/d", true, false},
    {"directory beside", "/d/e/f", false, V2_DELETE, "/d/e/g", true, false},
    {"file above deleted", "/d/e/f", false, V2_DELETE, "/d", false, false},
    {"directory above updated", "/d/e/f", false, V2_UPDATE, "/d", true, false},
    {"child deleted", "/d", false, V2_DELETE, "/d/e", true, false},
    {"child deleted, recursive", "/d", true, V2_DELETE, "/d/e", true, true},
    {"itself deleted", "/d", false, V2_DELETE, "/d", true, true},
};

static const char *const tree[] = {"/d", "/d/e", "/d/e/f", "/d/_h", NULL};

START_TEST(who_is_told)
{
    struct hub *h = hub_new(10, 0, stands, (void *)(uintptr_t)tree);
    struct ear ear = ear_on(scenes[_i].watch, scenes[_i].recursive, false, 0);
    ck_assert_int_eq(subscribe(h, &ear), V2_OK);
    publish(h, scenes[_i].action, 1, scenes[_i].path, scenes[_i].dir);
    ck_assert_msg(ear.n == (scenes[_i].told ? 1 : 0), "%s: told %zu times", scenes[_i].name, ear.n);
    ck_assert_uint_eq(hub_watchers(h), scenes[_i].told ? 0 : 1);
    ck_assert(ear.w.registered == !scenes[_i].told);
    hub_free(h);
}
END_TEST

START_TEST(a_stream_hears_a_deletion_once)
{
    struct hub *h = hub_new(10, 0, stands, (void *)(uintptr_t)tree);
    struct ear at = ear_on("/d", true, true, 0), under = ear_on("/d/e", true, true, 0);
    subscribe(h, &at);
    subscribe(h, &under);
    publish(h, V2_DELETE, 1, "/d", true);
    publish(h, V2_SET, 2, "/d", false);
    ck_assert_uint_eq(at.n, 2);
    ck_assert_uint_eq(under.n, 1);
    ck_assert_uint_eq(hub_watchers(h), 2);
    hub_cancel(h, &at.w);
    hub_cancel(h, &at.w);
    ck_assert_uint_eq(hub_watchers(h), 1);
    hub_free(h);
}
END_TEST

START_TEST(a_past_stream_goes_on_into_the_present)
{
    struct hub *h = hub_new(10, 0, stands, (void *)(uintptr_t)tree);
    for (uint64_t i = 1; i <= 4; i++)
        publish(h, V2_SET, i, i % 2 == 0 ? "/a" : "/b", false);
    struct ear ear = ear_on("/a", false, true, 1);
    ck_assert_int_eq(subscribe(h, &ear), V2_OK);
    publish(h, V2_SET, 5, "/a", false);
    publish(h, V2_SET, 6, "/a", false);
    const uint64_t want[] = {2, 4, 5, 6};
    ck_assert_uint_eq(ear.n, 4);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_uint_eq(ear.heard[i], want[i]);
        ck_assert(ear.historic[i] == (i < 2));
    }
    hub_free(h);
}
END_TEST

START_TEST(one_shot_takes_the_first_of_the_past)
{
    struct hub *h = hub_new(10, 0, NULL, NULL);
    for (uint64_t i = 1; i <= 4; i++)
        publish(h, V2_SET, i, "/a", false);
    struct ear ear = ear_on("/a", false, false, 2);
    ck_assert_int_eq(subscribe(h, &ear), V2_OK);
    ck_assert(!ear.w.registered);
    ck_assert_uint_eq(hub_watchers(h), 0);
    ck_assert_uint_eq(ear.n, 1);
    ck_assert_uint_eq(ear.heard[0], 2);
    hub_free(h);
}
END_TEST

START_TEST(the_future_waits_for_its_index)
{
    struct hub *h = hub_new(10, 0, NULL, NULL);
    struct ear ear = ear_on("/a", false, false, 3);
    subscribe(h, &ear);
    publish(h, V2_SET, 1, "/a", false);
    publish(h, V2_SET, 2, "/a", false);
    ck_assert_uint_eq(ear.n, 0);
    publish(h, V2_SET, 4, "/a", false);
    ck_assert_uint_eq(ear.n, 1);
    ck_assert_uint_eq(ear.heard[0], 4);
    hub_free(h);
}
END_TEST

START_TEST(refresh_tells_nobody_and_keeps_its_slot)
{
    struct hub *h = hub_new(2, 0, NULL, NULL);
    struct ear live = ear_on("/a", true, true, 0), past = ear_on("/a", true, true, 1);
    subscribe(h, &live);
    struct event *e = event_of(V2_SET, 1, "/a", false);
    e->refresh = true;
    hub_publish(h, &e, 1);
    event_unref(e);
    ck_assert_uint_eq(live.n, 0);
    subscribe(h, &past);
    ck_assert_uint_eq(past.n, 0);
    publish(h, V2_SET, 2, "/a", false);
    publish(h, V2_SET, 3, "/a", false);
    struct ear late = ear_on("/a", false, false, 1);
    ck_assert_int_eq(subscribe(h, &late), V2_EVENT_INDEX_CLEARED);
    hub_free(h);
}
END_TEST

/* Fewer than N indexes: nothing is cleared, index 1 included. */
START_TEST(history_ends)
{
    struct hub *h = hub_new(4, 0, NULL, NULL);
    uint64_t oldest;
    struct ear first = ear_on("/q", false, false, 1);
    ck_assert_int_eq(hub_subscribe(h, &first.w, &oldest), V2_OK);
    hub_cancel(h, &first.w);
    hub_skip(h, 1);
    hub_skip(h, 2);
    publish(h, V2_SET, 3, "/a", false);
    publish(h, V2_SET, 4, "/a", false);
    ck_assert_int_eq(hub_subscribe(h, &first.w, &oldest), V2_OK);
    hub_cancel(h, &first.w);
    hub_skip(h, 5);
    ck_assert_int_eq(hub_subscribe(h, &first.w, &oldest), V2_EVENT_INDEX_CLEARED);
    ck_assert_uint_eq(oldest, 2);
    struct ear second = ear_on("/a", false, false, 2);
    ck_assert_int_eq(hub_subscribe(h, &second.w, &oldest), V2_OK);
    ck_assert_uint_eq(second.heard[0], 3);
    publish(h, V2_SET, 100, "/a", false); /* a gap takes slots too */
    struct ear gap = ear_on("/a", false, false, 97);
    ck_assert_int_eq(hub_subscribe(h, &gap.w, &oldest), V2_OK);
    ck_assert_uint_eq(gap.heard[0], 100);
    gap.w.since = 96;
    ck_assert_int_eq(hub_subscribe(h, &gap.w, &oldest), V2_EVENT_INDEX_CLEARED);
    ck_assert_uint_eq(oldest, 97);
    hub_reset(h, 200);
    gap.w.since = 200;
    ck_assert_int_eq(hub_subscribe(h, &gap.w, &oldest), V2_EVENT_INDEX_CLEARED);
    ck_assert_uint_eq(oldest, 201);
    gap.w.since = 201;
    ck_assert_int_eq(hub_subscribe(h, &gap.w, &oldest), V2_OK);
    hub_free(h);
}
END_TEST

/* An event of "/a" here is 2 bytes of path and 3 of JSON. */
START_TEST(history_is_bounded_in_bytes)
{
    struct hub *h = hub_new(100, 15, NULL, NULL);
    uint64_t oldest;
    struct ear ear = ear_on("/none", false, false, 1);
    for (uint64_t i = 1; i <= 3; i++)
        publish(h, V2_SET, i, "/a", false);
    ck_assert_int_eq(hub_subscribe(h, &ear.w, &oldest), V2_OK); /* at the bound */
    hub_cancel(h, &ear.w);
    publish(h, V2_SET, 4, "/a", false); /* one beyond */
    ck_assert_int_eq(hub_subscribe(h, &ear.w, &oldest), V2_EVENT_INDEX_CLEARED);
    ck_assert_uint_eq(oldest, 2);
    publish(h, V2_SET, 5, "/larger-than-all", false);
    ear.w.since = 4;
    ck_assert_int_eq(hub_subscribe(h, &ear.w, &oldest), V2_EVENT_INDEX_CLEARED);
    ck_assert_uint_eq(oldest, 5);
    hub_skip(h, 6); /* an index without event does not push the newest event out */
    struct ear newest = ear_on("/larger-than-all", false, false, 5);
    ck_assert_int_eq(hub_subscribe(h, &newest.w, &oldest), V2_OK);
    ck_assert_uint_eq(newest.heard[0], 5);
    publish(h, V2_SET, 7, "/b", false);
    ear.w.since = 5;
    ck_assert_int_eq(hub_subscribe(h, &ear.w, &oldest), V2_EVENT_INDEX_CLEARED);
    ck_assert_uint_eq(oldest, 6);
    hub_free(h);
}
END_TEST

/* Made, deleted with its directory and made again within one publish: the version before knows
 * nothing of it. */
START_TEST(born_and_dead_in_one_publish)
{
    static const char *const nothing[] = {NULL};
    struct hub *h = hub_new(10, 0, stands, (void *)(uintptr_t)nothing);
    struct ear file = ear_on("/d/e/f", false, true, 0), never = ear_on("/d/e/g", false, true, 0);
    subscribe(h, &file);
    subscribe(h, &never);
    struct event *e[] = {
        event_of(V2_SET, 1, "/d/e/f", false),
        event_of(V2_DELETE, 2, "/d", true),
        event_of(V2_SET, 3, "/d/e", false),
        event_of(V2_DELETE, 4, "/d", true),
    };
    hub_publish(h, e, 4);
    ck_assert_uint_eq(file.n, 2);
    ck_assert_uint_eq(file.heard[1], 2);
    ck_assert_uint_eq(never.n, 0);
    for (size_t i = 0; i < 4; i++)
        event_unref(e[i]);
    hub_free(h);
}
END_TEST

Suite *hub_suite(void)
{
    Suite *s = suite_create("hub");
    TCase *t = tcase_create("scenes");
    tcase_add_loop_test(t, who_is_told, 0, (int)(sizeof scenes / sizeof *scenes));
    tcase_add_test(t, a_stream_hears_a_deletion_once);
    tcase_add_test(t, a_past_stream_goes_on_into_the_present);
    tcase_add_test(t, one_shot_takes_the_first_of_the_past);
    tcase_add_test(t, the_future_waits_for_its_index);
    tcase_add_test(t, refresh_tells_nobody_and_keeps_its_slot);
    tcase_add_test(t, history_ends);
    tcase_add_test(t, history_is_bounded_in_bytes);
    tcase_add_test(t, born_and_dead_in_one_publish);
    suite_add_tcase(s, t);
    return s;
}
