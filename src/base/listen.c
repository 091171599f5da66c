#include "base/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096 /* the kernel cuts it to somaxconn */

/* A watcher whose machine has vanished sends nothing, for ever: so the kernel asks. Accepted
 * sockets inherit it. */
static void keep_alive(int fd)
{
    int on = 1, idle_s = 60, interval_s = 15;

    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
}

static int listen_on(const struct addrinfo *a)
{
    int on = 1;
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);

    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        (a->ai_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
        bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
        int code = -errno;

        close(fd);
        return code;
    }
    keep_alive(fd);
    return fd;
}

/* A family that this machine does not have: fine as long as another address of the name works. */
static bool is_missing_family(int code)
{
    return code == -EAFNOSUPPORT || code == -EADDRNOTAVAIL || code == -EPROTONOSUPPORT;
}

static int refused(struct err *e, int code, const struct listen_at *at)
{
    const char *host = at->host, *port = at->port, *flag = at->flag;
    const char *l = strchr(host, ':') != NULL ? "[" : "", *r = *l ? "]" : "";

    switch (code) {
    case -EADDRINUSE:
        return err_set(e, code,
                       "listen on %s%s%s:%s: Address already in use; stop what listens there or "
                       "choose another --%s",
                       l, host, r, port, flag);
    case -EACCES:
        return err_set(
            e, code,
            "listen on %s%s%s:%s: Permission denied; ports below 1024 need rights, choose another "
            "--%s",
            l, host, r, port, flag);
    case -EADDRNOTAVAIL:
        return err_set(
            e, code,
            "listen on %s%s%s:%s: this machine does not have the address; choose another "
            "--%s",
            l, host, r, port, flag);
    default:
        return err_sys(e, -code, "listen on %s%s%s:%s", l, host, r, port);
    }
}

int listen_open(const struct listen_at *at, int *fds, unsigned max, struct err *e)
{
    const char *host = at->host, *port = at->port;
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *all;
    int rc = getaddrinfo(*host != '\0' ? host : NULL, port, &hints, &all);
    /* A bare machine may have nobody who knows the name; it means this machine all the same
     * (RFC 6761, 6.3). */
    if (rc != 0 && strcasecmp(host, "localhost") == 0)
        rc = getaddrinfo("127.0.0.1", port, &hints, &all);
    int n = 0, missing = -EADDRNOTAVAIL;

    if (rc != 0) {
        int code = rc == EAI_SYSTEM ? -errno : ERR_NET;

        return err_set(e, code, "listen on %s:%s: %s", host, port,
                       rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
    }
    for (const struct addrinfo *a = all; a != NULL && (unsigned)n < max; a = a->ai_next) {
        int fd = listen_on(a);

        if (fd >= 0) {
            fds[n++] = fd;
        } else if (is_missing_family(fd)) {
            missing = fd;
        } else {
            while (n > 0)
                close(fds[--n]);
            freeaddrinfo(all);
            return refused(e, fd, at);
        }
    }
    freeaddrinfo(all);
    return n > 0 ? n : refused(e, missing, at);
}
