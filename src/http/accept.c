/* accept: new connections. Worker 0 takes them in batches and deals them round, so that each worker
 * gets its share whatever the number of addresses. */
#include "base/log.h"
#include "base/mem.h"
#include "http/conn.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPT_BATCH 64

static const char refusal[] = "HTTP/1.1 503 Service Unavailable\r\n"
                              "Content-Type: text/plain; charset=utf-8\r\n"
                              "Connection: close\r\n"
                              "Content-Length: 21\r\n"
                              "\r\n"
                              "too many connections\n";

static int listeners_ctl(struct worker *w, int op)
{
    struct door *d = w->door;

    for (unsigned i = 0; i < d->conf.n_listen; i++) {
        struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &d->listeners[i]};

        if (epoll_ctl(w->ep, op, d->listeners[i].fd, &ev) < 0 && op == EPOLL_CTL_ADD)
            return -errno;
    }
    return 0;
}

int accept_begin(struct worker *w, struct err *e)
{
    int rc = listeners_ctl(w, EPOLL_CTL_ADD);

    return rc < 0 ? err_sys(e, -rc, "http: epoll") : 0;
}

void accept_end(struct worker *w)
{
    w->deaf_until_ms = 0;
    (void)listeners_ctl(w, EPOLL_CTL_DEL);
}

bool accept_is_listener(const struct worker *w, const void *ptr)
{
    const struct listener *l = ptr;
    const struct door *d = w->door;

    return l >= d->listeners && l < d->listeners + d->conf.n_listen;
}

void accept_retry(struct worker *w)
{
    w->deaf_until_ms = 0;
    if (!w->draining)
        (void)listeners_ctl(w, EPOLL_CTL_ADD);
}

/* A fatal alert, internal_error. */
static const char tls_refusal[] = {21, 3, 3, 0, 2, 2, 80};

static void refuse(struct door *d, int fd, bool tls)
{
    char request[1024];

    atomic_fetch_add_explicit(&d->refused, 1, memory_order_relaxed);
    /* What has come of the request is read off: closing with unread bytes would reset the
     * connection over our answer. */
    (void)!recv(fd, request, sizeof(request), MSG_DONTWAIT);
    (void)!send(fd, tls ? tls_refusal : refusal, tls ? sizeof(tls_refusal) : sizeof(refusal) - 1,
                MSG_DONTWAIT | MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    close(fd);
}

static void deal(struct worker *w, struct dealt *t)
{
    struct door *d = w->door;
    struct worker *to = &d->workers[d->next_worker++ % d->n_workers];

    t->mail.kind = MAIL_SOCKET;
    atomic_fetch_add(&d->connections, 1);
    if (mailbox_post(&to->mailbox, &t->mail))
        return;
    atomic_fetch_sub(&d->connections, 1);
    refuse(d, t->fd, t->tls);
    mem_free(t);
}

void accept_batch(struct worker *w, const struct listener *listener)
{
    struct door *d = w->door;

    for (unsigned i = 0; i < ACCEPT_BATCH; i++) {
        struct sockaddr_storage peer;
        socklen_t len = sizeof(peer);
        int fd =
            accept4(listener->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                log_warn("http.accept", LOG_S("text", strerror(errno)));
                (void)listeners_ctl(w, EPOLL_CTL_DEL);
                w->deaf_until_ms = worker_now_ms() + DEAF_MS;
                return;
            }
            if (errno == EAGAIN)
                return;
            continue; /* that one client has gone */
        }
        if (atomic_load_explicit(&d->connections, memory_order_relaxed) >=
            d->conf.connections_max) {
            refuse(d, fd, listener->tls);
            continue;
        }

        struct dealt *t = mem_alloc(sizeof(*t));

        t->fd = fd;
        t->tls = listener->tls;
        t->len = len;
        t->from = peer;
        deal(w, t);
    }
}
