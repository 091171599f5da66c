#include "engine_rig.h"

#include "base/mem.h"
#include "cluster/status.h"
#include "codec/command.h"
#include "store/read.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct fixture fx;
struct fx_clock fx_fake;

static uint64_t fake_mono(void *ctx)
{
    (void)ctx;
    return fx_fake.mono;
}

static int64_t fake_wall(void *ctx)
{
    (void)ctx;
    return fx_fake.wall;
}

const struct clock fx_fake_clock = {fake_mono, fake_wall, NULL};

void fx_start_on(const struct clock *clock)
{
    static const struct span peer = {"http://localhost:2380", 21},
                             client = {"http://localhost:2379", 21};
    struct err e;
    static const struct founder self = {
        .id = UINT64_C(0x8e9e05c52164694d), .n_peer_urls = 1, .peer_urls = &peer};
    struct engine_conf conf = {.cluster_id = UINT64_C(0xcdf818194e3a8c32),
                               .member_id = self.id,
                               .n_founders = 1,
                               .founders = &self,
                               .dir = &fx.dir,
                               .name = SPAN("default"),
                               .peer_urls = &peer,
                               .n_peer_urls = 1,
                               .client_urls = &client,
                               .n_client_urls = 1,
                               .heartbeat_ms = 100,
                               .election_ms = 1000,
                               .snapshot_count = fx.snapshot_count,
                               .forget_entries = fx.forget_entries,
                               .history_events = 1000,
                               .clock = clock,
                               .segment_bytes = fx.segment_bytes,
                               .wire = fx.wire,
                               .stepped = fx.wire != NULL,
                               .io = fx.io};
    ck_assert_msg(datadir_open(&fx.dir, fx.path, &e) == 0, "%s", e.text);
    ck_assert_msg(engine_start(&fx.engine, &conf, &e) == 0, "%s", e.text);
}

void fx_start(void)
{
    fx_start_on(&clock_system);
}

void fx_stop(void)
{
    engine_stop(fx.engine);
    datadir_close(&fx.dir);
}

/* How many files of member/DIR end with SUFFIX. */
unsigned fx_files(const char *dir, const char *suffix)
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

static void prepare(const struct diskio *io)
{
    fx = (struct fixture){.lock = PTHREAD_MUTEX_INITIALIZER,
                          .cond = PTHREAD_COND_INITIALIZER,
                          .snapshot_count = UINT64_MAX,
                          .io = io};
    snprintf(fx.path, sizeof(fx.path), "/tmp/copse-engine-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(fx.path));
    snprintf(fx.snap, sizeof(fx.snap), "%s/member/snap", fx.path);
}

void fx_setup(void)
{
    fx_setup_on(&diskio_system, 0);
}

void fx_setup_on(const struct diskio *io, uint64_t segment_bytes)
{
    prepare(io);
    fx.segment_bytes = segment_bytes;
    fx_start();
}

void fx_setup_stepped(const struct wire *wire)
{
    prepare(&diskio_system);
    fx.wire = wire;
    fx_start();
}

void fx_teardown(void)
{
    fx_stop();
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

void fx_propose(struct store_op op)
{
    struct command c = {.kind = COMMAND_STORE, .op = op};
    struct proposal *p = mem_zalloc(sizeof(*p));
    p->command = command_encode(&c);
    p->done = on_done;
    ck_assert(engine_propose(fx.engine, &p));
    ck_assert_ptr_null(p);
}

void fx_wait_done(unsigned n)
{
    pthread_mutex_lock(&fx.lock);
    while (fx.n_done < n)
        pthread_cond_wait(&fx.cond, &fx.lock);
    pthread_mutex_unlock(&fx.lock);
}

void fx_free_done(void)
{
    for (unsigned i = 0; i < fx.n_done; i++) {
        event_unref(fx.done[i]->event);
        buf_fini(&fx.done[i]->cause);
        mem_free(fx.done[i]);
    }
    fx.n_done = 0;
}

struct proposal *fx_run(struct store_op op)
{
    fx_free_done();
    fx_propose(op);
    fx_wait_done(1);
    return fx.done[0];
}

struct store_op fx_put(const char *path, const char *value)
{
    return (struct store_op){.verb = OP_PUT, .path = span_of(path), .value = span_of(value)};
}

struct store_op fx_refused(const char *value)
{
    struct store_op op = fx_put("/none", value);
    op.exist = OP_EXIST_YES;
    return op;
}

/* The value at PATH as a reader thread of slot 0 sees it; false when it is missing. */
bool fx_get(const char *path, char *value, size_t room)
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

static bool takes_snapshot(void)
{
    struct engine_figures f;
    engine_figures(fx.engine, &f);
    return f.now[FIGURE_SNAPSHOT_RUNNING] != 0;
}

void fx_write_until_snapshot(unsigned count, unsigned *written)
{
    char path[32];
    while (fx_files("snap", ".jsonl") < count) {
        snprintf(path, sizeof(path), "/s/k%u", (*written)++);
        (void)fx_run(fx_put(path, path));
        while (takes_snapshot())
            nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
    }
}

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

static void on_ended(struct watch *w)
{
    (void)w;
    ck_abort_msg("a watch of a member alone was ended");
}

static void on_closed(struct watch *w)
{
    (void)w;
    pthread_mutex_lock(&fx.lock);
    fx.n_closed++;
    pthread_cond_signal(&fx.cond);
    pthread_mutex_unlock(&fx.lock);
}

void fx_watch(const char *path, uint64_t since, bool recursive)
{
    fx.watch = (struct watch){.watcher = {.path = span_of(path),
                                          .since = since,
                                          .recursive = recursive,
                                          .stream = true,
                                          .push = on_push},
                              .opened = on_opened,
                              .ended = on_ended,
                              .closed = on_closed};
    ck_assert(engine_watch(fx.engine, &fx.watch));
    pthread_mutex_lock(&fx.lock);
    while (fx.n_opened == 0)
        pthread_cond_wait(&fx.cond, &fx.lock);
    pthread_mutex_unlock(&fx.lock);
}

void fx_unwatch(void)
{
    engine_unwatch(fx.engine, &fx.watch);
    pthread_mutex_lock(&fx.lock);
    while (fx.n_closed == 0)
        pthread_cond_wait(&fx.cond, &fx.lock);
    pthread_mutex_unlock(&fx.lock);
}

void fx_wait_seen(unsigned n)
{
    pthread_mutex_lock(&fx.lock);
    while (fx.n_seen < n)
        pthread_cond_wait(&fx.cond, &fx.lock);
    pthread_mutex_unlock(&fx.lock);
}
