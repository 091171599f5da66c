/* check: assertions that stay on in release builds, and the attributes every header uses.
 * CP_ASSERT is for our own mistakes only; bytes from outside get an outcome, never an assertion. */
#pragma once

#include <stddef.h>

#define CP_MUST_CHECK         __attribute__((warn_unused_result))
#define CP_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define CP_NORETURN           __attribute__((noreturn))
#define CP_UNUSED             __attribute__((unused))
#define CP_LIKELY(x)          __builtin_expect(!!(x), 1)
#define CP_UNLIKELY(x)        __builtin_expect(!!(x), 0)

/* The struct of TYPE whose MEMBER is at PTR. */
#define CP_CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define CP_COUNT(array) (sizeof(array) / sizeof((array)[0]))

CP_NORETURN void check_failed(const char *file, int line, const char *what);

#define CP_ASSERT(cond)                                                                            \
    do {                                                                                           \
        if (CP_UNLIKELY(!(cond)))                                                                  \
            check_failed(__FILE__, __LINE__, #cond);                                               \
    } while (0)

/* For branches that no value of ours can reach. */
#define CP_NEVER(what) check_failed(__FILE__, __LINE__, (what))

/* Walks of whole structures: only in builds for tests (configure --enable-deep-checks). */
#ifdef CP_DEEP_CHECKS
#define CP_CHECK_DEEP(cond) CP_ASSERT(cond)
#else
#define CP_CHECK_DEEP(cond) ((void)0)
#endif
