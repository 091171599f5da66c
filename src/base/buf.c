/* buf: growing by half, so that appending costs a constant share of the bytes. */
#include "base/buf.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>

#define BUF_FIRST_BYTES 64

void buf_fini(struct buf *b)
{
    mem_free(b->ptr);
    *b = (struct buf){0};
}

void buf_grow(struct buf *b, size_t n)
{
    CP_ASSERT(b->len <= b->cap);
    CP_ASSERT(n <= SIZE_MAX / 2 - b->len);

    size_t need = b->len + n;
    size_t cap = b->cap + b->cap / 2;

    if (cap < need)
        cap = need;
    if (cap < BUF_FIRST_BYTES)
        cap = BUF_FIRST_BYTES;
    b->ptr = mem_realloc(b->ptr, cap);
    b->cap = cap;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    for (;;) {
        va_list args;
        size_t room = b->cap - b->len;

        va_start(args, fmt);
        int n = vsnprintf(room > 0 ? b->ptr + b->len : NULL, room, fmt, args);
        va_end(args);
        CP_ASSERT(n >= 0);
        if ((size_t)n < room) {
            b->len += (size_t)n;
            return;
        }
        buf_reserve(b, (size_t)n + 1);
    }
}

/* "00" to "99": half as many divisions. */
static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

void buf_u64(struct buf *b, uint64_t v)
{
    char digits[20];
    size_t at = sizeof(digits);

    for (; v >= 100; v /= 100) {
        at -= 2;
        memcpy(digits + at, pairs + 2 * (v % 100), 2);
    }
    if (v >= 10) {
        at -= 2;
        memcpy(digits + at, pairs + 2 * v, 2);
    } else {
        digits[--at] = (char)('0' + v);
    }
    buf_add(b, digits + at, sizeof(digits) - at);
}

void buf_i64(struct buf *b, int64_t v)
{
    if (v < 0)
        buf_char(b, '-');
    buf_u64(b, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

const char *buf_cstr(struct buf *b)
{
    buf_reserve(b, 1);
    b->ptr[b->len] = '\0';
    return b->ptr;
}
