#include "engines.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>

static struct sim_world the_world;
struct sim_world *const sim = &the_world;

uint64_t sim_random(void)
{
    sim->random ^= sim->random << 13;
    sim->random ^= sim->random >> 7;
    sim->random ^= sim->random << 17;
    return sim->random * UINT64_C(0x2545F4914F6CDD1D);
}

uint64_t sim_below(uint64_t n)
{
    return n > 0 ? (sim_random() >> 11) % n : 0;
}

bool sim_chance(unsigned permille)
{
    return sim_below(1000) < permille;
}

uint64_t sim_mix(uint64_t h, uint64_t v)
{
    h ^= v + UINT64_C(0x9e3779b97f4a7c15) + (h << 6) + (h >> 2);
    h *= UINT64_C(0xff51afd7ed558ccd);
    return h ^ (h >> 32);
}

uint64_t sim_hash(uint64_t h, struct span s)
{
    uint64_t word;
    size_t i = 0;
    for (; i + 8 <= s.len; i += 8) {
        memcpy(&word, s.ptr + i, 8);
        h = sim_mix(h, word);
    }
    word = s.len;
    for (; i < s.len; i++)
        word = word << 8 | (unsigned char)s.ptr[i];
    return sim_mix(h, word);
}

static bool before(const struct item *a, const struct item *b)
{
    return a->at < b->at || (a->at == b->at && a->order < b->order);
}

void sim_push(struct item it)
{
    it.order = ++sim->order;
    if (sim->queued == sim->queue_cap) {
        sim->queue_cap = sim->queue_cap == 0 ? 1024 : sim->queue_cap * 2;
        sim->queue = mem_realloc(sim->queue, sim->queue_cap * sizeof(*sim->queue));
    }
    size_t i = sim->queued++;
    for (; i > 0 && before(&it, &sim->queue[(i - 1) / 2]); i = (i - 1) / 2)
        sim->queue[i] = sim->queue[(i - 1) / 2];
    sim->queue[i] = it;
}

bool sim_pop(struct item *out)
{
    if (sim->queued == 0)
        return false;
    *out = sim->queue[0];
    struct item last = sim->queue[--sim->queued];
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

void sim_fail(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(sim->why, sizeof(sim->why), fmt, args);
    va_end(args);
    longjmp(sim->broken, 1);
}

void sim_say(int level, const char *fmt, ...)
{
    va_list args;
    if (sim->opt.verbose < level)
        return;
    printf("%10.4f ", (double)sim->now / (double)SECOND);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
}
