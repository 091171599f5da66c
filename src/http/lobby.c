/* lobby: see lobby.h. Nothing is read here, only looked at: the bytes are libmicrohttpd's. */
#include "http/lobby.h"

#include "base/mem.h"
#include "http/shake.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define HANDSHAKE    22 /* type of a TLS record */
#define RECORD_HEAD  5
#define RECORD_BYTES (16384 + 256)
#define SEE_OFF      16 /* reads in one pass, of a client that sends on and on */

/* The words of Go's server. */
static const char not_tls[] = "HTTP/1.0 400 Bad Request\r\n\r\n"
                              "Client sent an HTTP request to an HTTPS server.\n";

/* Out of whatever list it is in; its socket is open. */
static void leave(struct worker *w, struct dealt *t)
{
    list_del(&t->place);
    w->n_lobby--;
}

static void drop(struct worker *w, struct dealt *t)
{
    leave(w, t);
    close(t->fd); /* it is the only descriptor, so that takes it out of the epoll set */
    atomic_fetch_sub(&w->door->connections, 1);
    mem_free(t);
}

static void fail(struct worker *w, struct dealt *t)
{
    if (!t->leaving)
        atomic_fetch_add_explicit(&w->door->handshakes_failed, 1, memory_order_relaxed);
    drop(w, t);
}

static struct dealt *oldest(struct list *in)
{
    return CP_CONTAINER_OF(in->next, struct dealt, place);
}

/* A first message that is not whole wakes nobody until more of it comes. */
static int watch(struct worker *w, struct dealt *t, int op)
{
    struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP | (t->leaving ? 0 : (unsigned)EPOLLET),
                             .data.u64 = (uint64_t)(uintptr_t)t | LOBBY_MARK};

    return epoll_ctl(w->ep, op, t->fd, &ev);
}

static void enter(struct worker *w, struct dealt *t)
{
    if (w->n_lobby >= LIMIT_LOBBY)
        fail(w, oldest(list_empty(&w->lobby) ? &w->lobby_ready : &w->lobby));
    t->since_s = w->mono_s;
    list_init(&t->place);
    list_add_tail(&w->lobby, &t->place);
    w->n_lobby++;
    if (watch(w, t, EPOLL_CTL_ADD) < 0)
        fail(w, t);
}

void lobby_enter(struct worker *w, struct dealt *t)
{
    t->leaving = false;
    enter(w, t);
}

/* Reads off what the client still sends, to its end; what is left of it after that wakes again. */
static void see_off(struct worker *w, struct dealt *t)
{
    char rest[16384];
    ssize_t n = 1;

    for (unsigned i = 0; i < SEE_OFF && n > 0; i++)
        n = recv(t->fd, rest, sizeof(rest), MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        drop(w, t);
}

void lobby_linger(struct worker *w, int fd)
{
    struct dealt *t = mem_zalloc(sizeof(*t));

    t->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (t->fd < 0 || w->draining) {
        if (t->fd >= 0)
            close(t->fd);
        mem_free(t);
        return;
    }
    t->leaving = true;
    shutdown(fd, SHUT_WR);
    atomic_fetch_add(&w->door->connections, 1);
    enter(w, t);
}

static void tell_plain(struct worker *w, struct dealt *t)
{
    (void)!send(t->fd, not_tls, sizeof(not_tls) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    shutdown(t->fd, SHUT_WR);
    atomic_fetch_add_explicit(&w->door->handshakes_failed, 1, memory_order_relaxed);
    t->leaving = true;
    if (watch(w, t, EPOLL_CTL_MOD) < 0)
        drop(w, t);
    else
        see_off(w, t);
}

void lobby_look(struct worker *w, struct dealt *t)
{
    unsigned char head[RECORD_HEAD];
    int waiting = 0;

    if (t->leaving) {
        see_off(w, t);
        return;
    }

    ssize_t n = recv(t->fd, head, sizeof(head), MSG_PEEK | MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        fail(w, t);
        return;
    }
    if (head[0] != HANDSHAKE) {
        tell_plain(w, t);
        return;
    }
    if (n < RECORD_HEAD)
        return;

    int record = head[3] << 8 | head[4];

    if (record > RECORD_BYTES || ioctl(t->fd, SIOCINQ, &waiting) < 0) {
        fail(w, t);
        return;
    }
    if (waiting < RECORD_HEAD + record)
        return;
    (void)epoll_ctl(w->ep, EPOLL_CTL_DEL, t->fd, NULL);
    list_del(&t->place);
    list_add_tail(&w->lobby_ready, &t->place);
}

void lobby_serve(struct worker *w)
{
    if (list_empty(&w->lobby_ready))
        return;

    struct dealt *t = oldest(&w->lobby_ready);
    int on = 1;

    /* A handshake, and head and body behind it, leave in several pieces: none must wait for the
     * client to acknowledge the one before, which takes it 40 ms. */
    (void)setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    leave(w, t);
    shake_cut(w);
    worker_adopt(&w->tls[w->next_tls++ % TLS_LIBRARIES], t->fd, (const struct sockaddr *)&t->from,
                 t->len, 0);
    mem_free(t);
}

void lobby_cut_slow(struct worker *w)
{
    while (!list_empty(&w->lobby) && w->mono_s - oldest(&w->lobby)->since_s > LIMIT_HANDSHAKE_S)
        fail(w, oldest(&w->lobby));
}

void lobby_close(struct worker *w)
{
    while (!list_empty(&w->lobby))
        drop(w, oldest(&w->lobby));
    while (!list_empty(&w->lobby_ready))
        drop(w, oldest(&w->lobby_ready));
}
