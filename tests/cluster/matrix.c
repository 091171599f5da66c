/* matrix: whatever happens to power, process and disk, every acknowledged write is there after the
 * next start, and nothing that nobody wrote. A whole member on fault files.
 *
 * Usage: matrix [failures | full | crashes]
 *   SEED=N   the first seed (default 1)
 *   SEEDS=N  how many seeds of crashes (default 24), 12 starts and more each */
#include "matrix.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    uint64_t starts, acked, unknown, refused;
} sums;

void matrix_add(const struct books *b)
{
    sums.starts += b->starts;
    sums.acked += b->acked;
    sums.unknown += b->unknown;
    sums.refused += b->refused;
}

static uint64_t number(const char *name, uint64_t otherwise)
{
    const char *s = getenv(name);
    return s != NULL ? strtoull(s, NULL, 0) : otherwise;
}

static void say(const char *part)
{
    printf("%s: %llu starts, %llu acknowledged, %llu without an outcome, %llu refused, 0 lost\n",
           part, (unsigned long long)sums.starts, (unsigned long long)sums.acked,
           (unsigned long long)sums.unknown, (unsigned long long)sums.refused);
    fflush(stdout);
    memset(&sums, 0, sizeof(sums));
}

/* Under the thread sanitizer each case takes ten times as long, and forked ones are of no use to it
 * beyond the first of their kind. */
#ifdef __SANITIZE_THREAD__
enum { SLOW = 4 };

const char *__tsan_default_options(void);

/* Children that end in the middle, by a failed write, leave threads behind that nobody joins. */
const char *__tsan_default_options(void)
{
    return "report_thread_leaks=0";
}
#else
enum { SLOW = 1 };
#endif

struct sizes {
    uint64_t first, seeds;
    bool more;
};

static void failures(const struct sizes *s)
{
    matrix_failures(s->first, s->more ? 1 : 3 * SLOW);
}

static void full(const struct sizes *s)
{
    matrix_full(s->first);
    matrix_full_starts(s->first);
}

static void crashes(const struct sizes *s)
{
    for (uint64_t seed = s->first; seed < s->first + s->seeds; seed++)
        matrix_crashes(seed, 12);
}

static const struct part {
    const char *name;
    void (*run)(const struct sizes *s);
} parts[] = {{"failures", failures}, {"full", full}, {"crashes", crashes}};

int main(int argc, char **argv)
{
    struct sizes s = {.first = number("SEED", 1),
                      .seeds = number("SEEDS", 24 / SLOW),
                      .more = getenv("SEEDS") != NULL};
    log_set_level(getenv("VERBOSE") != NULL ? LOG_DEBUG : LOG_ERROR);
    printf("SEED=%llu SEEDS=%llu\n", (unsigned long long)s.first, (unsigned long long)s.seeds);
    fflush(stdout);
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        if (argc > 1 && strcmp(argv[1], parts[i].name) != 0)
            continue;
        parts[i].run(&s);
        say(parts[i].name);
    }
    return 0;
}
