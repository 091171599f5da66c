/* peer: the floor as a whole, and the engine's side of the wire. */
#include "peer/peer.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "peer/gate.h"
#include "peer/net.h"
#include "peer/upload.h"
#include "proto/limits.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct peer {
    /* Fixed after peer_new. */
    struct peer_conf conf;
    int *listen_fds;
    bool *listen_tls;
    struct wire wire;
    struct net *net;
    struct upload *upload;
    struct gate *gate; /* from peer_open to peer_close */
    struct inbound inbound;
    pthread_mutex_t lock;
    /* The engine thread writes, under the lock; others read under it. */
    unsigned n_lines;
    struct line *lines[WIRE_PEERS];
    /* Guarded by lock: the engine is there from peer_open to peer_close. */
    struct engine *engine;
};

/* ---- engine thread ---- */

static struct line *find(struct peer *p, uint64_t id)
{
    for (unsigned i = 0; i < p->n_lines; i++)
        if (p->lines[i]->id == id)
            return p->lines[i];
    return NULL;
}

static const struct wire_peer *find_peer(const struct wire_peer *peers, unsigned n, uint64_t id)
{
    for (unsigned i = 0; i < n; i++)
        if (peers[i].id == id)
            return &peers[i];
    return NULL;
}

static void drop_line(struct peer *p, unsigned i)
{
    struct line *l = p->lines[i];

    net_drop(p->net, l);
    line_unref(l);
    p->lines[i] = p->lines[--p->n_lines];
}

static void on_peers(void *ctx, const struct wire_peer *peers, unsigned n)
{
    struct peer *p = ctx;

    CP_ASSERT(n <= WIRE_PEERS);
    pthread_mutex_lock(&p->lock);
    for (unsigned i = p->n_lines; i-- > 0;) {
        const struct wire_peer *peer = find_peer(peers, n, p->lines[i]->id);

        if (peer == NULL || !line_has_urls(p->lines[i], peer))
            drop_line(p, i);
    }
    for (unsigned i = 0; i < n; i++) {
        CP_ASSERT(peers[i].id != p->conf.member_id);
        if (find(p, peers[i].id) != NULL)
            continue;
        p->lines[p->n_lines] = line_new(&peers[i]);
        net_add(p->net, p->lines[p->n_lines++]);
    }
    pthread_mutex_unlock(&p->lock);
}

static bool on_send(void *ctx, uint64_t to, struct frame **f)
{
    struct peer *p = ctx;
    struct line *l = find(p, to);
    size_t waiting, bytes;

    if (l == NULL || !atomic_load_explicit(&l->up, memory_order_acquire))
        return false;
    bytes = frame_bytes(*f);
    waiting = atomic_load_explicit(&l->waiting, memory_order_relaxed);
    if (bytes > LIMIT_FRAME_BYTES || waiting + bytes > LIMIT_PEER_QUEUE_BYTES)
        return false;
    return net_send(p->net, l, f);
}

static bool on_send_snapshot(void *ctx, uint64_t to, struct frame **f, uint64_t index,
                             uint64_t term)
{
    struct peer *p = ctx;
    struct line *l = find(p, to);

    if (l == NULL || l->n_urls == 0 || atomic_exchange(&l->uploading, true))
        return false;
    upload_begin(p->upload, l, f, (struct snapfile_id){.index = index, .term = term});
    return true;
}

/* ---- any thread ---- */

uint64_t peer_connected_ns(struct peer *p, uint64_t id)
{
    uint64_t now = clock_mono_ns(&clock_system), since = now;

    pthread_mutex_lock(&p->lock);
    struct line *l = find(p, id);
    if (l != NULL && atomic_load_explicit(&l->up, memory_order_acquire))
        since = atomic_load_explicit(&l->up_ns, memory_order_relaxed);
    pthread_mutex_unlock(&p->lock);
    return since < now ? now - since : 0;
}

/* One line for each of the lines, of a value of theirs. */
struct sample {
    uint64_t id, sent_bytes, downs;
    bool up;
};

static unsigned look(struct peer *p, struct sample out[WIRE_PEERS])
{
    pthread_mutex_lock(&p->lock);
    unsigned n = p->n_lines;
    for (unsigned i = 0; i < n; i++)
        out[i] = (struct sample){.id = p->lines[i]->id,
                                 .sent_bytes = metric_get(&p->lines[i]->sent_bytes),
                                 .downs = metric_get(&p->lines[i]->downs),
                                 .up = atomic_load(&p->lines[i]->up)};
    pthread_mutex_unlock(&p->lock);
    return n;
}

#define BOTH_LABELS_BYTES 96
static const char *both_labels(const struct peer *p, char label[BOTH_LABELS_BYTES], uint64_t id)
{
    snprintf(label, BOTH_LABELS_BYTES, "Local=\"%" PRIx64 "\",Remote=\"%" PRIx64 "\"",
             p->conf.member_id, id);
    return label;
}

void peer_metrics(struct peer *p, struct buf *out)
{
    struct sample s[WIRE_PEERS];
    unsigned n = look(p, s);
    char both[BOTH_LABELS_BYTES], label[METRIC_LABEL_BYTES];

    if (n == 0)
        return;
    metric_head(out, "etcd_network_active_peers", "gauge",
                "The current number of active peer connections.");
    for (unsigned i = 0; i < n; i++)
        metric_u64(out, "etcd_network_active_peers", both_labels(p, both, s[i].id), s[i].up);
    metric_head(out, "etcd_network_disconnected_peers_total", "counter",
                "The total number of disconnected peers.");
    for (unsigned i = 0; i < n; i++)
        metric_u64(out, "etcd_network_disconnected_peers_total", both_labels(p, both, s[i].id),
                   s[i].downs);
    metric_head(out, "etcd_network_peer_sent_bytes_total", "counter",
                "The total number of bytes sent to peers, snapshots excepted.");
    for (unsigned i = 0; i < n; i++)
        metric_u64(out, "etcd_network_peer_sent_bytes_total", metric_label_id(label, "To", s[i].id),
                   s[i].sent_bytes);
    metric_head(out, "etcd_network_peer_received_bytes_total", "counter",
                "The total number of bytes received from peers, snapshots excepted.");
    for (unsigned i = 0; i < CP_COUNT(p->inbound.from); i++) {
        uint64_t id = metric_get(&p->inbound.from[i].id);

        if (id != 0)
            metric_u64(out, "etcd_network_peer_received_bytes_total",
                       metric_label_id(label, "From", id), metric_get(&p->inbound.from[i].bytes));
    }
}

/* ---- the floor ---- */

static void on_removed(void *ctx, uint64_t by)
{
    struct peer *p = ctx;

    log_warn("peer.removed", LOG_X("says", by),
             LOG_S("text", "this member was removed from the cluster"));
    pthread_mutex_lock(&p->lock);
    if (p->engine != NULL)
        engine_removed(p->engine);
    pthread_mutex_unlock(&p->lock);
}

static void on_lost(void *ctx, uint64_t id)
{
    struct peer *p = ctx;

    pthread_mutex_lock(&p->lock);
    if (p->engine != NULL)
        engine_lost(p->engine, id);
    pthread_mutex_unlock(&p->lock);
}

int peer_new(struct peer **out, const struct peer_conf *conf, struct err *e)
{
    struct peer *p = mem_zalloc(sizeof(*p));
    struct dialler by = {
        .cluster_id = conf->cluster_id, .member_id = conf->member_id, .trust = &p->conf.trust};
    struct net_conf net = {.by = by, .removed = on_removed, .lost = on_lost, .ctx = p};
    struct upload_conf upload = {.by = by, .snap_dir = conf->snap_dir, .io = conf->io};
    int rc;

    p->conf = *conf;
    p->listen_fds = mem_dup(conf->listen_fds, conf->n_listen * sizeof(int));
    p->conf.listen_fds = p->listen_fds;
    p->listen_tls = mem_zalloc(conf->n_listen * sizeof(bool) + 1);
    if (conf->listen_tls != NULL)
        memcpy(p->listen_tls, conf->listen_tls, conf->n_listen * sizeof(bool));
    p->conf.listen_tls = p->listen_tls;
    p->wire = (struct wire){
        .peers = on_peers, .send = on_send, .send_snapshot = on_send_snapshot, .ctx = p};
    pthread_mutex_init(&p->lock, NULL);
    dial_global_init();
    rc = dial_check(&conf->trust, e);
    if (rc == 0)
        rc = net_start(&p->net, &net, e);
    if (rc == 0)
        rc = upload_start(&p->upload, &upload, e);
    if (rc != 0) {
        peer_free(p);
        return rc;
    }
    *out = p;
    return 0;
}

const struct wire *peer_wire(struct peer *p)
{
    return &p->wire;
}

static void set_engine(struct peer *p, struct engine *e)
{
    pthread_mutex_lock(&p->lock);
    p->engine = e;
    pthread_mutex_unlock(&p->lock);
}

int peer_open(struct peer *p, struct api *api, struct err *e)
{
    CP_ASSERT(p->gate == NULL);

    int rc = gate_start(&p->gate, &p->conf, api, p->net, &p->inbound, e);

    if (rc == 0)
        set_engine(p, api->engine);
    return rc;
}

void peer_close(struct peer *p)
{
    gate_stop(p->gate);
    p->gate = NULL;
    set_engine(p, NULL);
}

void peer_free(struct peer *p)
{
    if (p == NULL)
        return;
    CP_ASSERT(p->gate == NULL);
    upload_stop(p->upload);
    net_stop(p->net);
    while (p->n_lines > 0)
        line_unref(p->lines[--p->n_lines]);
    dial_global_fini();
    pthread_mutex_destroy(&p->lock);
    mem_free(p->listen_fds);
    mem_free(p->listen_tls);
    mem_free(p);
}
