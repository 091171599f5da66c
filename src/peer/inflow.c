#include "peer/inflow.h"

#include "base/mem.h"
#include "proto/limits.h"

#include <errno.h>
#include <string.h>

static int give(struct inflow *in, struct span bytes, struct err *e)
{
    struct frame *f;
    int rc = frame_decode(bytes, &f, e);

    if (rc != 0)
        return rc;
    if (f->from != in->from || f->to != in->to)
        rc = err_set(e, ERR_FOREIGN, "frame between other members");
    else if (f->type == FRAME_MESSAGE && f->message->type == PEER_SNAPSHOT)
        rc = err_set(e, ERR_MALFORMED, "word of a snapshot that did not come");
    if (rc != 0)
        frame_free(f);
    else
        in->give(in->ctx, f);
    return rc;
}

static int too_long(struct err *e)
{
    return err_set(e, ERR_MALFORMED, "frame of more than %d bytes", LIMIT_FRAME_BYTES);
}

/* Adds to the frame that has begun; gives how many bytes it took. */
static int64_t gather(struct inflow *in, struct span bytes, struct err *e)
{
    size_t want = (in->need == 0 ? sizeof(in->head) : in->need) - in->have;
    size_t n = bytes.len < want ? bytes.len : want;

    memcpy((in->need == 0 ? in->head : in->part) + in->have, bytes.ptr, n);
    in->have += n;
    if (n < want)
        return (int64_t)n;
    if (in->need == 0) {
        int64_t length = frame_length(span_make(in->head, in->have));

        if (length < 0)
            return too_long(e);
        in->need = (size_t)length;
        in->part = mem_try(in->need);
        if (in->part == NULL)
            return err_set(e, -ENOMEM, "no memory for a frame of %zu bytes", in->need);
        memcpy(in->part, in->head, in->have);
        return (int64_t)n;
    }

    int rc = give(in, span_make(in->part, in->need), e);

    inflow_fini(in);
    return rc != 0 ? rc : (int64_t)n;
}

int inflow_feed(struct inflow *in, struct span bytes, struct err *e)
{
    while (bytes.len > 0) {
        int64_t n = in->have > 0 ? 0 : frame_length(bytes);

        if (n < 0)
            return too_long(e);
        if (n > 0 && (uint64_t)n <= bytes.len) { /* whole: read where it lies */
            int rc = give(in, span_make(bytes.ptr, (size_t)n), e);

            if (rc != 0)
                return rc;
        } else {
            n = gather(in, bytes, e);
            if (n < 0)
                return (int)n;
        }
        bytes = span_from(bytes, (size_t)n);
    }
    return 0;
}

bool inflow_is_partial(const struct inflow *in)
{
    return in->have > 0;
}

void inflow_fini(struct inflow *in)
{
    mem_free(in->part);
    in->part = NULL;
    in->have = in->need = 0;
}
