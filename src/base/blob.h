/* blob: counted immutable bytes, shared between threads; written only before the first ref is
 * handed on. */
#pragma once

#include "base/span.h"

#include <stdatomic.h>
#include <stdint.h>

struct blob {
    atomic_uint refs;
    size_t len;
    char data[];
};

/* Gives one reference to LEN bytes, not yet written. */
struct blob *blob_new(size_t len);
struct blob *blob_copy(struct span bytes);
struct blob *blob_ref(struct blob *b);
/* NULL is fine. */
void blob_unref(struct blob *b);

static inline struct span blob_span(const struct blob *b)
{
    return (struct span){b->data, b->len};
}
