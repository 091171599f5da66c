/* buf: growable bytes, owned. A zeroed struct is an empty buffer. Growing never fails. */
#pragma once

#include "base/check.h"
#include "base/span.h"

#include <stdint.h>
#include <string.h>

struct buf {
    char *ptr;
    size_t len, cap;
};

void buf_fini(struct buf *b);
/* As buf_reserve, when there is no room. */
void buf_grow(struct buf *b, size_t n);
void buf_printf(struct buf *b, const char *fmt, ...) CP_PRINTF(2, 3);

/* Room for N more bytes behind len; the bytes are written through ptr + len, then len is raised. */
static inline void buf_reserve(struct buf *b, size_t n)
{
    if (CP_UNLIKELY(b->cap - b->len < n))
        buf_grow(b, n);
}

static inline void buf_add(struct buf *b, const void *bytes, size_t n)
{
    if (n == 0)
        return;
    buf_reserve(b, n);
    memcpy(b->ptr + b->len, bytes, n);
    b->len += n;
}

static inline void buf_char(struct buf *b, char c)
{
    buf_reserve(b, 1);
    b->ptr[b->len++] = c;
}

static inline void buf_span(struct buf *b, struct span s)
{
    buf_add(b, s.ptr, s.len);
}

#define buf_lit(b, literal) buf_add((b), (literal), sizeof(literal) - 1)

/* Decimal digits of V. */
void buf_u64(struct buf *b, uint64_t v);
void buf_i64(struct buf *b, int64_t v);
/* A NUL behind the bytes, not counted in len; gives the string, valid until the next change. */
const char *buf_cstr(struct buf *b);

static inline struct span buf_as_span(const struct buf *b)
{
    return (struct span){b->ptr, b->len};
}

static inline void buf_clear(struct buf *b)
{
    b->len = 0;
}
