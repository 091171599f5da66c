#include "serve/systemd.h"

#include "base/log.h"
#include "base/num.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_SOCKET 3
#define TEXT_BYTES   512

static bool number_of(const char *variable, uint64_t *out)
{
    const char *text = getenv(variable);
    return text != NULL && num_u64(span_of(text), out);
}

/* An abstract address begins with '@' here and with a NUL there. */
static int connect_to(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || n >= sizeof(to.sun_path))
        return -1;
    memcpy(to.sun_path, path, n);
    if (path[0] == '@')
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, len) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

void systemd_start(struct systemd *s)
{
    const char *path = getenv("NOTIFY_SOCKET");
    uint64_t us, pid;
    *s = (struct systemd){.fd = -1};
    if (path == NULL)
        return;
    s->fd = connect_to(path);
    if (s->fd < 0)
        log_warn("systemd.deaf", LOG_S("socket", path), LOG_S("effect", "it is told nothing"));
    else if (number_of("WATCHDOG_USEC", &us) && us > 0 &&
             (!number_of("WATCHDOG_PID", &pid) || pid == (uint64_t)getpid()))
        s->watchdog_ns = us * 1000;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void systemd_stop(struct systemd *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

void systemd_tell(const struct systemd *s, const char *fmt, ...)
{
    char text[TEXT_BYTES];
    va_list args;
    if (s->fd < 0)
        return;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    /* A manager that does not listen is none of our business. */
    if (n > 0 && n < TEXT_BYTES)
        (void)!send(s->fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static int take_socket(struct activated *a, int fd, struct span name, struct err *e)
{
    int listening = 0;
    socklen_t len = sizeof(listening);
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0 || listening == 0)
        return err_set(e, ERR_USAGE,
                       "descriptor %d (%.*s) of LISTEN_FDS is no listening stream socket: use "
                       "ListenStream= and Accept=no",
                       fd, (int)name.len, name.ptr);
    if (span_starts(name, SPAN("peer")))
        return err_set(e, ERR_USAGE,
                       "descriptor %d of LISTEN_FDS is named %.*s: sockets for peers are opened by "
                       "the server itself, take it out of the .socket unit",
                       fd, (int)name.len, name.ptr);
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    a->sockets[a->n].fd = fd;
    a->sockets[a->n++].use =
        span_starts(name, SPAN("metrics")) ? ACTIVATED_METRICS : ACTIVATED_CLIENTS;
    return 0;
}

int systemd_sockets(struct activated *a, struct err *e)
{
    uint64_t pid, n = 0;
    int rv = 0;
    *a = (struct activated){.n = 0};
    if (number_of("LISTEN_PID", &pid) && pid == (uint64_t)getpid() && number_of("LISTEN_FDS", &n)) {
        const char *text = getenv("LISTEN_FDNAMES");
        struct span names = span_of(text != NULL ? text : "");
        if (n > SYSTEMD_SOCKETS)
            return err_set(e, ERR_USAGE, "LISTEN_FDS: more than %d sockets", SYSTEMD_SOCKETS);
        for (unsigned i = 0; rv == 0 && i < n; i++) {
            const char *colon = names.len > 0 ? memchr(names.ptr, ':', names.len) : NULL;
            struct span name = {names.ptr, colon != NULL ? (size_t)(colon - names.ptr) : names.len};
            names = span_from(names, colon != NULL ? name.len + 1 : name.len);
            rv = take_socket(a, FIRST_SOCKET + (int)i, name, e);
        }
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return rv;
}
