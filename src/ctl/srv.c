/* srv: see srv.h. */
#include "ctl/srv.h"
#include "base/err.h"
#include "ctl/nameserver.h"

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

/* One of the two look-ups: ERR_NOT_FOUND when there is no such record, with Go's words appended to
 * WHY. */
static int look_up(const struct service *service, const char *domain, bool keep,
                   struct endpoints *out, struct buf *why)
{
    unsigned char answer[ANSWER_BYTES];
    char name[NS_MAXDNAME];

    snprintf(name, sizeof(name), "%s.%s", service->record, domain);

    int n = res_query(name, ns_c_in, ns_t_srv, answer, sizeof(answer));
    int rc = ERR_NOT_FOUND;

    if (n >= 0) {
        struct reader r = {answer, answer + n, answer};

        rc = take_answer(service, r, keep, out, why);
    }
    if (rc == ERR_NOT_FOUND || rc == ERR_MALFORMED) {
        buf_printf(why, "lookup %s on ", name);
        nameserver_add(why);
        buf_printf(why, rc == ERR_NOT_FOUND ? ": no such host" : ": cannot unmarshal DNS message");
    }
    return rc;
}

int srv_discover(const char *domain, bool insecure, struct endpoints *out, struct buf *why)
{
    static const struct service tls = {"_etcd-client-ssl._tcp", "https"};
    static const struct service plain = {"_etcd-client._tcp", "http"};
    struct buf words = {0};
    int with_tls = look_up(&tls, domain, true, out, &words);

    if (with_tls != 0)
        buf_lit(&words, " and ");

    int without = look_up(&plain, domain, insecure, out, &words);
    int rc = with_tls != 0 && without != 0 ? with_tls : 0;

    if (with_tls == ERR_USAGE || without == ERR_USAGE)
        rc = ERR_USAGE;
    if (rc != 0) {
        buf_printf(why, "dns lookup errors: ");
        buf_span(why, buf_as_span(&words));
    }
    buf_fini(&words);
    return rc;
}
