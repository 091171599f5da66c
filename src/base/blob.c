/* blob: counted bytes, one allocation each. */
#include "base/blob.h"

#include "base/check.h"
#include "base/mem.h"

struct blob *blob_new(size_t len)
{
    CP_ASSERT(len <= SIZE_MAX - sizeof(struct blob));

    struct blob *b = mem_alloc(sizeof(*b) + len);

    atomic_init(&b->refs, 1);
    b->len = len;
    return b;
}

struct blob *blob_copy(struct span bytes)
{
    struct blob *b = blob_new(bytes.len);

    if (bytes.len > 0)
        memcpy(b->data, bytes.ptr, bytes.len);
    return b;
}

struct blob *blob_ref(struct blob *b)
{
    unsigned before = atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);

    CP_ASSERT(before > 0);
    return b;
}

void blob_unref(struct blob *b)
{
    if (b == NULL)
        return;

    /* Release: our last reads come before the free; acquire: the free comes after everybody's. */
    unsigned before = atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel);

    CP_ASSERT(before > 0);
    if (before == 1)
        mem_free(b);
}
