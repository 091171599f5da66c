/* Lives of a member that end in every way: stopped, killed, the power gone at once, at some call,
 * or at the N-th call of one kind; sometimes during the start; sometimes the newest snapshot is bad
 * afterwards. */
#include "matrix.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum end { END_STOP, END_KILL, END_POWER, END_POWER_SOON, END_POWER_CALL, ENDS };

/* Readies what will end the next life. */
static enum end plan(struct world *w)
{
    enum end end = (enum end)world_random(w, ENDS);
    if (end == END_POWER_SOON)
        faultio_power_off_at(w->files, 1 + (unsigned)world_random(w, 150));
    if (end == END_POWER_CALL)
        gate_set(&w->gate, (struct gate_plan){.trouble = GATE_POWER,
                                              .where = (enum gate_where)world_random(w, 3),
                                              .call = (unsigned)world_random(w, FAULT_CALLS),
                                              .n = 1 + (unsigned)world_random(w, 12)});
    return end;
}

/* What the disk holds afterwards. */
static void power_on(struct world *w, enum end end)
{
    gate_set(&w->gate, (struct gate_plan){0});
    faultio_power_off_at(w->files, 0);
    faultio_power_on(w->files, end <= END_KILL);
}

/* One bit of the newest snapshot turns over; the one before it has to do. Not of that one next:
 * where the power went before a third was removed, the log no longer reaches back to the third. */
static void damage_snapshot(struct world *w)
{
    const char *newest;
    size_t len;
    if (world_files(w, ".jsonl", &newest) < 2 || strcmp(newest, w->damaged) <= 0)
        return;
    snprintf(w->damaged, sizeof(w->damaged), "%s", newest);
    uint8_t *bytes = faultio_bytes(w->files, newest, &len);
    size_t at = world_random(w, len);
    bytes[at] ^= (uint8_t)(1u << world_random(w, 8));
}

static void live(struct world *w)
{
    enum end end = plan(w);
    if (world_start(w) != 0) {
        if (!faultio_is_off(w->files))
            world_broken(w, "start: %s", w->err.text);
        power_on(w, end);
        return;
    }
    /* A start without power reads nothing. */
    bool read = !faultio_is_off(w->files);
    if (read)
        world_check(w);
    world_write(w, 5 + (unsigned)world_random(w, world_random(w, 3) == 0 ? 300 : 60));
    if (end == END_STOP) {
        world_drain(w);
    } else if (end <= END_POWER) {
        faultio_power_off_at(w->files, 0);
    }
    world_stop(w);
    power_on(w, end);
    if (world_random(w, 6) == 0)
        damage_snapshot(w);
}

void matrix_crashes(uint64_t seed, unsigned starts)
{
    struct books *b = world_books(seed);
    struct world w;
    world_init(&w, b, seed);
    while (b->starts < starts) {
        live(&w);
        if (b->starts > 1000 * (uint64_t)starts)
            world_broken(&w, "no end");
    }
    if (world_start(&w) != 0)
        world_broken(&w, "the last start: %s", w.err.text);
    world_check(&w);
    world_stop(&w);
    matrix_add(b);
    world_fini(&w);
    world_books_free(b);
}
