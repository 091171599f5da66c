/* shake: see shake.h. */
#include "http/shake.h"

#include "http/conn.h"
#include "http/lobby.h"

#include <sys/epoll.h>
#include <sys/socket.h>

static void stop_shaking(struct conn *k)
{
    if (list_empty(&k->shaking))
        return;
    list_del(&k->shaking);
    k->worker->n_shaking--;
}

static void on_shaken(void *conn)
{
    struct conn *k = conn;

    atomic_fetch_add_explicit(&k->worker->door->handshakes, 1, memory_order_relaxed);
    stop_shaking(k);
    k->since_s = k->worker->mono_s;
}

void shake_rest(struct library *l)
{
    struct worker *w = l->worker;

    LIST_FOREACH (at, &w->shaking) {
        struct conn *k = CP_CONTAINER_OF(at, struct conn, shaking);
        struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = k};

        if (k->library == l && !k->suspended && epoll_ctl(w->ep, EPOLL_CTL_ADD, k->fd, &ev) == 0)
            conn_suspend(k);
    }
}

void shake_wake(struct conn *k)
{
    if (!k->suspended)
        return;
    (void)epoll_ctl(k->worker->ep, EPOLL_CTL_DEL, k->fd, NULL);
    conn_resume(k);
}

void shake_begin(struct conn *k)
{
    struct worker *w = k->worker;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(k->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);

    k->tls = tls_visit_begin(w->door->conf.tls, info->tls_session, on_shaken, k);
    if (k->tls == NULL) {
        shutdown(k->fd, SHUT_RDWR);
        return;
    }
    list_add_tail(&w->shaking, &k->shaking);
    w->n_shaking++;
}

void shake_end(struct conn *k)
{
    if (!k->tls->shaken) {
        const unsigned char alert[] = {21, 3, 3, 0, 2, 2, k->tls->alert}; /* fatal */

        if (k->tls->alert != 0)
            (void)!send(k->fd, alert, sizeof(alert), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (k->tls->alert != 0 || k->tls->refused)
            lobby_linger(k->worker, k->fd);
        atomic_fetch_add_explicit(&k->worker->door->handshakes_failed, 1, memory_order_relaxed);
        stop_shaking(k);
    }
    tls_visit_end(k->tls);
    k->tls = NULL;
}

void shake_cut(struct worker *w)
{
    LIST_FOREACH_SAFE (at, tmp, &w->shaking) {
        struct conn *k = CP_CONTAINER_OF(at, struct conn, shaking);

        if (w->n_shaking < LIMIT_HANDSHAKES && w->mono_s - k->since_s <= LIMIT_HANDSHAKE_S)
            return;
        shutdown(k->fd, SHUT_RDWR);
        shake_wake(k);
        stop_shaking(k);
    }
}
