/* Raw bytes of up to four connections, piece by piece, for a real door on loopback with the real
 * api and store behind it. A script is pieces that end with a byte 0x1e; the first byte of a piece
 * says what it is:
 *
 *   0 1 2 3   bytes for that connection, opened with the first of them; other letters likewise
 *   S n       connection n has nothing more to say       X n   it is gone at once
 *   H  R      proposals wait from now on; no longer      B     the next one is refused
 *   T         time passes: keys expire                   D     the door is closed down; the end
 *
 * Whatever comes: all that is sent back is HTTP, each plain request in front of anything else is
 * answered once and in order, other connections are served meanwhile, and in the end nothing is
 * left. */
#include "door_engine.h"
#include "fuzz.h"
#include "http_oracle.h"

#include "base/listen.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECES_MAX 64
#define CLIENTS    4
#define PROBE      CLIENTS /* one more connection */
#define PATIENCE_S 30      /* only a broken door takes that long */
#define TICK_NS    (NS_PER_S * 10)
#define HEAD_BYTES LIMIT_HEAD_BYTES_MIN
#define PROBE_TEXT "GET /version HTTP/1.1\r\nHost: probe\r\n\r\n"

struct client {
    int fd;             /* -1: none */
    bool opened, ended; /* ended: nothing more comes back */
    bool lossy;         /* answers may be missing */
    bool waits;         /* for its answers */
    struct buf sent, got;
    size_t probed; /* bytes of got that were looked at; PROBE only */
};

struct scene {
    struct door_engine engine;
    struct api api;
    struct door *door;
    int listen_fd;
    struct sockaddr_in at;
    struct client clients[CLIENTS + 1];
    bool closed_down;
};

/* -- connections -- */

static void client_open(struct scene *s, struct client *c)
{
    int on = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CP_ASSERT(c->fd >= 0);
    CP_ASSERT(connect(c->fd, (struct sockaddr *)&s->at, sizeof(s->at)) == 0);
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    c->opened = true;
}

static void client_close(struct client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->ended = true;
}

static void client_reset(struct client *c)
{
    struct linger l = {.l_onoff = 1};

    if (c->fd >= 0)
        (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
    client_close(c);
}

static void client_gone(struct client *c)
{
    client_reset(c);
    c->lossy = true;
}

static void client_send(struct client *c, struct span bytes)
{
    if (c->fd < 0 || c->ended || bytes.len == 0)
        return;

    ssize_t n = send(c->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n > 0)
        buf_add(&c->sent, bytes.ptr, (size_t)n);
    if (n != (ssize_t)bytes.len)
        c->lossy = true; /* the other end has closed, or the rest does not fit */
}

static void client_shut(struct client *c)
{
    if (c->fd >= 0)
        shutdown(c->fd, SHUT_WR);
}

static void client_take(struct client *c)
{
    ssize_t n;

    do {
        buf_reserve(&c->got, 4096);
        n = recv(c->fd, c->got.ptr + c->got.len, 4096, MSG_DONTWAIT);
        if (n > 0)
            c->got.len += (size_t)n;
    } while (n > 0);
    if (n == 0 || (errno != EAGAIN && errno != EINTR))
        c->ended = true;
    if (n < 0 && c->ended)
        c->lossy = true; /* closed over requests that nobody read any more */
}

/* Waits a little for bytes of any connection and takes them. */
static void listen_round(struct scene *s)
{
    struct pollfd p[CLIENTS + 1];
    struct client *of[CLIENTS + 1];
    nfds_t n = 0;

    for (unsigned i = 0; i <= CLIENTS; i++) {
        struct client *c = &s->clients[i];

        if (c->fd >= 0 && !c->ended) {
            of[n] = c;
            p[n++] = (struct pollfd){.fd = c->fd, .events = POLLIN};
        }
    }
    (void)poll(p, n, n > 0 ? 100 : 1);
    for (nfds_t i = 0; i < n; i++) {
        if (p[i].revents != 0)
            client_take(of[i]);
    }
}

static uint64_t now_s(void)
{
    return clock_mono_ns(&clock_system) / NS_PER_S;
}

#define UNTIL(scene, cond)                                                                         \
    do {                                                                                           \
        for (uint64_t until_ = now_s() + PATIENCE_S; !(cond); listen_round(scene))                 \
            CP_ASSERT(now_s() < until_);                                                           \
    } while (0)

/* -- what comes back -- */

/* What follows the answers to plain requests: answers still, but nobody knows which of them belong
 * to a HEAD. */
static void check_rest(struct span got, bool ended)
{
    while (got.len > 0) {
        struct answer a;
        enum answer_kind kind = answer_read(got, false, ended, &a);

        if (kind != ANSWER_WHOLE || (a.bare && span_starts(a.body, SPAN("HTTP/1."))))
            kind = answer_read(got, true, ended, &a);
        CP_ASSERT(kind != ANSWER_NONE);
        if (kind == ANSWER_PART)
            return;
        got = span_from(got, a.bytes);
        if (got.len > 0 && !span_starts(got, SPAN("HTTP/1."))) {
            /* A head whose length was taken for that of a body was one; or a body is cut off. */
            got = span_from(got, got.len);
        }
    }
}

/* Is every plain request of C answered? What is there must be right in any case. Behind a watch
 * that was answered only when its client had nothing more to say, nothing is owed. */
static bool is_answered(const struct client *c)
{
    bool watched = false;
    struct span sent = buf_as_span(&c->sent), got = buf_as_span(&c->got);
    struct plain_request rq;
    struct answer a;

    for (; plain_request(sent, &rq); sent = span_from(sent, rq.bytes)) {
        enum answer_kind kind = answer_read(got, rq.head, c->ended, &a);

        CP_ASSERT(kind != ANSWER_NONE);
        CP_ASSERT(a.status == 0 || a.status >= 200);
        CP_ASSERT(!span_starts(a.body, SPAN("<html>"))); /* none of libmicrohttpd's own */
        if (kind == ANSWER_PART)
            return (rq.watch && a.status != 0) || (watched && c->ended);
        watched = watched || rq.watch;
        CP_ASSERT(!rq.close || a.close);
        got = span_from(got, a.bytes);
        if (a.close) {
            CP_ASSERT(got.len == 0);
            return true;
        }
    }
    check_rest(got, c->ended);
    return true;
}

static bool has_settled(const struct client *c)
{
    return is_answered(c) || c->lossy;
}

/* -- the script -- */

/* One request on a connection of its own is answered, and so what was sent before has been read. */
static void probe(struct scene *s)
{
    struct client *c = &s->clients[PROBE];
    struct answer a = {0};

    client_send(c, SPAN(PROBE_TEXT));
    CP_ASSERT(!c->lossy);
    UNTIL(s, answer_read(buf_as_span(&c->got), false, c->ended, &a) == ANSWER_WHOLE);
    CP_ASSERT(a.status == 200 && a.bytes == c->got.len);
    buf_clear(&c->got);
}

static bool take_piece(struct span *rest, struct span *piece)
{
    const char *end = rest->len > 0 ? memchr(rest->ptr, 0x1e, rest->len) : NULL;

    if (rest->len == 0)
        return false;
    *piece = (struct span){rest->ptr, end != NULL ? (size_t)(end - rest->ptr) : rest->len};
    *rest = span_from(*rest, end != NULL ? piece->len + 1 : piece->len);
    return true;
}

static struct client *client_named(struct scene *s, struct span piece, size_t at)
{
    return &s->clients[piece.len > at ? (unsigned char)piece.ptr[at] % CLIENTS : 0];
}

static void say(struct scene *s, struct span piece)
{
    struct client *c = client_named(s, piece, 0);

    if (!c->opened)
        client_open(s, c);
    client_send(c, span_from(piece, piece.len > 0 ? 1 : 0));
}

static void close_down(struct scene *s)
{
    door_engine_release(&s->engine);

    uint64_t until = now_s() + PATIENCE_S;

    door_drain(s->door, PATIENCE_S * 1000);
    CP_ASSERT(now_s() < until);
    door_stop(s->door);
    close(s->listen_fd);
    s->closed_down = true;
}

static void play(struct scene *s, struct span piece)
{
    switch (piece.len > 0 ? piece.ptr[0] : 'R') {
    case 'S':
        client_shut(client_named(s, piece, 1));
        client_named(s, piece, 1)->lossy = true;
        break;
    case 'X':
        client_gone(client_named(s, piece, 1));
        break;
    case 'H':
        door_engine_hold(&s->engine);
        break;
    case 'R':
        door_engine_release(&s->engine);
        break;
    case 'B':
        door_engine_refuse(&s->engine);
        break;
    case 'T':
        door_engine_tick(&s->engine, TICK_NS);
        break;
    case 'D':
        close_down(s);
        return;
    default:
        say(s, piece);
        break;
    }
    probe(s);
}

static bool is_empty(struct scene *s)
{
    struct door_stats stats;

    door_stats(s->door, &stats);
    return stats.connections == 0 && stats.watches == 0 && stats.taps == 0;
}

/* The script is over: every answer; then each client ends, first politely. An end that comes in one
 * event with the last bytes libmicrohttpd 0.9.75 sees only when the connection has been silent too
 * long, so that cannot be waited for; a reset it sees always. */
static void finish(struct scene *s)
{
    door_engine_release(&s->engine);
    for (unsigned i = 0; i < CLIENTS; i++)
        UNTIL(s, has_settled(&s->clients[i]));
    for (unsigned i = 0; i < CLIENTS; i++)
        client_shut(&s->clients[i]);
    probe(s);
    probe(s);
    for (unsigned i = 0; i <= CLIENTS; i++)
        client_reset(&s->clients[i]);
    UNTIL(s, is_empty(s));
    close_down(s);
}

static void scene_begin(struct scene *s)
{
    struct err e = {0};
    socklen_t len = sizeof(s->at);

    *s = (struct scene){.listen_fd = -1};
    for (unsigned i = 0; i <= CLIENTS; i++)
        s->clients[i].fd = -1;
    CP_ASSERT(listen_open(&(struct listen_at){"127.0.0.1", "0", "listen-client-urls"},
                          &s->listen_fd, 1, &e) == 1);
    CP_ASSERT(getsockname(s->listen_fd, (struct sockaddr *)&s->at, &len) == 0);
    door_engine_init(&s->engine);
    s->api = (struct api){.engine = &s->engine.base};

    struct door_conf conf = {.workers = 1,
                             .listen_fds = &s->listen_fd,
                             .n_listen = 1,
                             .head_bytes = HEAD_BYTES,
                             .cors = "http://a,http://b",
                             .watchers_max = 2};

    CP_ASSERT(door_new(&s->door, &conf, &e) == 0);
    s->engine.door = s->door;
    CP_ASSERT(door_start(s->door, &s->api, &e) == 0);
    client_open(s, &s->clients[PROBE]);
}

static void scene_end(struct scene *s)
{
    for (unsigned i = 0; i <= CLIENTS; i++) {
        struct client *c = &s->clients[i];

        UNTIL(s, c->ended || !c->opened);
        CP_ASSERT(is_answered(c) || c->lossy || i == PROBE);
        client_close(c);
        buf_fini(&c->sent);
        buf_fini(&c->got);
    }
    door_engine_fini(&s->engine);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct span rest = span_make(bytes, n), piece;
    struct scene s;

    log_set_level(LOG_ERROR);
    scene_begin(&s);
    for (unsigned i = 0; i < PIECES_MAX && !s.closed_down && take_piece(&rest, &piece); i++)
        play(&s, piece);
    if (s.closed_down) {
        for (unsigned i = 0; i < CLIENTS; i++)
            s.clients[i].lossy = true;
    } else {
        finish(&s);
    }
    scene_end(&s);
    return 0;
}
