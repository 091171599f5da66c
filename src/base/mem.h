/* mem: heap memory. Small sizes of our own never fail: the process ends instead (a replica cannot
 * skip a change for lack of memory). Sizes that a peer chose go through mem_try: it may refuse. */
#pragma once

#include "base/check.h"

#include <stddef.h>

/* Gives N bytes (mem_free); never NULL. */
void *mem_alloc(size_t n) __attribute__((malloc));
void *mem_zalloc(size_t n) __attribute__((malloc));
/* As realloc, never NULL for n > 0. */
void *mem_realloc(void *p, size_t n);
/* Gives N bytes or NULL; for sizes that a peer chose. */
void *mem_try(size_t n) CP_MUST_CHECK;
/* As realloc; NULL leaves P as it was. */
void *mem_try_realloc(void *p, size_t n) CP_MUST_CHECK;
void *mem_dup(const void *p, size_t n);
/* Gives a NUL-terminated copy. */
char *mem_strdup(const char *s);
void mem_free(void *p);
/* Gives what is free back to the system, as far as the heap can; walks all of it. */
void mem_trim(void);

/* Tests: let the N-th mem_try from now on (1 = the next) and all after it fail; 0 ends that. */
void mem_fail_after(unsigned n);
