#include "http/counts.h"

#include "base/mem.h"
#include "http/worker.h"

#include <stdio.h>

static const char *const methods[] = {
    [COUNTED_GET] = "GET", [COUNTED_QGET] = "QGET", [COUNTED_HEAD] = "HEAD",
    [COUNTED_PUT] = "PUT", [COUNTED_POST] = "POST", [COUNTED_DELETE] = "DELETE"};

_Static_assert(CP_COUNT(methods) == COUNTED_N, "a name for each");

/* The first place is for all that is not listed. */
static const short statuses[] = {0,   200, 201, 204, 301, 400, 401, 403, 404, 405, 409, 410,
                                 412, 413, 414, 415, 417, 421, 429, 431, 500, 501, 503, 505};

_Static_assert(CP_COUNT(statuses) <= COUNTS_STATUSES, "room for each status");

static unsigned place_of(int status)
{
    for (unsigned i = 1; i < CP_COUNT(statuses); i++)
        if (statuses[i] == status)
            return i;
    return 0;
}

void counts_reply(struct counts *c, enum api_counted as, int status, uint64_t took_ns)
{
    unsigned place = place_of(status);

    metric_count(&c->replies[place], 1);
    if (as == COUNTED_NOT)
        return;
    if (status < 400)
        histogram_note(&c->success[as], took_ns);
    else
        metric_count(&c->failed[as][place], 1);
}

/* It is nothing but counters. */
static void add_all(struct counts *to, const struct counts *from)
{
    _Atomic uint64_t *t = (_Atomic uint64_t *)to;
    const _Atomic uint64_t *f = (const _Atomic uint64_t *)from;

    for (size_t i = 0; i < sizeof(*to) / sizeof(*t); i++)
        metric_count(&t[i], metric_get(&f[i]));
}

static const char *code_label(char label[32], unsigned place)
{
    if (place == 0)
        return "code=\"other\"";
    snprintf(label, 32, "code=\"%d\"", statuses[place]);
    return label;
}

static void add_keys(struct buf *b, const struct counts *c)
{
    char label[32], code[32];

    metric_head(b, "etcd_http_received_total", "counter",
                "Counter of requests received into the system (successfully parsed and authd).");
    for (unsigned m = COUNTED_GET; m < COUNTED_N; m++) {
        snprintf(label, sizeof(label), "method=\"%s\"", methods[m]);
        metric_u64(b, "etcd_http_received_total", label, metric_get(&c->received[m]));
    }
    metric_head(b, "etcd_http_failed_total", "counter",
                "Counter of handle failures of requests (non-watches), by method (GET/PUT etc.) "
                "and code (400, 500 etc.).");
    for (unsigned m = COUNTED_GET; m < COUNTED_N; m++) {
        for (unsigned i = 0; i < CP_COUNT(statuses); i++) {
            uint64_t n = metric_get(&c->failed[m][i]);
            char both[64];

            snprintf(both, sizeof(both), "%s,method=\"%s\"", code_label(code, i), methods[m]);
            if (n > 0)
                metric_u64(b, "etcd_http_failed_total", both, n);
        }
    }
    metric_head(b, "etcd_http_successful_duration_seconds", "histogram",
                "Bucketed histogram of processing time (s) of successfully handled requests "
                "(non-watches), by method (GET/PUT etc.).");
    for (unsigned m = COUNTED_GET; m < COUNTED_N; m++) {
        snprintf(label, sizeof(label), "method=\"%s\"", methods[m]);
        metric_histogram(b, "etcd_http_successful_duration_seconds", label, &c->success[m]);
    }
}

static void add_connections(struct buf *b, struct door *d)
{
    struct door_stats s;

    door_stats(d, &s);
    metric_gauge(b, "copse_http_connections", "Client connections that are open.", s.connections);
    metric_gauge(b, "copse_http_connections_limit", "How many there may be.",
                 d->conf.connections_max);
    metric_counter(b, "copse_http_connections_refused_total",
                   "Client connections refused because there were too many.", s.refused);
    metric_gauge(b, "copse_http_watches", "Watches that have a client.", s.watches);
    metric_gauge(b, "copse_http_watches_limit", "How many there may be.", d->conf.watchers_max);
    metric_counter(b, "copse_http_watches_overflowed_total",
                   "Watches that were ended because their client was too slow.", s.overflows);
}

static void add_handshakes(struct door *d, struct buf *out)
{
    static const char name[] = "copse_tls_handshakes_total";

    metric_head(out, name, "counter", "TLS handshakes of clients, by how they ended.");
    metric_u64(out, name, "result=\"done\"", atomic_load(&d->handshakes));
    metric_u64(out, name, "result=\"failed\"", atomic_load(&d->handshakes_failed));
}

void door_metrics(struct door *d, struct buf *b)
{
    struct counts *c = mem_zalloc(sizeof(*c));
    char code[32];

    for (unsigned i = 0; i < d->n_workers; i++)
        add_all(c, &d->workers[i].counts);
    add_keys(b, c);
    metric_head(b, "copse_http_replies_total", "counter", "Replies to clients, by status.");
    for (unsigned i = 0; i < CP_COUNT(statuses); i++) {
        uint64_t n = metric_get(&c->replies[i]);

        if (n > 0)
            metric_u64(b, "copse_http_replies_total", code_label(code, i), n);
    }
    metric_counter(b, "copse_http_events_total", "Events that were sent to watches.",
                   metric_get(&c->events));
    add_connections(b, d);
    mem_free(c);
    if (d->conf.tls != NULL)
        add_handshakes(d, b);
}
