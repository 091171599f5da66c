/* srv: see srv.h. */
#include "ctl/srv.h"
#include "base/err.h"

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_BYTES 65536

struct service {
    const char *record, *scheme;
};

/* A DNS answer being read; `at` never passes `end`. */
struct reader {
    const unsigned char *start, *end, *at;
};

static bool skip(struct reader *r, size_t n)
{
    if ((size_t)(r->end - r->at) < n)
        return false;
    r->at += n;
    return true;
}

static bool read_u16(struct reader *r, unsigned *out)
{
    const unsigned char *p = r->at;

    if (!skip(r, 2))
        return false;
    *out = (unsigned)p[0] << 8 | p[1];
    return true;
}

static bool read_name(struct reader *r, char name[NS_MAXDNAME])
{
    int n = dn_expand(r->start, r->end, r->at, name, NS_MAXDNAME);

    return n >= 0 && skip(r, (size_t)n);
}

/* Header and questions; *answers is how many records follow. */
static bool read_head(struct reader *r, unsigned *answers)
{
    char name[NS_MAXDNAME];
    unsigned questions;

    if (!skip(r, 4) || !read_u16(r, &questions) || !read_u16(r, answers) || !skip(r, 4))
        return false;
    for (unsigned i = 0; i < questions; i++) {
        if (!read_name(r, name) || !skip(r, 4))
            return false;
    }
    return true;
}

/* One record, read to its end; *is_srv tells whether HOST and *PORT are set. */
static bool read_record(struct reader *r, bool *is_srv, char host[NS_MAXDNAME], unsigned *port)
{
    char name[NS_MAXDNAME];
    unsigned type, bytes;

    if (!read_name(r, name) || !read_u16(r, &type) || !skip(r, 6) || !read_u16(r, &bytes))
        return false;

    struct reader data = {r->start, r->end, r->at};

    *is_srv = type == ns_t_srv;
    if (!skip(r, bytes))
        return false;
    return !*is_srv || (skip(&data, 4) && read_u16(&data, port) && read_name(&data, host));
}

static int take_answer(const struct service *service, struct reader r, bool keep,
                       struct endpoints *out, struct buf *why)
{
    unsigned answers;

    if (!read_head(&r, &answers))
        return ERR_MALFORMED;
    for (unsigned i = 0; i < answers; i++) {
        char host[NS_MAXDNAME];
        struct buf entry = {0};
        unsigned port = 0;
        bool is_srv = false;
        int rc = 0;

        if (!read_record(&r, &is_srv, host, &port))
            return ERR_MALFORMED;
        if (!is_srv)
            continue;
        buf_printf(&entry, "%s://%s.:%u", service->scheme, host, port);
        if (keep)
            rc = endpoints_add(out, buf_as_span(&entry), why);
        else
            fprintf(stderr, "ignoring discovered insecure endpoint \"%s\"\n", buf_cstr(&entry));
        buf_fini(&entry);
        if (rc != 0)
            return rc;
    }
    return 0;
}

int srv_discover(const char *domain, bool insecure, struct endpoints *out, struct buf *why)
{
    static const struct service services[] = {
        {"_etcd-client-ssl._tcp", "https"},
        {"_etcd-client._tcp", "http"},
    };
    static const char server[] = "127.0.0.1:53";
    unsigned char answer[ANSWER_BYTES];
    int missing = 0;

    buf_lit(why, "dns lookup errors: ");
    for (size_t i = 0; i < CP_COUNT(services); i++) {
        char name[NS_MAXDNAME];

        snprintf(name, sizeof(name), "%s.%s", services[i].record, domain);

        int n = res_query(name, ns_c_in, ns_t_srv, answer, ANSWER_BYTES);

        if (n < 0) {
            buf_printf(why, "%slookup %s on %s: no such host", missing > 0 ? " and " : "", name,
                       server);
            missing++;
            continue;
        }

        struct reader r = {answer, answer + n, answer};

        if (take_answer(&services[i], r, insecure || i == 0, out, why) != 0)
            return ERR_MALFORMED;
    }
    if (missing == (int)CP_COUNT(services))
        return ERR_NOT_FOUND;
    buf_clear(why);
    return 0;
}
