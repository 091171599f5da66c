/* A request for /v2/keys: a letter for the method, a line with the Content-Type, a line with the
 * query, the body. */
#include "api/keys_parse.h"

#include "fuzz.h"
#include "proto/url.h"

static enum v2_method method_of(uint8_t letter)
{
    static const enum v2_method methods[] = {V2_M_GET, V2_M_HEAD, V2_M_PUT, V2_M_POST, V2_M_DELETE};
    const char *at = letter != '\0' ? strchr("GHPOD", letter) : NULL;
    return at != NULL ? methods[at - "GHPOD"] : methods[letter % 5];
}

static struct span take_line(struct span *rest)
{
    const char *end = rest->len > 0 ? memchr(rest->ptr, '\n', rest->len) : NULL;
    struct span line = {rest->ptr, end != NULL ? (size_t)(end - rest->ptr) : rest->len};
    *rest = span_from(*rest, end != NULL ? line.len + 1 : line.len);
    return line;
}

static void check_op(const struct api_request *rq, const struct store_op *op)
{
    bool delete = rq->method == V2_M_DELETE;
    CP_ASSERT(rq->method != V2_M_GET && rq->method != V2_M_HEAD);
    CP_ASSERT(op->verb == (delete ? OP_DELETE : rq->method == V2_M_PUT ? OP_PUT : OP_POST));
    CP_ASSERT(delete || (op->flags & OP_RECURSIVE) == 0);
    CP_ASSERT(!delete || (op->value.len == 0 && (op->flags & (OP_HAS_TTL | OP_REFRESH)) == 0));
    CP_ASSERT(op->verb == OP_PUT || op->exist == OP_EXIST_ANY);
    CP_ASSERT((op->flags & OP_HAS_PREV_VALUE) == 0 || op->prev_value.len > 0);
    if ((op->flags & OP_REFRESH) != 0)
        CP_ASSERT(op->value.len == 0 && (op->flags & OP_HAS_TTL) != 0);
    /* every byte can be read */
    uint64_t sum = 0;
    for (size_t i = 0; i < op->value.len; i++)
        sum += (unsigned char)op->value.ptr[i];
    for (size_t i = 0; i < op->prev_value.len; i++)
        sum += (unsigned char)op->prev_value.ptr[i];
    CP_ASSERT(sum < UINT64_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n == 0)
        return 0;
    struct span rest = span_make(bytes + 1, n - 1);
    struct api_request rq = {.method = method_of(bytes[0])};
    rq.content_type = take_line(&rest);
    struct span query = take_line(&rest);
    rq.body = rest;

    struct keys_request k;
    enum v2_code code = keys_parse(&rq, SPAN("/a/"), query, &k);
    CP_ASSERT(code == k.code);
    if (code == V2_OK) {
        CP_ASSERT(k.cause.len == 0);
        CP_ASSERT(span_eq(k.path, SPAN("/a")));
        CP_ASSERT(k.kind != KEYS_WATCH || (rq.method == V2_M_GET && !k.quorum));
        if (k.kind == KEYS_WRITE)
            check_op(&rq, &k.op);
    } else {
        CP_ASSERT(v2_status(code) == 400 && v2_message(code)[0] != '\0');
        CP_ASSERT(k.cause.len > 0);
    }
    keys_request_fini(&k);
    return 0;
}
