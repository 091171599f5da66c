#include "serve/peers.h"

#include "base/listen.h"
#include "base/log.h"
#include "cluster/status.h"

#include <errno.h>
#include <unistd.h>

/* A cluster of one that nobody told of peers: its peer port is open as etcd's is, but a second one
 * on the same machine, with client URLs of its own, starts as well. */
static bool asked_for(const struct options *o)
{
    return OPTIONS_GIVEN(o, listen_peer_urls) || OPTIONS_GIVEN(o, initial_advertise_peer_urls) ||
           OPTIONS_GIVEN(o, initial_cluster);
}

int peers_listen(struct peers *p, const struct options *o, struct err *e)
{
    const struct url_list *urls = &o->listen_peer;
    for (unsigned i = 0; i < urls->n; i++) {
        struct listen_at at = {urls->host[i], urls->port[i], "listen-peer-urls"};
        int n = listen_open(&at, p->fds + p->n_fds, PEERS_SOCKETS - p->n_fds, e);
        if (n == -EADDRINUSE && !asked_for(o))
            log_warn("peer.not_listening", LOG_S("reason", e->text),
                     LOG_S("effect", "no member can be added to this one"));
        else if (n < 0)
            return n;
        for (int j = 0; j < n; j++)
            p->fds_tls[p->n_fds++] = urls->tls[i];
    }
    return 0;
}

/* Gate thread, while it is open. */
static bool is_removed(void *ctx, uint64_t id)
{
    struct peers *p = ctx;
    return engine_was_removed(p->engine, id);
}

int peers_start(struct peers *p, const struct datadir *dir, const struct secure *secure,
                uint64_t cluster_id, uint64_t member_id, struct err *e)
{
    struct peer_conf conf = {.cluster_id = cluster_id,
                             .member_id = member_id,
                             .listen_fds = p->fds,
                             .listen_tls = p->fds_tls,
                             .n_listen = p->n_fds,
                             .tls = secure->peers,
                             .trust = secure->trust,
                             .snap_dir = dir->snap,
                             .io = &diskio_system,
                             .clock = &clock_system,
                             .is_removed = is_removed,
                             .ctx = p};
    return peer_new(&p->peer, &conf, e);
}

int peers_open(struct peers *p, struct api *api, struct err *e)
{
    p->engine = api->engine;
    return peer_open(p->peer, api, e);
}

void peers_close(struct peers *p)
{
    peer_close(p->peer);
}

void peers_stop(struct peers *p)
{
    peer_free(p->peer);
    p->peer = NULL;
    while (p->n_fds > 0)
        close(p->fds[--p->n_fds]);
}
