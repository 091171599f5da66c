/* span: borrowed bytes. They may hold NUL and any other byte; they are never NUL-terminated by
 * promise. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
    const char *ptr;
    size_t len;
};

#define SPAN(literal) ((struct span){(literal), sizeof(literal) - 1})

static inline struct span span_of(const char *s)
{
    return (struct span){s, strlen(s)};
}

static inline struct span span_make(const void *ptr, size_t len)
{
    return (struct span){ptr, len};
}

static inline bool span_eq(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Order of the bytes as unsigned numbers; a prefix sorts first. */
static inline int span_cmp(struct span a, struct span b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n > 0 ? memcmp(a.ptr, b.ptr, n) : 0;
    return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

static inline bool span_starts(struct span s, struct span prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

/* The bytes from offset FROM on; FROM must not lie behind the end. An empty span may have no
 * address to add to. */
static inline struct span span_from(struct span s, size_t from)
{
    return (struct span){from > 0 ? s.ptr + from : s.ptr, s.len - from};
}
