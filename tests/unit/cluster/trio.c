#include "trio.h"

#include "base/mem.h"
#include "cluster/identity.h"
#include "cluster/status.h"
#include "cluster/wire.h"
#include "codec/command.h"
#include "store/read.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct trio trio;

static struct span urls[TRIO_MAX];
static struct founder founders[TRIO_MAX];
static uint64_t cluster_id;

/* ---- the wire ---- */

/* What is called on engine threads asserts with CP_ASSERT: Check speaks on the test's thread only.
 */
static struct trio_member *by_id(uint64_t id)
{
    for (unsigned i = 0; i < trio.n; i++)
        if (trio.m[i].id == id)
            return &trio.m[i];
    return NULL;
}

static unsigned place(const struct trio_member *m)
{
    return (unsigned)(m - trio.m);
}

/* Called by one thread, that of the engine of CTX. */
static void tell(void *ctx, const struct wire_peer *peers, unsigned n)
{
    struct trio_member *from = ctx;
    for (unsigned i = 0; i < trio.n; i++)
        from->knows[i] = false;
    for (unsigned i = 0; i < n; i++) {
        const struct trio_member *m = by_id(peers[i].id);
        if (m == NULL) /* a test made it up */
            continue;
        CP_ASSERT(peers[i].n_urls == 1);
        CP_ASSERT(span_eq(peers[i].urls[0], urls[place(m)]));
        from->knows[place(m)] = true;
    }
}

/* The receiver gets bytes of its own, as from a real wire. */
static void own_bytes(struct frame *f)
{
    for (unsigned i = 0; f->type == FRAME_FORWARD && i < f->forward.n; i++) {
        struct blob *own = blob_copy(blob_span(f->forward.commands[i]));
        blob_unref(f->forward.commands[i]);
        f->forward.commands[i] = own;
    }
}

/* What the door of a peer says. */
static void say_removed(struct trio_member *m)
{
    pthread_rwlock_rdlock(&m->lock);
    if (m->engine != NULL)
        engine_removed(m->engine);
    pthread_rwlock_unlock(&m->lock);
}

static bool pass(void *ctx, uint64_t to, struct frame **f)
{
    struct trio_member *from = ctx, *m = by_id(to);
    if (m == NULL || !from->knows[place(m)] || from->refuse[place(m)])
        return false;
    from->frames[(*f)->type]++;
    pthread_rwlock_rdlock(&m->lock);
    bool up = m->engine != NULL, cut = from->cut[place(m)];
    bool out = up && !cut && engine_was_removed(m->engine, from->id);
    own_bytes(*f);
    if (up && !cut && !out)
        engine_receive(m->engine, *f);
    else if (up)
        frame_free(*f);
    pthread_rwlock_unlock(&m->lock);
    if (out)
        say_removed(from);
    if (up)
        *f = NULL;
    return up;
}

static void copy_file(const char *from, const char *to)
{
    char piece[65536], part[128];
    ssize_t n;
    snprintf(part, sizeof(part), "%s.tmp", to);
    int in = open(from, O_RDONLY), out = open(part, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CP_ASSERT(in >= 0 && out >= 0);
    while ((n = read(in, piece, sizeof(piece))) > 0)
        CP_ASSERT(write(out, piece, (size_t)n) == n);
    close(in);
    close(out);
    CP_ASSERT(rename(part, to) == 0);
}

/* Nobody takes a file for one that is down: its next start looks through the directory. */
static bool pass_snapshot(void *ctx, uint64_t to, struct frame **f, uint64_t index, uint64_t term)
{
    struct trio_member *from = ctx, *m = by_id(to);
    char source[160], target[160];
    if (m == NULL || from->cut[place(m)])
        return false;
    snprintf(source, sizeof(source), "%s/member/snap/%016llx-%016llx.jsonl", from->path,
             (unsigned long long)index, (unsigned long long)term);
    snprintf(target, sizeof(target), "%s/member/snap/%016llx-%016llx.jsonl", m->path,
             (unsigned long long)index, (unsigned long long)term);
    pthread_rwlock_rdlock(&m->lock);
    bool up = m->engine != NULL;
    if (up)
        copy_file(source, target);
    pthread_rwlock_unlock(&m->lock);
    return up && pass(ctx, to, f);
}

/* ---- members ---- */

static void on_removed(void *ctx)
{
    struct trio_member *m = ctx;
    m->removed = true;
}

void trio_start(unsigned i)
{
    struct trio_member *m = &trio.m[i];
    struct engine *engine;
    struct err e;
    struct engine_conf conf = {
        .dir = &m->dir,
        .cluster_id = cluster_id,
        .member_id = m->id,
        .joins = i >= trio.n_founders,
        .force_new = trio.force_new,
        .n_founders = trio.untold           ? 0
                      : i < trio.n_founders ? trio.n_founders
                                            : trio.n,
        .founders = founders,
        .wire = m->wire,
        .name = SPAN("one of them"),
        .peer_urls = &urls[i],
        .n_peer_urls = 1,
        .client_urls = &urls[i],
        .n_client_urls = 1,
        .heartbeat_ms = trio.election_ms > 0 ? 100 : 20,
        .election_ms = trio.election_ms > 0 ? trio.election_ms : 200,
        .snapshot_count = trio.snapshot_count > 0 ? trio.snapshot_count : UINT64_MAX,
        .snapshot_trailing = 5,
        .forget_entries = trio.forget_entries,
        .segment_bytes = 65536,
        .history_events = trio.history_events > 0 ? trio.history_events : 1000,
        .clock = &clock_system,
        .io = trio.io != NULL ? trio.io : &diskio_system,
        .removed = on_removed,
        .ctx = m};
    ck_assert_msg(datadir_open(&m->dir, m->path, &e) == 0, "%s", e.text);
    ck_assert_msg(engine_start(&engine, &conf, &e) == 0, "%s", e.text);
    pthread_rwlock_wrlock(&m->lock);
    m->engine = engine;
    pthread_rwlock_unlock(&m->lock);
}

void trio_stop(unsigned i)
{
    struct trio_member *m = &trio.m[i];
    pthread_rwlock_wrlock(&m->lock);
    struct engine *engine = m->engine;
    m->engine = NULL;
    pthread_rwlock_unlock(&m->lock);
    if (engine == NULL)
        return;
    engine_stop(engine);
    datadir_close(&m->dir);
}

void trio_cut(unsigned i, bool cut)
{
    for (unsigned k = 0; k < trio.n; k++)
        if (k != i)
            trio.m[i].cut[k] = trio.m[k].cut[i] = cut;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static void make(unsigned i)
{
    static char text[TRIO_MAX][32];
    struct trio_member *m = &trio.m[i];
    snprintf(text[i], sizeof(text[i]), "http://127.0.0.1:%u", 2380 + i);
    urls[i] = span_of(text[i]);
    m->id = identity_member(&urls[i], 1, SPAN("t"), 0);
    pthread_rwlock_init(&m->lock, NULL);
    snprintf(m->path, sizeof(m->path), "/tmp/copse-trio-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(m->path));
    m->wire = mem_zalloc(sizeof(*m->wire));
    *m->wire = (struct wire){tell, pass, pass_snapshot, m};
}

void trio_setup(unsigned n)
{
    uint64_t ids[TRIO_MAX] = {0};
    memset(trio.m, 0, sizeof(trio.m));
    trio.n_founders = n;
    unsigned all = n + trio.n_later;
    ck_assert_uint_le(all, TRIO_MAX);
    trio.n = all;
    for (unsigned i = 0; i < all; i++) {
        make(i);
        ids[i] = trio.m[i].id;
        founders[i] = (struct founder){.id = trio.m[i].id, .n_peer_urls = 1, .peer_urls = &urls[i]};
    }
    cluster_id = identity_cluster(ids, n);
    for (unsigned i = 0; i < n; i++)
        trio_start(i);
}

void trio_three(void)
{
    memset(&trio, 0, sizeof(trio));
    trio_setup(3);
}

void trio_three_with_snapshots(void)
{
    memset(&trio, 0, sizeof(trio));
    trio.snapshot_count = 20;
    trio_setup(3);
}

void trio_teardown(void)
{
    for (unsigned i = 0; i < trio.n; i++)
        trio_stop(i);
    for (unsigned i = 0; i < trio.n; i++) {
        nftw(trio.m[i].path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
        mem_free(trio.m[i].wire);
        pthread_rwlock_destroy(&trio.m[i].lock);
    }
}

TCase *trio_case(Suite *s, const char *name, void (*setup)(void))
{
    TCase *t = tcase_create(name);
    tcase_set_timeout(t, 300);
    tcase_add_checked_fixture(t, setup, trio_teardown);
    suite_add_tcase(s, t);
    return t;
}

/* Between two looks at a condition that another thread will bring about. */
void trio_pause(void)
{
    struct timespec ts = {.tv_nsec = 2 * NS_PER_MS};
    nanosleep(&ts, NULL);
}

static uint64_t leader_of(unsigned i)
{
    if (trio.m[i].engine == NULL)
        return 0;
    struct engine_status s;
    engine_status(trio.m[i].engine, &s);
    blob_unref(s.name);
    return s.leader_id;
}

unsigned trio_leader(void)
{
    for (;; trio_pause()) {
        for (unsigned i = 0; i < trio.n; i++) {
            unsigned followers = 0, up = 0;
            for (unsigned k = 0; k < trio.n; k++) {
                up += trio.m[k].engine != NULL;
                followers += leader_of(k) == trio.m[i].id;
            }
            if (followers > up / 2 && leader_of(i) == trio.m[i].id)
                return i;
        }
    }
}

unsigned trio_other_leader(unsigned i)
{
    unsigned leader;
    while ((leader = trio_leader()) == i)
        trio_pause();
    return leader;
}

/* ---- requests ---- */

struct pending {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool done;
};

static struct pending *pending_new(void)
{
    struct pending *w = mem_zalloc(sizeof(*w));
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->cond, NULL);
    return w;
}

static void pending_done(struct pending *w)
{
    pthread_mutex_lock(&w->lock);
    w->done = true;
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->lock);
}

static void pending_wait(struct pending *w)
{
    pthread_mutex_lock(&w->lock);
    while (!w->done)
        pthread_cond_wait(&w->cond, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

static void pending_free(struct pending *w)
{
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->cond);
    mem_free(w);
}

static void on_done(struct proposal *p)
{
    pending_done(p->owner);
}

struct proposal *trio_propose(unsigned i, const struct command *c)
{
    struct proposal *p = mem_zalloc(sizeof(*p)), *kept = p;
    p->command = command_encode(c);
    p->owner = pending_new();
    p->done = on_done;
    ck_assert(engine_propose(trio.m[i].engine, &p));
    return kept;
}

struct proposal *trio_begin(unsigned i, const char *path, const char *value)
{
    struct command c = {.kind = COMMAND_STORE,
                        .op = {.verb = OP_PUT, .path = span_of(path), .value = span_of(value)}};
    return trio_propose(i, &c);
}

void trio_wait(struct proposal *p)
{
    pending_wait(p->owner);
}

struct proposal *trio_put(unsigned i, const char *path, const char *value)
{
    struct proposal *p = trio_begin(i, path, value);
    trio_wait(p);
    return p;
}

void trio_free(struct proposal *p)
{
    pending_free(p->owner);
    event_unref(p->event);
    blob_unref(p->member.info);
    buf_fini(&p->cause);
    mem_free(p);
}

void trio_put_well(unsigned i, const char *path, const char *value)
{
    struct proposal *p = trio_put(i, path, value);
    ck_assert_msg(p->code == V2_OK, "%.*s", (int)p->cause.len, p->cause.ptr);
    trio_free(p);
}

int trio_change(unsigned i, int kind, unsigned n)
{
    struct command c = {.kind = (enum command_kind)kind, .member = {.id = trio.m[n].id}};
    if (c.kind == COMMAND_MEMBER_ADD)
        c.member.peer_urls[c.member.n_peer_urls++] = urls[n];
    struct proposal *p = trio_propose(i, &c);
    trio_wait(p);
    ck_assert_msg(p->code == V2_OK, "%.*s", (int)p->cause.len, p->cause.ptr);
    int outcome = p->member.outcome;
    trio_free(p);
    return outcome;
}

void trio_await_voters(unsigned i, unsigned voters)
{
    struct engine_figures f;
    for (;; trio_pause()) {
        engine_figures(trio.m[i].engine, &f);
        if (f.now[FIGURE_VOTERS] == voters && f.now[FIGURE_STANDBYS] == 0)
            return;
    }
}

static void on_read(struct quorum_read *r)
{
    pending_done(r->owner);
}

enum v2_code trio_read(unsigned i)
{
    struct quorum_read r = {.owner = pending_new(), .done = on_read};
    ck_assert(engine_read(trio.m[i].engine, &r));
    pending_wait(r.owner);
    pending_free(r.owner);
    buf_fini(&r.cause);
    return r.code;
}

bool trio_get(unsigned i, const char *path, char *value, size_t room)
{
    const struct node *n;
    size_t cause;
    struct store *store = engine_store(trio.m[i].engine);
    const struct version *v = store_pin(store, 0);
    bool found = read_find(v, span_of(path), &n, &cause) == V2_OK;
    if (found) {
        struct node_view view;
        node_view(n, &view);
        snprintf(value, room, "%.*s", (int)view.value.len, view.value.ptr);
    }
    store_unpin(store, 0);
    return found;
}

void trio_await(unsigned i, const char *path, const char *value)
{
    char got[64];
    while (!trio_get(i, path, got, sizeof(got)) || strcmp(got, value) != 0)
        trio_pause();
}

unsigned trio_snapshots(unsigned i)
{
    char dir[128];
    unsigned n = 0;
    snprintf(dir, sizeof(dir), "%s/member/snap", trio.m[i].path);
    DIR *d = opendir(dir);
    ck_assert_ptr_nonnull(d);
    for (struct dirent *f; (f = readdir(d)) != NULL;) {
        size_t len = strlen(f->d_name);
        n += len > 6 && strcmp(f->d_name + len - 6, ".jsonl") == 0;
    }
    closedir(d);
    return n;
}

void trio_await_snapshot(unsigned i)
{
    while (trio_snapshots(i) == 0)
        trio_pause();
}
