/* The disk fills up and gets room again, in one life of the member and across starts. */
#include "matrix.h"

#include "base/metric.h"
#include "cluster/status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_S 60

static void start(struct world *w)
{
    if (world_start(w) != 0)
        world_broken(w, "start: %s", w->err.text);
    world_check(w);
}

/* Until writes are taken again; the log looks for room every second. */
static void until_room(struct world *w)
{
    uint64_t before = world_acked(w);
    uint64_t end = clock_mono_ns(&clock_system) + PATIENCE_S * (uint64_t)NS_PER_S;
    while (world_acked(w) < before + 50) {
        w->refusals = 0;
        if (!world_write(w, 50)) { /* the time of all was up; they write again after a start */
            world_stop(w);
            start(w);
        }
        world_drain(w);
        usleep(1000);
        if (clock_mono_ns(&clock_system) > end)
            world_broken(w, "there is room, and writes are still refused");
    }
}

static uint64_t snapshots_taken(const struct world *w)
{
    struct engine_figures f;
    uint64_t n = 0;
    engine_figures(w->engine, &f);
    for (unsigned i = 0; i <= HISTOGRAM_BOUNDS; i++)
        n += metric_get(&f.snapshot->n[i]);
    return n;
}

/* One that is under way when the member stops is given up. */
static void until_snapshot(struct world *w)
{
    uint64_t end = clock_mono_ns(&clock_system) + PATIENCE_S * (uint64_t)NS_PER_S;
    while (snapshots_taken(w) == 0) {
        world_write(w, 20);
        world_drain(w);
        usleep(1000);
        if (clock_mono_ns(&clock_system) > end)
            world_broken(w, "there is room, and no snapshot");
    }
}

void matrix_full(uint64_t seed)
{
    bool has_snapshot = false;
    struct books *b = world_books(seed);
    struct world w;
    alarm(10 * PATIENCE_S);
    world_init(&w, b, seed);
    start(&w);
    for (int round = 0; round < 3; round++) {
        world_write(&w, 40);
        faultio_space_left(w.files, world_random(&w, 3) * 1000);
        /* All writers may wait in the log for room until their time is up; then none is left to
         * be refused. */
        while (w.refusals == 0 && world_write(&w, 1000))
            ;
        world_check_now(&w); /* reads go on */
        if (round == 1 || w.refusals == 0) {
            /* Stopped and started while there is none. */
            world_stop(&w);
            start(&w);
            world_write(&w, 1000);
            world_check_now(&w);
        }
        faultio_space(w.files, UINT64_MAX);
        until_room(&w);
        world_check_now(&w);
        w.skip_ns += 11 * (uint64_t)NS_PER_S; /* a snapshot that failed is due again */
        w.refusals = 0;
        world_write(&w, 200);
        world_drain(&w);
        if (!has_snapshot)
            until_snapshot(&w);
        world_stop(&w);
        has_snapshot = world_files(&w, ".jsonl", NULL) > 0;
        if (!has_snapshot)
            world_broken(&w, "the snapshot is not there");
        start(&w);
    }
    world_stop(&w);
    alarm(0);
    matrix_add(b);
    world_fini(&w);
    world_books_free(b);
}

/* Every start writes; the one that fills the last segment ends with words, where the log would wait
 * for room and nobody yet answers. */
void matrix_full_starts(uint64_t seed)
{
    struct books *b = world_books(seed);
    struct world w;
    int rv = 0;
    alarm(10 * PATIENCE_S);
    world_init(&w, b, seed);
    w.segment_bytes = 4096;
    w.snapshot_count = 1000000;
    start(&w);
    world_write(&w, 5);
    world_drain(&w);
    world_stop(&w);
    faultio_space_left(w.files, 0);
    for (unsigned i = 0; i < 200 && (rv = world_start(&w)) == 0; i++) {
        world_check(&w);
        world_stop(&w);
    }
    if (rv != -ENOSPC || strstr(w.err.text, "d/wal is full") == NULL ||
        strstr(w.err.text, "make room") == NULL)
        world_broken(&w, "started without room: %d, %s", rv, w.err.text);
    faultio_space(w.files, UINT64_MAX);
    start(&w);
    world_write(&w, 50);
    world_drain(&w);
    world_stop(&w);
    start(&w);
    world_stop(&w);
    alarm(0);
    matrix_add(b);
    world_fini(&w);
    world_books_free(b);
}
