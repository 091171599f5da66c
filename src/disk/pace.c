#include "disk/pace.h"

#include <time.h>

/* A rest in lengths of what the step took: a fifth of the disk, and a tenth of one processor. */
#define REST_PER_SYNC INT64_C(4)
#define REST_PER_WORK INT64_C(9)
#define REST_NS_MAX   INT64_C(20000000)

static int64_t now_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

void pace_begin(struct pace *p)
{
    p->worked_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);
}

void pace_step(struct pace *p)
{
    p->begun_ns = now_ns(CLOCK_MONOTONIC);
}

void pace_rest(struct pace *p)
{
    int64_t worked_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);
    int64_t rest = (now_ns(CLOCK_MONOTONIC) - p->begun_ns) * REST_PER_SYNC +
                   (worked_ns - p->worked_ns) * REST_PER_WORK;
    struct timespec t = {.tv_nsec = rest < REST_NS_MAX ? rest : REST_NS_MAX};
    nanosleep(&t, NULL);
    p->worked_ns = worked_ns;
}
