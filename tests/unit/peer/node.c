#include "node.h"

#include "base/listen.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_S 120

/* ---- what stands in for engine and api ---- */

void engine_receive(struct engine *e, struct frame *f)
{
    pthread_mutex_lock(&e->lock);
    f->mail.next = NULL;
    *e->last = &f->mail;
    e->last = &f->mail.next;
    e->n++;
    pthread_cond_broadcast(&e->more);
    pthread_mutex_unlock(&e->lock);
}

void engine_removed(struct engine *e)
{
    pthread_mutex_lock(&e->lock);
    e->removed++;
    pthread_cond_broadcast(&e->more);
    pthread_mutex_unlock(&e->lock);
}

void engine_lost(struct engine *e, uint64_t peer)
{
    pthread_mutex_lock(&e->lock);
    e->lost = peer;
    pthread_cond_broadcast(&e->more);
    pthread_mutex_unlock(&e->lock);
}

void api_members_for_peers(struct engine *e, struct buf *b)
{
    (void)e;
    buf_lit(b, "[{\"id\":7}]\n");
}

void api_handle(struct api *a, unsigned slot, const struct api_request *rq, struct api_result *out)
{
    (void)a;
    (void)slot;
    ck_assert(span_eq(rq->target, SPAN("/version")));
    *out = (struct api_result){.outcome = API_REPLY};
    out->reply.status = 200;
    out->reply.fixed = SPAN("{\"etcdserver\":\"3\"}");
}

void api_reply_fini(struct api_reply *r)
{
    (void)r;
}

/* ---- nodes ---- */

void pause_ms(unsigned ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

static void bind_to(struct node *n, const char *port)
{
    struct listen_at at = {"127.0.0.1", port, "listen-peer-urls"};
    struct sockaddr_in addr;
    socklen_t len = sizeof(addr);
    struct err e;

    ck_assert_msg(listen_open(&at, &n->fd, 1, &e) == 1, "%s", e.text);
    ck_assert_int_eq(getsockname(n->fd, (struct sockaddr *)&addr, &len), 0);
    snprintf(n->port, sizeof(n->port), "%u", ntohs(addr.sin_port));
    snprintf(n->url, sizeof(n->url), "http%s://127.0.0.1:%s", n->tls != NULL ? "s" : "", n->port);
}

static bool was_removed(void *ctx, uint64_t id)
{
    const struct node *n = ctx;

    return n->gone != 0 && n->gone == id;
}

static void begin(struct node *n)
{
    bool yes = true;
    struct peer_conf conf = {.cluster_id = n->cluster_id,
                             .member_id = n->id,
                             .listen_fds = &n->fd,
                             .listen_tls = n->tls != NULL ? &yes : NULL,
                             .n_listen = 1,
                             .tls = n->tls,
                             .trust = n->trust,
                             .snap_dir = n->dir,
                             .io = n->io,
                             .clock = n->clock,
                             .is_removed = was_removed,
                             .ctx = n};
    struct err e;

    ck_assert_msg(peer_new(&n->peer, &conf, &e) == 0, "%s", e.text);
    n->wire = peer_wire(n->peer);
    n->api.engine = &n->engine;
}

void node_init(struct node *n, uint64_t id)
{
    node_init_tls(n, id, NULL, NULL);
}

void node_init_tls(struct node *n, uint64_t id, struct tls *tls, const struct peer_trust *trust)
{
    const char *tmp = getenv("TMPDIR");

    log_set_level(getenv("PEER_LOG") != NULL ? LOG_DEBUG : LOG_ERROR);
    *n = (struct node){
        .id = id, .cluster_id = CLUSTER, .io = &diskio_system, .clock = &clock_system, .tls = tls};
    if (trust != NULL)
        n->trust = *trust;
    snprintf(n->dir, sizeof(n->dir), "%s/peer-XXXXXX",
             tmp != NULL && strlen(tmp) < 40 ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(n->dir));
    pthread_mutex_init(&n->engine.lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&n->engine.more, &monotonic);
    pthread_condattr_destroy(&monotonic);
    n->engine.last = &n->engine.first;
    bind_to(n, "0");
    begin(n);
}

void node_open(struct node *n)
{
    struct err e;

    ck_assert_msg(peer_open(n->peer, &n->api, &e) == 0, "%s", e.text);
}

static void end(struct node *n)
{
    peer_close(n->peer);
    peer_free(n->peer);
    n->peer = NULL;
    close(n->fd);
}

void node_close(struct node *n)
{
    end(n);
    bind_to(n, n->port);
    begin(n);
}

static void empty_dir(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir != NULL)
        closedir(dir);
    rmdir(path);
}

void node_fini(struct node *n)
{
    end(n);
    while (n->engine.first != NULL) {
        struct mail *m = n->engine.first;

        n->engine.first = m->next;
        frame_free(CP_CONTAINER_OF(m, struct frame, mail));
    }
    pthread_cond_destroy(&n->engine.more);
    pthread_mutex_destroy(&n->engine.lock);
    empty_dir(n->dir);
}

void node_tell(struct node *n, const struct wire_peer *peers, unsigned count)
{
    n->wire->peers(n->wire->ctx, peers, count);
}

void node_meet(struct node *a, const struct node *b)
{
    struct wire_peer peer = {.id = b->id, .n_urls = 1, .urls = {span_of(b->url)}};

    node_tell(a, &peer, 1);
}

static void wait_more(struct engine *e)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PATIENCE_S;
    ck_assert_int_eq(pthread_cond_timedwait(&e->more, &e->lock, &until), 0);
}

struct frame *node_take(struct node *n)
{
    struct engine *e = &n->engine;

    pthread_mutex_lock(&e->lock);
    while (e->first == NULL)
        wait_more(e);

    struct mail *m = e->first;

    e->first = m->next;
    if (e->first == NULL)
        e->last = &e->first;
    e->n--;
    pthread_mutex_unlock(&e->lock);
    return CP_CONTAINER_OF(m, struct frame, mail);
}

void node_take_run(struct node *n, uint64_t from, uint64_t first, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct frame *f = node_take(n);

        ck_assert_uint_eq(f->from, from);
        ck_assert_uint_eq(f->to, n->id);
        ck_assert_uint_eq(f->read.number, first + i);
        frame_free(f);
    }
}

unsigned node_count(struct node *n)
{
    pthread_mutex_lock(&n->engine.lock);

    unsigned count = n->engine.n;

    pthread_mutex_unlock(&n->engine.lock);
    return count;
}

void node_wait_removed(struct node *n)
{
    pthread_mutex_lock(&n->engine.lock);
    while (n->engine.removed == 0)
        wait_more(&n->engine);
    pthread_mutex_unlock(&n->engine.lock);
}

void node_wait_lost(struct node *n, uint64_t id)
{
    pthread_mutex_lock(&n->engine.lock);
    while (n->engine.lost != id)
        wait_more(&n->engine);
    n->engine.lost = 0;
    pthread_mutex_unlock(&n->engine.lock);
}

struct frame *frame_numbered(uint64_t from, uint64_t to, uint64_t number)
{
    struct frame *f = frame_new(FRAME_READ, from, to);

    f->read.number = number;
    return f;
}

struct frame *frame_sized(uint64_t from, uint64_t to, size_t bytes)
{
    struct frame *f = frame_new(FRAME_FORWARD, from, to);

    f->forward.n = 1;
    f->forward.commands = mem_alloc(sizeof(struct blob *));
    f->forward.commands[0] = blob_new(bytes);
    for (size_t i = 0; i < bytes; i++)
        f->forward.commands[0]->data[i] = (char)(i * 7 + i / 251);
    return f;
}

bool node_offer(struct node *n, uint64_t to, uint64_t number)
{
    struct frame *f = frame_numbered(n->id, to, number);
    bool taken = n->wire->send(n->wire->ctx, to, &f);

    frame_free(f);
    return taken;
}

void node_send(struct node *n, uint64_t to, struct frame *f)
{
    for (unsigned i = 0; !n->wire->send(n->wire->ctx, to, &f); i++) {
        ck_assert_uint_lt(i, PATIENCE_S * 1000);
        pause_ms(1);
    }
    ck_assert_ptr_null(f);
}

void node_reach(struct node *a, struct node *b, uint64_t number)
{
    node_send(a, b->id, frame_numbered(a->id, b->id, number));

    struct frame *f = node_take(b);

    ck_assert_uint_eq(f->from, a->id);
    ck_assert_uint_eq(f->read.number, number);
    frame_free(f);
}

/* ---- a raw connection ---- */

int raw_dial(const struct node *n)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)atoi(n->port)),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_eq(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    return fd;
}

void raw_send(int fd, const void *bytes, size_t n)
{
    const char *at = bytes;

    while (n > 0) {
        ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);

        if (sent < 0)
            return; /* the other side has ended it; what it said is read by raw_rest */
        at += sent;
        n -= (size_t)sent;
    }
}

void raw_post(int fd, const struct node *to, const char *path, uint64_t from, int64_t bytes,
              const char *more)
{
    struct buf b = {0};

    buf_printf(&b,
               "POST %s HTTP/1.1\r\nHost: x\r\nX-Copse-Wire: 1\r\nX-Copse-Cluster: %" PRIx64
               "\r\nX-Copse-From: %" PRIx64 "\r\nX-Copse-To: %" PRIx64 "\r\n%s",
               path, CLUSTER, from, to->id, more);
    if (bytes < 0)
        buf_lit(&b, "Transfer-Encoding: chunked\r\n\r\n");
    else
        buf_printf(&b, "Content-Length: %" PRId64 "\r\n\r\n", bytes);
    raw_send(fd, b.ptr, b.len);
    buf_fini(&b);
}

void raw_chunk(int fd, const void *bytes, size_t n)
{
    char head[32];

    raw_send(fd, head, (size_t)snprintf(head, sizeof(head), "%zx\r\n", n));
    raw_send(fd, bytes, n);
    raw_send(fd, "\r\n", 2);
}

char *raw_rest(int fd)
{
    struct buf b = {0};
    ssize_t n;

    do {
        buf_reserve(&b, 4096);
        n = recv(fd, b.ptr + b.len, 4096, 0);
        ck_assert_msg(n >= 0 || errno == ECONNRESET, "no end within patience");
        b.len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    (void)buf_cstr(&b);
    return b.ptr;
}

void raw_wait_end(int fd)
{
    mem_free(raw_rest(fd));
    close(fd);
}

int raw_status(int fd)
{
    char head[4096];
    size_t n = 0;

    while (n < sizeof(head) - 1) {
        ssize_t got = recv(fd, head + n, 1, 0);

        if (got <= 0)
            break;
        head[++n] = '\0';
        if (n >= 4 && strcmp(head + n - 4, "\r\n\r\n") == 0)
            return atoi(head + 9);
    }
    return 0;
}
