#include "store/path.h"

#include "base/check.h"

bool path_next(struct span *rest, struct span *part)
{
    size_t from = rest->len > 0 && rest->ptr[0] == '/' ? 1 : 0;
    if (from == rest->len)
        return false;
    const char *start = rest->ptr + from;
    const char *slash = memchr(start, '/', rest->len - from);
    size_t len = slash != NULL ? (size_t)(slash - start) : rest->len - from;
    *part = span_make(start, len);
    *rest = span_from(*rest, from + len);
    return true;
}

struct span path_name(struct span path)
{
    const char *slash = memrchr(path.ptr, '/', path.len);
    CP_ASSERT(slash != NULL);
    return span_from(path, (size_t)(slash - path.ptr) + 1);
}

struct span path_parent(struct span path)
{
    CP_ASSERT(!path_is_root(path));
    size_t len = path.len - path_name(path).len - 1;
    return span_make(path.ptr, len > 0 ? len : 1);
}

bool path_hidden(struct span name)
{
    return name.len > 0 && name.ptr[0] == '_';
}
