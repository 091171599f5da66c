/* client: see client.h. */
#include "client.h"

#include "base/listen.h"
#include "base/mem.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct bench b;

void bench_start(unsigned workers, unsigned connections_max)
{
    struct err e = {0};
    struct sockaddr_in at;
    socklen_t len = sizeof(at);

    ck_assert_msg(listen_open(&(struct listen_at){"127.0.0.1", "0", "listen-client-urls"},
                              &b.listen_fd, 1, &e) == 1,
                  "%s", e.text);
    ck_assert_int_eq(getsockname(b.listen_fd, (struct sockaddr *)&at, &len), 0);
    snprintf(b.port, sizeof(b.port), "%u", (unsigned)ntohs(at.sin_port));

    struct door_conf conf = {.workers = workers,
                             .listen_fds = &b.listen_fd,
                             .n_listen = 1,
                             .connections_max = connections_max,
                             .cors = b.cors,
                             .host_names = b.host_names,
                             .idle_timeout_s = 60};

    ck_assert_msg(door_new(&b.door, &conf, &e) == 0, "%s", e.text);
    fake_door = b.door;
    b.engine = fake_start();
    b.api = (struct api){.engine = b.engine};
    ck_assert_msg(door_start(b.door, &b.api, &e) == 0, "%s", e.text);
}

void bench_up(void)
{
    bench_start(2, 0);
}

void bench_down(void)
{
    door_drain(b.door, 20000);
    fake_stop(b.engine);
    door_stop(b.door);
    close(b.listen_fd);
    ck_assert_uint_eq(fake_listings(), 0);
}

int client_open(void)
{
    struct timeval patience = {.tv_sec = 30};
    struct sockaddr_in at = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons((uint16_t)atoi(b.port));
    ck_assert_int_ge(fd, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

void client_send_bytes(int fd, const void *bytes, size_t n)
{
    const char *at = bytes;

    while (n > 0) {
        ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);

        ck_assert_msg(sent > 0, "send: %s", strerror(errno));
        at += sent;
        n -= (size_t)sent;
    }
}

void client_send(int fd, const char *text)
{
    client_send_bytes(fd, text, strlen(text));
}

void client_gone(int fd)
{
    struct linger l = {.l_onoff = 1};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
    close(fd);
}

/* One byte; -1 at the end. */
static int get(int fd)
{
    unsigned char c;
    ssize_t n = recv(fd, &c, 1, 0);

    ck_assert_msg(n >= 0 || errno == ECONNRESET, "recv: %s", strerror(errno));
    return n == 1 ? c : -1;
}

static bool get_bytes(int fd, struct buf *out, size_t n)
{
    buf_reserve(out, n);
    while (n > 0) {
        ssize_t got = recv(fd, out->ptr + out->len, n, 0);

        ck_assert_msg(got >= 0 || errno == ECONNRESET, "recv: %s", strerror(errno));
        if (got <= 0)
            return false;
        out->len += (size_t)got;
        n -= (size_t)got;
    }
    return true;
}

void answer_fini(struct answer *a)
{
    buf_fini(&a->head);
    buf_fini(&a->body);
    *a = (struct answer){0};
}

const char *answer_header(const struct answer *a, const char *name)
{
    static char value[512];
    size_t len = strlen(name);

    for (const char *line = strstr(a->head.ptr, "\r\n"); line != NULL;
         line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, len) != 0 || line[2 + len] != ':')
            continue;
        line += 2 + len + 1;
        line += strspn(line, " ");
        snprintf(value, sizeof(value), "%.*s", (int)strcspn(line, "\r"), line);
        return value;
    }
    return NULL;
}

void client_read_head(int fd, struct answer *a)
{
    int c;

    answer_fini(a);
    while (a->head.len < 4 || memcmp(a->head.ptr + a->head.len - 4, "\r\n\r\n", 4) != 0) {
        c = get(fd);
        ck_assert_msg(c >= 0, "the connection ended in a head: %.*s", (int)a->head.len,
                      a->head.ptr);
        buf_char(&a->head, (char)c);
    }
    buf_cstr(&a->head);
    ck_assert_int_eq(sscanf(a->head.ptr, "HTTP/1.%*d %d", &a->status), 1);

    const char *coding = answer_header(a, "Transfer-Encoding");

    a->chunked = coding != NULL && strcmp(coding, "chunked") == 0;
}

bool client_read_chunk(int fd, struct answer *a)
{
    struct buf line = {0};
    struct buf end = {0};
    int c;

    while ((c = get(fd)) >= 0 && c != '\n')
        buf_char(&line, (char)c);

    size_t n = c >= 0 ? strtoul(buf_cstr(&line), NULL, 16) : 0;

    a->cut = c < 0 || !get_bytes(fd, &a->body, n) || !get_bytes(fd, &end, 2);
    buf_fini(&line);
    buf_fini(&end);
    return n > 0 && !a->cut;
}

void client_read(int fd, const char *method, struct answer *a)
{
    client_read_head(fd, a);
    if (strcmp(method, "HEAD") == 0 || a->status == 204 || a->status < 200)
        return;
    if (a->chunked) {
        while (client_read_chunk(fd, a))
            continue;
        return;
    }

    const char *length = answer_header(a, "Content-Length");

    if (length != NULL) {
        a->cut = !get_bytes(fd, &a->body, strtoul(length, NULL, 10));
        return;
    }
    while (get_bytes(fd, &a->body, 65536)) /* to the end of the connection */
        continue;
}

bool client_at_end(int fd)
{
    return get(fd) < 0;
}

void ask(int fd, const char *method, const char *request, int status, struct answer *a)
{
    client_send(fd, request);
    client_read(fd, method, a);
    ck_assert_msg(a->status == status, "%s: %d, not %d: %.*s", request, a->status, status,
                  (int)a->body.len, a->body.ptr);
}

void client_pause(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}
