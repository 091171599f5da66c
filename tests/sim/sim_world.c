#include "sim.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>

static struct world the_world;
struct world *const sim = &the_world;

uint64_t sim_random(void)
{
    sim->random ^= sim->random << 13;
    sim->random ^= sim->random >> 7;
    sim->random ^= sim->random << 17;
    return sim->random * 0x2545F4914F6CDD1DULL;
}

unsigned sim_below(unsigned n)
{
    return n > 0 ? (unsigned)((sim_random() >> 33) % n) : 0;
}

bool sim_chance(unsigned permille)
{
    return sim_below(1000) < permille;
}

uint64_t sim_mix(uint64_t h, uint64_t v)
{
    h ^= v + 0x9e3779b97f4a7c15ULL + (h << 6) + (h >> 2);
    h *= 0xff51afd7ed558ccdULL;
    return h ^ (h >> 32);
}

static bool before(const struct event_item *a, const struct event_item *b)
{
    return a->at < b->at || (a->at == b->at && a->order < b->order);
}

void sim_push(struct event_item e)
{
    e.order = ++sim->events_pushed;
    if (sim->queued == sim->queue_cap) {
        sim->queue_cap = sim->queue_cap == 0 ? 256 : sim->queue_cap * 2;
        sim->queue = mem_realloc(sim->queue, sim->queue_cap * sizeof *sim->queue);
    }
    size_t i = sim->queued++;
    for (; i > 0 && before(&e, &sim->queue[(i - 1) / 2]); i = (i - 1) / 2)
        sim->queue[i] = sim->queue[(i - 1) / 2];
    sim->queue[i] = e;
}

bool sim_pop(struct event_item *out)
{
    if (sim->queued == 0)
        return false;
    *out = sim->queue[0];
    struct event_item last = sim->queue[--sim->queued];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < sim->queued; i = child) {
        if (child + 1 < sim->queued && before(&sim->queue[child + 1], &sim->queue[child]))
            child++;
        if (!before(&sim->queue[child], &last))
            break;
        sim->queue[i] = sim->queue[child];
    }
    if (sim->queued > 0)
        sim->queue[i] = last;
    return true;
}

void sim_drop(struct event_item *e)
{
    peer_message_free(e->message);
    mem_free(e->mark);
}

void sim_fail(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(sim->why, sizeof sim->why, fmt, args);
    va_end(args);
    longjmp(sim->broken, 1);
}

void sim_say(int level, const char *fmt, ...)
{
    va_list args;
    if (sim->opt.verbose < level)
        return;
    printf("%6llu ", (unsigned long long)sim->now);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
}
