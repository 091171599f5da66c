#include "store/event.h"

#include "base/check.h"
#include "base/mem.h"

#define LINE_BYTES 10 /* "ffffffff\r\n" */

/* The line before a chunk of LEN bytes; gives its length. */
static size_t write_line(char out[LINE_BYTES], size_t len)
{
    size_t digits = 1;
    for (size_t v = len; v > 15; v /= 16)
        digits++;
    for (size_t i = digits; i-- > 0; len /= 16)
        out[i] = "0123456789abcdef"[len % 16];
    out[digits] = '\r';
    out[digits + 1] = '\n';
    return digits + 2;
}

static char *put(char *at, const void *bytes, size_t n)
{
    if (n > 0)
        memcpy(at, bytes, n);
    return at + n;
}

struct event *event_new(enum v2_action action, uint64_t index, struct span path, struct span json)
{
    CP_ASSERT(path.len <= UINT32_MAX && json.len <= UINT32_MAX);
    char line[LINE_BYTES];
    size_t line_len = write_line(line, json.len), end_len = sizeof(EVENT_CHUNK_END) - 1;
    struct event *e = mem_alloc(sizeof *e + path.len + line_len + json.len + end_len);
    *e = (struct event){
        .action = action,
        .index = index,
        .line_len = (uint8_t)line_len,
        .path_len = (uint32_t)path.len,
        .json_len = (uint32_t)json.len,
    };
    atomic_init(&e->refs, 1);
    char *at = put(e->bytes, path.ptr, path.len);
    at = put(at, line, line_len);
    at = put(at, json.ptr, json.len);
    put(at, EVENT_CHUNK_END, end_len);
    return e;
}

struct event *event_ref(struct event *e)
{
    atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
    return e;
}

void event_unref(struct event *e)
{
    if (e == NULL)
        return;
    unsigned before = atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel);
    CP_ASSERT(before > 0);
    if (before == 1)
        mem_free(e);
}
