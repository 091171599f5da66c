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

static int take_answer(const struct service *service, const unsigned char *answer, int bytes,
                       bool keep, struct endpoints *out, struct buf *why)
{
    ns_msg message;
    ns_rr rr;

    if (ns_initparse(answer, bytes, &message) < 0)
        return ERR_MALFORMED;
    for (int i = 0; i < ns_msg_count(message, ns_s_an); i++) {
        char host[NS_MAXDNAME];
        struct buf entry = {0};

        if (ns_parserr(&message, ns_s_an, i, &rr) < 0 || ns_rr_type(rr) != ns_t_srv ||
            ns_rr_rdlen(rr) < 7)
            continue;
        if (ns_name_uncompress(ns_msg_base(message), ns_msg_end(message), ns_rr_rdata(rr) + 6, host,
                               sizeof(host)) < 0)
            continue;
        buf_printf(&entry, "%s://%s.:%u", service->scheme, host,
                   (unsigned)ns_get16(ns_rr_rdata(rr) + 4));

        int rc = 0;

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

        int n = res_query(name, ns_c_in, ns_t_srv, answer, sizeof(answer));

        if (n < 0) {
            buf_printf(why, "%slookup %s on %s: no such host", missing > 0 ? " and " : "", name,
                       server);
            missing++;
            continue;
        }
        if (take_answer(&services[i], answer, n, insecure || i == 0, out, why) != 0)
            return ERR_MALFORMED;
    }
    if (missing == (int)CP_COUNT(services))
        return ERR_NOT_FOUND;
    buf_clear(why);
    return 0;
}
