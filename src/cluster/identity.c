#include "cluster/identity.h"

#include "base/buf.h"
#include "base/mem.h"

#include <gnutls/crypto.h>
#include <stdlib.h>

static uint64_t first_eight(const void *bytes, size_t n)
{
    uint8_t digest[20];
    int rv = gnutls_hash_fast(GNUTLS_DIG_SHA1, bytes, n, digest);
    CP_ASSERT(rv == 0);
    uint64_t id = 0;
    for (int i = 0; i < 8; i++)
        id = id << 8 | digest[i];
    return id;
}

static int by_bytes(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    return span_cmp(*x, *y);
}

static int by_value(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

uint64_t identity_member(const struct span *peer_urls, size_t n, struct span token, int64_t time_s)
{
    CP_ASSERT(n > 0);
    struct span *sorted = mem_dup(peer_urls, n * sizeof(*peer_urls));
    qsort(sorted, n, sizeof(*sorted), by_bytes);
    struct buf b = {0};
    for (size_t i = 0; i < n; i++)
        buf_span(&b, sorted[i]);
    buf_span(&b, token);
    if (time_s != 0)
        buf_i64(&b, time_s);
    uint64_t id = first_eight(b.ptr, b.len);
    buf_fini(&b);
    mem_free(sorted);
    return id;
}

uint64_t identity_cluster(const uint64_t *members, size_t n)
{
    CP_ASSERT(n > 0);
    uint64_t *sorted = mem_dup(members, n * sizeof(*members));
    qsort(sorted, n, sizeof(*sorted), by_value);
    struct buf b = {0};
    for (size_t i = 0; i < n; i++) {
        for (int shift = 56; shift >= 0; shift -= 8)
            buf_char(&b, (char)(sorted[i] >> shift));
    }
    uint64_t id = first_eight(b.ptr, b.len);
    buf_fini(&b);
    mem_free(sorted);
    return id;
}
