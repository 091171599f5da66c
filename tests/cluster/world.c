#include "world.h"

#include "base/mem.h"
#include "faultfile.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct books *world_books(uint64_t seed)
{
    struct books *b =
        mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CP_ASSERT(b != MAP_FAILED);
    b->random = seed;
    return b;
}

void world_books_free(struct books *b)
{
    munmap(b, sizeof(*b));
}

static uint64_t skipping_mono(void *ctx)
{
    struct world *w = ctx;
    return clock_mono_ns(&clock_system) + w->skip_ns;
}

static int64_t skipping_wall(void *ctx)
{
    struct world *w = ctx;
    return clock_wall_ns(&clock_system) + (int64_t)w->skip_ns;
}

void world_init(struct world *w, struct books *books, uint64_t seed)
{
    static char top[] = "d", wal[] = "d/wal", snap[] = "d/snap";
    *w = (struct world){.books = books,
                        .files = faultio_new(seed),
                        .dir = {.path = top, .wal = wal, .snap = snap, .lock_fd = -1},
                        .clock = {skipping_mono, skipping_wall, w}};
    gate_init(&w->gate, w->files);
    w->io = gate_io(&w->gate);
    w->snapshot_count = 20 + world_random(w, 60);
    w->segment_bytes = UINT64_C(4096) << world_random(w, 4);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->answered, NULL);
}

void world_fini(struct world *w)
{
    gate_fini(&w->gate);
    faultio_free(w->files);
    pthread_cond_destroy(&w->answered);
    pthread_mutex_destroy(&w->lock);
}

uint64_t world_random(struct world *w, uint64_t below)
{
    return fault_random(&w->books->random) % below;
}

void world_broken(const struct world *w, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "start %llu: ", (unsigned long long)w->books->starts);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    abort();
}

int world_start(struct world *w)
{
    static const struct span url = {"http://localhost:2380", 21};
    static const struct founder self = {
        .id = UINT64_C(0x8e9e05c52164694d), .n_peer_urls = 1, .peer_urls = &url};
    struct engine_conf conf = {.cluster_id = UINT64_C(0xcdf818194e3a8c32),
                               .member_id = self.id,
                               .n_founders = 1,
                               .founders = &self,
                               .dir = &w->dir,
                               .name = SPAN("default"),
                               .peer_urls = &url,
                               .n_peer_urls = 1,
                               .client_urls = &url,
                               .n_client_urls = 1,
                               .heartbeat_ms = 100,
                               .election_ms = 1000,
                               .snapshot_count = w->snapshot_count,
                               .segment_bytes = w->segment_bytes,
                               .history_events = 1000,
                               .clock = &w->clock,
                               .io = &w->io};
    w->books->starts++;
    w->refusals = 0;
    w->err = (struct err){0};
    int rv = engine_start(&w->engine, &conf, &w->err);
    if (rv != 0)
        w->engine = NULL;
    if (rv != 0 && w->err.text[0] == '\0')
        world_broken(w, "a start was refused with %d and no word", rv);
    return rv;
}

void world_stop(struct world *w)
{
    engine_stop(w->engine);
    w->engine = NULL;
    CP_ASSERT(w->waiting == 0);
}

unsigned world_files(struct world *w, const char *suffix, const char **newest)
{
    unsigned n = 0;
    const char *path;
    for (size_t i = 0; (path = faultio_path(w->files, i)) != NULL; i++) {
        if (strstr(path, suffix) == NULL)
            continue;
        n++;
        if (newest != NULL)
            *newest = path;
    }
    return n;
}
