/* Bytes of a peer's stream: cut into frames as the door does it; whatever decodes encodes to the
 * same bytes. Checksums are put right first, else no change of a byte would get past them. */
#include "base/crc32c.h"
#include "base/mem.h"
#include "cluster/frame.h"
#include "fuzz.h"
#include "proto/limits.h"

#include <endian.h>

static void put_checksum(char *frame, size_t n)
{
    uint32_t crc = htole32(crc32c(0, frame + FRAME_HEAD_BYTES, n - FRAME_HEAD_BYTES));

    memcpy(frame + 4, &crc, sizeof(crc));
}

static void check_frame(struct span bytes)
{
    struct buf again = {0};
    struct frame *f;
    struct err e;

    if (frame_decode(bytes, &f, &e) != 0)
        return;
    CP_ASSERT(frame_bytes(f) == bytes.len);
    frame_encode(f, &again);
    CP_ASSERT(span_eq(buf_as_span(&again), bytes));
    buf_fini(&again);
    frame_free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct span rest = span_make(bytes, n);
    struct frame *f = NULL;
    struct err e;

    /* As it came: with a wrong checksum, as a rule. */
    if (frame_decode(rest, &f, &e) == 0)
        frame_free(f);

    for (;;) {
        int64_t len = frame_length(rest);

        CP_ASSERT(len <= LIMIT_FRAME_BYTES);
        if (len <= 0 || (uint64_t)len > rest.len)
            return 0;

        /* Memory of exactly its size: a read beyond the end is seen. */
        char *copy = mem_dup(rest.ptr, (size_t)len);

        put_checksum(copy, (size_t)len);
        check_frame(span_make(copy, (size_t)len));
        mem_free(copy);
        rest = span_from(rest, (size_t)len);
    }
}
