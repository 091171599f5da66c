/* handshake: see gate_priv.h. */
#include "peer/gate_priv.h"

#include <sys/epoll.h>
#include <sys/socket.h>

static void on_shaken(void *ctx)
{
    (void)ctx;
}

void handshake_begin(struct gate *g, struct guest *k, struct gnutls_session_int *session)
{
    k->tls = tls_visit_begin(g->conf->tls, session, on_shaken, NULL);
    if (k->tls == NULL)
        shutdown(k->fd, SHUT_RDWR);
}

void handshakes_rest(struct gate *g)
{
    LIST_FOREACH (at, &g->guests) {
        struct guest *k = CP_CONTAINER_OF(at, struct guest, place);
        struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP,
                                 .data.u64 = (uint64_t)(uintptr_t)k};

        if (k->tls == NULL || k->tls->shaken || k->resting ||
            epoll_ctl(g->ep, EPOLL_CTL_ADD, k->fd, &ev) < 0)
            continue;
        k->resting = true;
        MHD_suspend_connection(k->mhd);
    }
}

void handshake_wake(struct gate *g, struct guest *k)
{
    if (!k->resting)
        return;
    k->resting = false;
    (void)epoll_ctl(g->ep, EPOLL_CTL_DEL, k->fd, NULL);
    MHD_resume_connection(k->mhd);
}

void handshake_end(struct guest *k)
{
    if (k->tls == NULL)
        return;
    if (!k->tls->shaken && k->tls->alert != 0) {
        const unsigned char alert[] = {21, 3, 3, 0, 2, 2, k->tls->alert}; /* fatal */

        (void)!send(k->fd, alert, sizeof(alert), MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    tls_visit_end(k->tls);
    k->tls = NULL;
}
