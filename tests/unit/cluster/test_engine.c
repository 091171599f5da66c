/* engine: a whole member without HTTP: writes from another thread, watches, expiry, restarts, and
 * what a stop answers. */
#include "cluster/engine.h"

#include "base/mem.h"
#include "cluster/timekeeper.h"
#include "cluster/waiting.h"
#include "codec/command.h"
#include "disk/snapfile.h"
#include "store/read.h"

#include <check.h>
#include <dirent.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* One member in a directory of its own; the test waits on cond until a callback has come. */
struct fixture {
    char path[64], snap[96];
    struct datadir dir;
    struct engine *engine;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    struct proposal *done[4096]; /* guarded by lock */
    unsigned n_done;
    struct event *seen[64];
    unsigned n_seen, n_opened, n_closed;
    uint64_t snapshot_count;
    struct watch watch;
};

static struct fixture fx;

/* A clock that stands still until a test moves it; the engine reads it meanwhile. */
static struct {
    _Atomic uint64_t mono;
    _Atomic int64_t wall;
} fake;

static uint64_t fake_mono(void *ctx)
{
    (void)ctx;
    return fake.mono;
}

static int64_t fake_wall(void *ctx)
{
    (void)ctx;
    return fake.wall;
}

static const struct clock fake_clock = {fake_mono, fake_wall, NULL};

static void start_on(const struct clock *clock)
{
    static const struct span peer = {"http://localhost:2380", 21},
                             client = {"http://localhost:2379", 21};
    struct err e;
    struct engine_conf conf = {.dir = &fx.dir,
                               .name = SPAN("default"),
                               .cluster_token = SPAN("etcd-cluster"),
                               .peer_urls = &peer,
                               .n_peer_urls = 1,
                               .client_urls = &client,
                               .n_client_urls = 1,
                               .heartbeat_ms = 100,
                               .election_ms = 1000,
                               .snapshot_count = fx.snapshot_count,
                               .history_events = 1000,
                               .clock = clock,
                               .io = &diskio_system};
    ck_assert_msg(datadir_open(&fx.dir, fx.path, &e) == 0, "%s", e.text);
    ck_assert_msg(engine_start(&fx.engine, &conf, &e) == 0, "%s", e.text);
}

static void start(void)
{
    start_on(&clock_system);
}

static void stop(void)
{
    engine_stop(fx.engine);
    datadir_close(&fx.dir);
}

/* How many files of member/DIR end with SUFFIX. */
static unsigned files(const char *dir, const char *suffix)
{
    char path[128];
    unsigned n = 0;
    snprintf(path, sizeof(path), "%s/member/%s", fx.path, dir);
    DIR *d = opendir(path);
    ck_assert_ptr_nonnull(d);
    for (struct dirent *f; (f = readdir(d)) != NULL;) {
        size_t len = strlen(f->d_name), end = strlen(suffix);
        n += len > end && strcmp(f->d_name + len - end, suffix) == 0;
    }
    closedir(d);
    return n;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static void setup(void)
{
    fx = (struct fixture){.lock = PTHREAD_MUTEX_INITIALIZER,
                          .cond = PTHREAD_COND_INITIALIZER,
                          .snapshot_count = UINT64_MAX};
    snprintf(fx.path, sizeof(fx.path), "/tmp/copse-engine-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(fx.path));
    snprintf(fx.snap, sizeof(fx.snap), "%s/member/snap", fx.path);
    start();
}

static void teardown(void)
{
    stop();
    for (unsigned i = 0; i < fx.n_seen; i++)
        event_unref(fx.seen[i]);
    nftw(fx.path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void on_done(struct proposal *p)
{
    pthread_mutex_lock(&fx.lock);
    fx.done[fx.n_done++] = p;
    pthread_cond_signal(&fx.cond);
    pthread_mutex_unlock(&fx.lock);
}

static void propose(struct store_op op)
{
    struct command c = {.kind = COMMAND_STORE, .op = op};
    struct proposal *p = mem_zalloc(sizeof(*p));
    p->command = command_encode(&c);
    p->done = on_done;
    ck_assert(engine_propose(fx.engine, &p));
    ck_assert_ptr_null(p);
}

static void wait_done(unsigned n)
{
    pthread_mutex_lock(&fx.lock);
    while (fx.n_done < n)
        pthread_cond_wait(&fx.cond, &fx.lock);
    pthread_mutex_unlock(&fx.lock);
}

static void free_done(void)
{
    for (unsigned i = 0; i < fx.n_done; i++) {
        event_unref(fx.done[i]->event);
        buf_fini(&fx.done[i]->cause);
        mem_free(fx.done[i]);
    }
    fx.n_done = 0;
}

static struct proposal *run(struct store_op op)
{
    free_done();
    propose(op);
    wait_done(1);
    return fx.done[0];
}

static struct store_op put(const char *path, const char *value)
{
    return (struct store_op){.verb = OP_PUT, .path = span_of(path), .value = span_of(value)};
}

/* The value at PATH as a reader thread of slot 0 sees it; false when it is missing. */
static bool get(const char *path, char *value, size_t room)
{
    const struct node *n;
    size_t cause;
    const struct version *v = store_pin(engine_store(fx.engine), 0);
    bool found = read_find(v, span_of(path), &n, &cause) == V2_OK;
    if (found) {
        struct node_view view;
        node_view(n, &view);
        snprintf(value, room, "%.*s", (int)view.value.len, view.value.ptr);
    }
    store_unpin(engine_store(fx.engine), 0);
    return found;
}

START_TEST(first_write_is_index_4)
{
    struct proposal *p = run(put("/a", "1"));
    ck_assert_int_eq(p->code, V2_OK);
    ck_assert_uint_eq(p->etcd_index, 4); /* as a fresh etcd: contract, keys */
    ck_assert(span_starts(event_json(p->event),
                          SPAN("{\"action\":\"set\",\"node\":{\"key\":\"/a\",\"value\":\"1\"")));
    ck_assert_uint_gt(p->raft_index, 0);
    char value[16];
    ck_assert(get("/a", value, sizeof(value)));
    ck_assert_str_eq(value, "1");
    free_done();
}
END_TEST

START_TEST(refusal_costs_no_index)
{
    struct store_op op = put("/a", "1");
    op.exist = OP_EXIST_YES;
    struct proposal *p = run(op);
    ck_assert_int_eq(p->code, V2_KEY_NOT_FOUND);
    ck_assert_uint_eq(p->etcd_index, 3);
    ck_assert(span_eq(buf_as_span(&p->cause), SPAN("/a")));
    ck_assert_uint_eq(run(put("/a", "1"))->etcd_index, 4);
    free_done();
}
END_TEST

START_TEST(restart_brings_everything_back)
{
    char path[32], value[32];
    for (int i = 0; i < 1000; i++) {
        snprintf(path, sizeof(path), "/d/k%d", i);
        snprintf(value, sizeof(value), "v%d", i);
        propose(put(path, value));
    }
    wait_done(1000);
    uint64_t last = 0;
    for (unsigned i = 0; i < fx.n_done; i++)
        last = fx.done[i]->etcd_index > last ? fx.done[i]->etcd_index : last;
    free_done();
    for (int round = 0; round < 2; round++) {
        stop();
        start();
        ck_assert(get("/d/k999", value, sizeof(value)));
        ck_assert_str_eq(value, "v999");
        ck_assert_uint_eq(run(put("/x", "y"))->etcd_index, ++last);
    }
    free_done();
}
END_TEST

/* Writes until the member has taken a snapshot more than there were. */
static void write_until_snapshot(unsigned count, unsigned *written)
{
    char path[32];
    while (files("snap", ".jsonl") < count) {
        snprintf(path, sizeof(path), "/s/k%u", (*written)++);
        (void)run(put(path, path));
    }
}

START_TEST(restart_from_snapshot_and_log)
{
    char path[32], value[32];
    unsigned written = 0;
    stop();
    fx.snapshot_count = 20;
    start();
    struct store_op op = put("/ttl", "x");
    op.flags = OP_HAS_TTL;
    op.ttl_s = 1000000;
    run(op);
    write_until_snapshot(2, &written);
    for (int i = 0; i < 5; i++) { /* behind the snapshot, in the log alone */
        snprintf(path, sizeof(path), "/s/k%u", written++);
        (void)run(put(path, path));
    }
    uint64_t last = fx.done[0]->etcd_index;
    for (int round = 0; round < 3; round++) {
        stop();
        start();
        for (unsigned i = 0; i < written; i++) {
            snprintf(path, sizeof(path), "/s/k%u", i);
            ck_assert_msg(get(path, value, sizeof(value)), "%s is gone", path);
            ck_assert_str_eq(value, path);
        }
        ck_assert(get("/ttl", value, sizeof(value)));
        ck_assert_uint_eq(run(put("/s/again", "y"))->etcd_index, ++last);
    }
    ck_assert_uint_le(files("snap", ".jsonl"), 2);
    free_done();
}
END_TEST

/* The newest snapshot is damaged: the one before it and the log bring everything back. */
START_TEST(damaged_snapshot_is_passed_over)
{
    char path[160], value[32];
    unsigned written = 0;
    struct snapfile_list list;
    struct err e;
    stop();
    fx.snapshot_count = 20;
    start();
    write_until_snapshot(2, &written);
    stop();
    ck_assert_int_eq(snapfile_find(&diskio_system, fx.snap, &list, &e), 0);
    char *file = snapfile_path(fx.snap, list.v[0]);
    FILE *f = fopen(file, "r+b");
    ck_assert_ptr_nonnull(f);
    fseek(f, 100, SEEK_SET);
    fputc('!', f);
    fclose(f);
    mem_free(file);
    snapfile_list_fini(&list);
    start();
    for (unsigned i = 0; i < written; i++) {
        snprintf(path, sizeof(path), "/s/k%u", i);
        ck_assert_msg(get(path, value, sizeof(value)), "%s is gone", path);
    }
    ck_assert_uint_eq(files("snap", ".bad"), 1);
    free_done();
}
END_TEST

static void on_push(struct watcher *w, struct event *event, bool historic)
{
    (void)w;
    (void)historic;
    pthread_mutex_lock(&fx.lock);
    fx.seen[fx.n_seen++] = event_ref(event);
    pthread_cond_signal(&fx.cond);
    pthread_mutex_unlock(&fx.lock);
}

static void on_opened(struct watch *w)
{
    (void)w;
    pthread_mutex_lock(&fx.lock);
    fx.n_opened++;
    pthread_cond_signal(&fx.cond);
    pthread_mutex_unlock(&fx.lock);
}

static void on_closed(struct watch *w)
{
    (void)w;
    pthread_mutex_lock(&fx.lock);
    fx.n_closed++;
    pthread_cond_signal(&fx.cond);
    pthread_mutex_unlock(&fx.lock);
}

static void watch(const char *path, uint64_t since, bool recursive)
{
    fx.watch = (struct watch){.watcher = {.path = span_of(path),
                                          .since = since,
                                          .recursive = recursive,
                                          .stream = true,
                                          .push = on_push},
                              .opened = on_opened,
                              .closed = on_closed};
    ck_assert(engine_watch(fx.engine, &fx.watch));
    pthread_mutex_lock(&fx.lock);
    while (fx.n_opened == 0)
        pthread_cond_wait(&fx.cond, &fx.lock);
    pthread_mutex_unlock(&fx.lock);
}

static void unwatch(void)
{
    engine_unwatch(fx.engine, &fx.watch);
    pthread_mutex_lock(&fx.lock);
    while (fx.n_closed == 0)
        pthread_cond_wait(&fx.cond, &fx.lock);
    pthread_mutex_unlock(&fx.lock);
}

static void wait_seen(unsigned n)
{
    pthread_mutex_lock(&fx.lock);
    while (fx.n_seen < n)
        pthread_cond_wait(&fx.cond, &fx.lock);
    pthread_mutex_unlock(&fx.lock);
}

START_TEST(history_survives_in_the_snapshot)
{
    unsigned written = 0;
    stop();
    fx.snapshot_count = 20;
    start();
    write_until_snapshot(2, &written);
    stop();
    start();
    watch("/s/k0", 4, false);
    wait_seen(1);
    ck_assert_uint_eq(fx.seen[0]->index, 4);
    unwatch();
    free_done();
}
END_TEST

START_TEST(watch_sees_past_and_present)
{
    run(put("/w/a", "1"));
    run(put("/w/b", "2"));
    watch("/w", 4, true);
    run(put("/w/c", "3"));
    wait_seen(3);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_uint_eq(fx.seen[i]->index, 4 + i);
    unwatch();
    run(put("/w/d", "4"));
    ck_assert_uint_eq(fx.n_seen, 3);
    free_done();
}
END_TEST

/* A node that is made and deleted with its directory in one batch: only watchers of names that
 * stood there are told. */
START_TEST(watch_below_a_deleted_directory)
{
    run(put("/p/q/r", "1"));
    watch("/p/q/r", 0, false);
    struct store_op rm = {.verb = OP_DELETE, .flags = OP_RECURSIVE, .path = SPAN("/p")};
    run(rm);
    wait_seen(1);
    ck_assert(span_eq(event_path(fx.seen[0]), SPAN("/p")));
    run(put("/p/other", "1"));
    run(rm); /* /p/q/r does not exist now */
    ck_assert_uint_eq(fx.n_seen, 1);
    unwatch();
    free_done();
}
END_TEST

START_TEST(expiry_comes_by_itself)
{
    struct store_op op = put("/t", "1");
    op.flags = OP_HAS_TTL;
    op.ttl_s = 1;
    watch("/t", 0, false);
    run(op);
    wait_seen(2);
    ck_assert_int_eq(fx.seen[1]->action, V2_EXPIRE);
    char value[16];
    unwatch();
    ck_assert(!get("/t", value, sizeof(value)));
    free_done();
}
END_TEST

/* A key that ran out while the member was down goes right after the start. */
START_TEST(expiry_after_restart)
{
    struct store_op op = put("/t", "1");
    op.flags = OP_HAS_TTL;
    op.ttl_s = 0;
    run(op);
    stop();
    start();
    fx.n_opened = 0;
    watch("/t", 5, false); /* past or present: the history is replayed too */
    wait_seen(1);
    ck_assert_int_eq(fx.seen[0]->action, V2_EXPIRE);
    unwatch();
    free_done();
}
END_TEST

/* SECONDS pass by both clocks; a write lets the engine look at them. */
static void pass_time(int64_t seconds)
{
    fake.mono += (uint64_t)(seconds * NS_PER_S);
    fake.wall += seconds * NS_PER_S;
    ck_assert_int_eq(run(put("/tick", "x"))->code, V2_OK);
}

/* Nanoseconds that /t has left by the cluster's time. */
static int64_t time_left(void)
{
    const struct node *n;
    struct node_view view;
    size_t cause;
    const struct version *v = store_pin(engine_store(fx.engine), 0);
    ck_assert_int_eq(read_find(v, SPAN("/t"), &n, &cause), V2_OK);
    node_view(n, &view);
    store_unpin(engine_store(fx.engine), 0);
    return view.expires_ns - engine_now_ns(fx.engine);
}

/* Hours up and down by the wall clock are seconds to a key: neither early nor, but for the slew of
 * a tenth, late; and a start with a wall clock in the past goes on from the log. */
START_TEST(expiry_survives_a_stepped_clock)
{
    static const int64_t steps_h[] = {5, -5, 48, -96, 1, -1};
    struct store_op op = put("/t", "1");
    op.flags = OP_HAS_TTL;
    op.ttl_s = 1000;
    stop();
    fake.mono = 77 * (uint64_t)NS_PER_S;
    fake.wall = INT64_C(2000000000) * NS_PER_S;
    start_on(&fake_clock);
    run(op);
    ck_assert_int_eq(time_left(), 1000 * NS_PER_S);

    int64_t passed_s = 0;
    for (size_t i = 0; i < sizeof(steps_h) / sizeof(*steps_h); i++) {
        fake.wall += steps_h[i] * 3600 * NS_PER_S;
        ck_assert_int_eq(run(put("/tick", "x"))->code, V2_OK);
        for (int j = 0; j < 10; j++) {
            int64_t before = time_left();
            pass_time(10);
            passed_s += 10;
            ck_assert_int_le(before - time_left(), 11 * NS_PER_S);
            ck_assert_int_ge(before - time_left(), 9 * NS_PER_S);
        }
    }
    ck_assert_int_ge(time_left(), 1000 * NS_PER_S - passed_s * 11 / 10 * NS_PER_S);
    ck_assert_int_le(time_left(), 1000 * NS_PER_S - passed_s * 9 / 10 * NS_PER_S);

    int64_t left = time_left();
    stop();
    fake.wall -= 10 * 3600 * NS_PER_S;
    start_on(&fake_clock);
    ck_assert_int_le(time_left(), left);
    ck_assert_int_gt(time_left(), left - 11 * NS_PER_S); /* since the stamp of the last write */

    watch("/t", 0, false);
    pass_time(time_left() / NS_PER_S * 9 / 10);
    ck_assert_int_gt(time_left(), 0);
    ck_assert_uint_eq(fx.n_seen, 0);
    pass_time(time_left() / NS_PER_S * 10 / 9 + 3);
    wait_seen(1);
    ck_assert_int_eq(fx.seen[0]->action, V2_EXPIRE);
    unwatch();
    free_done();
}
END_TEST

/* ---- the parts ---- */

START_TEST(time_never_jumps)
{
    struct timekeeper t;
    fake.mono = 5 * (uint64_t)NS_PER_S;
    fake.wall = 1000 * NS_PER_S;
    timekeeper_start(&t, &fake_clock, 2000 * NS_PER_S);
    ck_assert_int_eq(timekeeper_now(&t), 2000 * NS_PER_S); /* the log knows a later time */
    fake.mono += (uint64_t)NS_PER_S;
    ck_assert_int_eq(timekeeper_now(&t),
                     2000 * NS_PER_S + NS_PER_S * 9 / 10); /* leans back by a tenth */
    fake.wall = 9000 * NS_PER_S;                           /* stepped ahead */
    fake.mono += (uint64_t)NS_PER_S;
    ck_assert_int_eq(timekeeper_now(&t), 2000 * NS_PER_S + NS_PER_S * 2);
    timekeeper_saw(&t, 3000 * NS_PER_S);
    ck_assert_int_eq(timekeeper_peek(&t), 3000 * NS_PER_S);
    timekeeper_saw(&t, 1);
    ck_assert_int_eq(timekeeper_now(&t), 3000 * NS_PER_S);
}
END_TEST

START_TEST(waiting_finds_by_number)
{
    struct waiting w;
    static struct proposal p[5000];
    waiting_init(&w, UINT64_MAX - 100); /* numbers may wrap */
    for (unsigned i = 0; i < 5000; i++) {
        p[i].deadline_ns = i;
        ck_assert_uint_eq(waiting_add(&w, &p[i]), UINT64_MAX - 100 + i);
    }
    ck_assert_ptr_null(waiting_take(&w, UINT64_MAX - 101));
    ck_assert_ptr_null(waiting_take(&w, UINT64_MAX - 100 + 5000));
    ck_assert_ptr_eq(waiting_take(&w, UINT64_MAX - 100 + 3000), &p[3000]);
    ck_assert_ptr_null(waiting_take(&w, UINT64_MAX - 100 + 3000));
    ck_assert_ptr_eq(waiting_expired(&w, 1), &p[0]);
    ck_assert_ptr_eq(waiting_expired(&w, 1), &p[1]);
    ck_assert_ptr_null(waiting_expired(&w, 1));
    ck_assert_uint_eq(waiting_deadline_ns(&w), 2);
    for (unsigned i = 2; i < 5000; i++)
        if (i != 3000)
            ck_assert_ptr_eq(waiting_expired(&w, UINT64_MAX - 1), &p[i]);
    ck_assert_uint_eq(waiting_deadline_ns(&w), UINT64_MAX);
    waiting_fini(&w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("engine");
    TCase *member = tcase_create("member");
    tcase_add_checked_fixture(member, setup, teardown);
    tcase_set_timeout(member, 60);
    tcase_add_test(member, first_write_is_index_4);
    tcase_add_test(member, refusal_costs_no_index);
    tcase_add_test(member, restart_brings_everything_back);
    tcase_add_test(member, restart_from_snapshot_and_log);
    tcase_add_test(member, damaged_snapshot_is_passed_over);
    tcase_add_test(member, history_survives_in_the_snapshot);
    tcase_add_test(member, watch_sees_past_and_present);
    tcase_add_test(member, watch_below_a_deleted_directory);
    tcase_add_test(member, expiry_comes_by_itself);
    tcase_add_test(member, expiry_after_restart);
    tcase_add_test(member, expiry_survives_a_stepped_clock);
    suite_add_tcase(s, member);
    TCase *parts = tcase_create("parts");
    tcase_add_test(parts, time_never_jumps);
    tcase_add_test(parts, waiting_finds_by_number);
    suite_add_tcase(s, parts);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
