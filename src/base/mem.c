/* mem: malloc with the two promises of mem.h. */
#include "base/mem.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* 0: no failures asked for; 1: every try fails; n: the n-th try from now is the first to fail. */
static atomic_uint fail_countdown;

static bool try_must_fail(void)
{
    unsigned n = atomic_load_explicit(&fail_countdown, memory_order_relaxed);

    while (CP_UNLIKELY(n > 1)) {
        if (atomic_compare_exchange_weak(&fail_countdown, &n, n - 1))
            return false;
    }
    return n == 1;
}

void mem_fail_after(unsigned n)
{
    atomic_store(&fail_countdown, n);
}

void *mem_alloc(size_t n)
{
    void *p = malloc(n > 0 ? n : 1);

    CP_ASSERT(p != NULL);
    return p;
}

void *mem_zalloc(size_t n)
{
    void *p = calloc(1, n > 0 ? n : 1);

    CP_ASSERT(p != NULL);
    return p;
}

void *mem_realloc(void *p, size_t n)
{
    void *q = realloc(p, n > 0 ? n : 1);

    CP_ASSERT(q != NULL);
    return q;
}

void *mem_try(size_t n)
{
    return try_must_fail() ? NULL : malloc(n > 0 ? n : 1);
}

void *mem_try_realloc(void *p, size_t n)
{
    return try_must_fail() ? NULL : realloc(p, n > 0 ? n : 1);
}

void *mem_dup(const void *p, size_t n)
{
    void *q = mem_alloc(n);

    if (n > 0)
        memcpy(q, p, n);
    return q;
}

char *mem_strdup(const char *s)
{
    return mem_dup(s, strlen(s) + 1);
}

void mem_free(void *p)
{
    free(p);
}

void mem_trim(void)
{
    (void)malloc_trim(0);
}
