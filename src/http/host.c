#include "http/host.h"

struct span host_name(struct span host)
{
    size_t colons = 0, last = 0;
    bool bracket = host.len > 0 && host.ptr[0] == '[';
    for (size_t i = 0; i < host.len; i++) {
        if (bracket && host.ptr[i] == ']')
            return i + 1 < host.len && host.ptr[i + 1] == ':' ? span_make(host.ptr + 1, i - 1)
                                                              : host;
        if (host.ptr[i] != ':')
            continue;
        colons++;
        last = i;
    }
    return colons == 1 && !bracket ? span_make(host.ptr, last) : host;
}

bool host_allowed(const char *allowed, struct span name)
{
    if (allowed == NULL || allowed[0] == '\0')
        return true;
    while (*allowed != '\0') {
        struct span item = span_make(allowed, strcspn(allowed, ","));
        while (item.len > 0 && item.ptr[0] == ' ')
            item = span_from(item, 1);
        while (item.len > 0 && item.ptr[item.len - 1] == ' ')
            item.len--;
        if (span_eq(item, SPAN("*")) || (item.len > 0 && span_eq(item, name)))
            return true;
        allowed += strcspn(allowed, ",");
        allowed += *allowed == ',';
    }
    return false;
}

void host_refusal(struct buf *b, struct span name)
{
    buf_lit(b, "\netcd received your request, but the Host header was unrecognized.\n\n"
               "To fix this, choose one of the following options:\n"
               "- Enable TLS, then any HTTPS request will be allowed.\n"
               "- Add the hostname you want to use to the whitelist in settings.\n"
               "  - e.g. etcd --host-whitelist \"");
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (c < ' ' || c > '~' || c == '"' || c == '\\')
            buf_printf(b, "\\x%02x", c);
        else
            buf_char(b, (char)c);
    }
    buf_lit(b, "\"\n\nThis requirement has been added to help prevent \"DNS Rebinding\" attacks "
               "(CVE-2018-5702).\n\n");
}
