#include "store/texts.h"

#include "base/check.h"

#include <endian.h>

static size_t next_len(struct span packed)
{
    uint32_t len;

    memcpy(&len, packed.ptr, sizeof(len));
    return le32toh(len);
}

bool texts_next(struct texts *t, struct span *out)
{
    if (t->n == 0)
        return false;
    CP_ASSERT(t->packed.len >= 4);

    size_t len = next_len(t->packed);

    CP_ASSERT(len <= t->packed.len - 4);
    *out = span_make(t->packed.ptr + 4, len);
    t->packed = span_from(t->packed, 4 + len);
    t->n--;
    return true;
}

bool texts_has(struct texts t, struct span text)
{
    struct span at;

    while (texts_next(&t, &at)) {
        if (span_eq(at, text))
            return true;
    }
    return false;
}

bool texts_same(struct texts a, struct texts b)
{
    return a.null == b.null && a.n == b.n && span_eq(a.packed, b.packed);
}

bool texts_good(const struct texts *t, size_t text_max)
{
    struct span rest = t->packed;

    for (uint32_t i = 0; i < t->n; i++) {
        if (rest.len < 4)
            return false;

        size_t len = next_len(rest);

        if (len > text_max || len > rest.len - 4)
            return false;
        rest = span_from(rest, 4 + len);
    }
    return rest.len == 0 && !(t->null && t->n > 0);
}

void texts_pack(struct buf *b, struct span text)
{
    CP_ASSERT(text.len <= UINT32_MAX);

    uint32_t len = htole32((uint32_t)text.len);

    buf_add(b, &len, sizeof(len));
    buf_span(b, text);
}
