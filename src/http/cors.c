#include "http/cors.h"

static struct span trim(struct span s)
{
    while (s.len > 0 && s.ptr[0] == ' ')
        s = span_from(s, 1);
    while (s.len > 0 && s.ptr[s.len - 1] == ' ')
        s.len--;
    return s;
}

struct span cors_allow_origin(const char *allowed, struct span origin)
{
    struct span listed = {0};
    if (allowed == NULL)
        return listed;
    while (*allowed != '\0') {
        struct span item = trim(span_make(allowed, strcspn(allowed, ",")));
        if (span_eq(item, SPAN("*")))
            return item; /* to everybody, browser or not, as etcd does */
        if (item.len > 0 && span_eq(item, origin))
            listed = item;
        allowed += strcspn(allowed, ",");
        allowed += *allowed == ',';
    }
    return listed;
}
