/* net: one libcurl multi handle for the streams to all peers. What the engine sends comes through
 * the mailbox, whose eventfd is one of the descriptors that curl_multi_poll watches.
 *
 * A line is waiting (for retry_ms), dialling, or up. It is up from the peer's "100 Continue" until
 * the stream breaks; frames that are there then are lost, later ones are refused to the engine. */
#include "peer/net.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "peer/spawn.h"
#include "peer/speech.h"
#include "proto/limits.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#define BACKOFF_MIN_MS 50
#define BACKOFF_MAX_MS 800
#define REFUSED_MS     5000 /* after a refusal, which somebody must mend */
#define FLUSH_MS       200  /* for what still waits when it ends */
#define IDLE_MS        60000

enum net_mail { NET_FRAME = 1, NET_ADD, NET_DROP, NET_PROBE };

struct net {
    /* Fixed. */
    struct net_conf conf;
    uint64_t session;
    pthread_t thread;
    struct mailbox mailbox;
    /* Atomic: net_stop sets. */
    atomic_bool stop;
    /* Net thread only. */
    CURLM *multi;
    int hangups; /* epoll: streams whose peer closes; libcurl tells only when it next sends */
    struct list lines;
    uint64_t streams; /* begun so far */
    uint64_t now_ms;
};

/* A line is added and dropped once each, maybe before the first is taken: so each has mail of its
 * own. */
struct drop {
    struct mail mail;
    struct line *line;
};

struct probe {
    struct mail mail;
    uint64_t id;
};

static uint64_t now_ms(void)
{
    return clock_mono_ns(&clock_system) / NS_PER_MS;
}

static struct line *find(struct net *n, uint64_t id)
{
    LIST_FOREACH (at, &n->lines) {
        struct line *l = CP_CONTAINER_OF(at, struct line, place);

        if (l->id == id)
            return l;
    }
    return NULL;
}

/* ---- streams ---- */

static void dial(struct net *n, struct line *l)
{
    dial_init(&l->dial, &n->conf.by, l->id, l->urls[l->url], SPEECH_STREAM);
    dial_header(&l->dial, SPEECH_H_SESSION, n->session);
    dial_header(&l->dial, SPEECH_H_NUMBER, ++n->streams);
    dial_body(&l->dial, -1, line_read, l);
    l->starved = l->hung = false;
    l->dialling = true;
    CP_ASSERT(curl_multi_add_handle(n->multi, l->dial.easy) == CURLM_OK);
}

static void hang_up(struct net *n, struct line *l)
{
    if (atomic_exchange_explicit(&l->up, false, memory_order_acq_rel))
        metric_count(&l->downs, 1);
    if (l->dialling) {
        (void)curl_multi_remove_handle(n->multi, l->dial.easy);
        dial_fini(&l->dial);
        l->dialling = false;
    }
    line_clear(l);
}

static void note_up(struct net *n, struct line *l)
{
    struct epoll_event ev = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.ptr = l};

    (void)epoll_ctl(n->hangups, EPOLL_CTL_ADD, dial_socket(&l->dial), &ev);
    log_info("peer.up", LOG_X("peer", l->id), LOG_S("url", l->urls[l->url]));
    l->told = false;
    l->tried = l->refused = 0;
    l->backoff_ms = 0;
    atomic_store_explicit(&l->up_ns, clock_mono_ns(&clock_system), memory_order_relaxed);
    atomic_store_explicit(&l->up, true, memory_order_release);
}

/* One line when it goes away; the tries that follow are for whoever looks closely. */
static void tell_down(struct line *l, const char *event, const char *reason)
{
    enum log_level level = l->told ? LOG_DEBUG : LOG_WARN;

    log_at(level, event, LOG_X("peer", l->id), LOG_S("url", l->urls[l->url]),
           LOG_S("reason", reason));
}

/* At once after a stream that was up; else the next URL at once, and a rest after the last.
 * REFUSED: nobody listens at this one. */
static void plan_retry(struct net *n, struct line *l, bool was_up, bool refused)
{
    l->retry_ms = n->now_ms;
    if (was_up)
        return;
    l->url = (l->url + 1) % l->n_urls;
    l->refused += refused;
    if (++l->tried % l->n_urls != 0)
        return;
    if (l->refused == l->n_urls)
        n->conf.lost(n->conf.ctx, l->id);
    l->refused = 0;
    l->backoff_ms = l->backoff_ms == 0 ? BACKOFF_MIN_MS : 2 * l->backoff_ms;
    if (l->backoff_ms > BACKOFF_MAX_MS)
        l->backoff_ms = BACKOFF_MAX_MS;
    l->retry_ms += l->backoff_ms;
}

static void end_of_stream(struct net *n, struct line *l, CURLcode rc)
{
    bool was_up = atomic_load_explicit(&l->up, memory_order_relaxed);
    long status = dial_status(&l->dial);
    const char *reason = dial_reason(&l->dial, rc);

    if (status == 410) {
        tell_down(l, "peer.removed_us", reason);
        n->conf.removed(n->conf.ctx, l->id);
    } else if (status != 0) {
        tell_down(l, "peer.refused", reason);
    } else {
        tell_down(l, was_up ? "peer.down" : "peer.unreachable", reason);
    }
    l->told = true;
    hang_up(n, l);
    plan_retry(n, l, was_up && status == 0, rc == CURLE_COULDNT_CONNECT);
    if (status != 0)
        l->retry_ms = n->now_ms + REFUSED_MS;
}

static void take_ends(struct net *n)
{
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(n->multi, &left)) != NULL) {
        void *ptr = NULL;

        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &ptr);
        end_of_stream(n, CP_CONTAINER_OF(ptr, struct line, dial), m->data.result);
    }
}

/* Closing the socket takes it out of the set, so what is in an event is a line that lives. */
static void take_hangups(struct net *n)
{
    struct epoll_event ev[16];
    int found = epoll_wait(n->hangups, ev, CP_COUNT(ev), 0);

    for (int i = 0; i < found; i++)
        ((struct line *)ev[i].data.ptr)->hung = true;
    /* What the peer said before it closed has been read by now. */
    LIST_FOREACH (at, &n->lines) {
        struct line *l = CP_CONTAINER_OF(at, struct line, place);

        if (l->hung && l->dialling)
            end_of_stream(n, l, CURLE_OK);
    }
}

/* ---- mail ---- */

static void take_frame(struct net *n, struct frame *f)
{
    struct line *l = find(n, f->to);

    if (l == NULL) { /* dropped; so is what waited in it */
        frame_free(f);
        return;
    }
    line_queue(l, f);
    if (!atomic_load_explicit(&l->up, memory_order_relaxed))
        line_clear(l);
}

static void take_drop(struct net *n, struct line *l)
{
    hang_up(n, l);
    list_del(&l->place);
    line_unref(l);
}

/* libcurl does not look at a stream that has nothing to send. So a new one is dialled: where nobody
 * listens any more, that is known at once. */
static void take_probe(struct net *n, uint64_t id)
{
    struct line *l = find(n, id);

    if (l == NULL || !atomic_load_explicit(&l->up, memory_order_relaxed))
        return;
    tell_down(l, "peer.down", "its own stream has ended");
    l->told = true;
    hang_up(n, l);
    plan_retry(n, l, true, false);
}

static void take_mail(struct net *n)
{
    struct mail *m = mailbox_take(&n->mailbox);

    while (m != NULL) {
        struct mail *next = m->next;

        switch ((enum net_mail)m->kind) {
        case NET_FRAME:
            take_frame(n, CP_CONTAINER_OF(m, struct frame, mail));
            break;
        case NET_ADD:
            list_add_tail(&n->lines, &CP_CONTAINER_OF(m, struct line, mail)->place);
            break;
        case NET_DROP: {
            struct drop *d = CP_CONTAINER_OF(m, struct drop, mail);

            take_drop(n, d->line);
            mem_free(d);
            break;
        }
        case NET_PROBE: {
            struct probe *p = CP_CONTAINER_OF(m, struct probe, mail);

            take_probe(n, p->id);
            mem_free(p);
            break;
        }
        }
        m = next;
    }
}

/* ---- the loop ---- */

static bool wants_dial(const struct line *l)
{
    return !l->dialling && l->n_urls > 0;
}

/* Wakes libcurl for what has come; dials what is due. */
static void attend(struct net *n)
{
    LIST_FOREACH (at, &n->lines) {
        struct line *l = CP_CONTAINER_OF(at, struct line, place);

        if (l->starved && l->first != NULL) {
            l->starved = false;
            (void)curl_easy_pause(l->dial.easy, CURLPAUSE_CONT);
        }
        if (wants_dial(l) && n->now_ms >= l->retry_ms)
            dial(n, l);
    }
}

/* Until the next is to be dialled. */
static int wait_ms(const struct net *n)
{
    uint64_t next_ms = n->now_ms + IDLE_MS;

    LIST_FOREACH (at, &n->lines) {
        const struct line *l = CP_CONTAINER_OF(at, struct line, place);

        if (wants_dial(l) && l->retry_ms < next_ms)
            next_ms = l->retry_ms;
    }
    return next_ms > n->now_ms ? (int)(next_ms - n->now_ms) : 0;
}

static void look_for_answers(struct net *n)
{
    LIST_FOREACH (at, &n->lines) {
        struct line *l = CP_CONTAINER_OF(at, struct line, place);

        if (l->dialling && l->dial.accepted && !atomic_load_explicit(&l->up, memory_order_relaxed))
            note_up(n, l);
    }
}

static void turn(struct net *n, int wait_max_ms)
{
    int running, wait;

    n->now_ms = now_ms();
    take_mail(n);
    attend(n);
    (void)curl_multi_perform(n->multi, &running);
    look_for_answers(n);
    take_ends(n);
    take_hangups(n);
    wait = wait_ms(n);
    if (wait > wait_max_ms)
        wait = wait_max_ms;
    if (mailbox_sleep_begin(&n->mailbox)) {
        struct curl_waitfd fds[] = {{.fd = n->mailbox.wake_fd, .events = CURL_WAIT_POLLIN},
                                    {.fd = n->hangups, .events = CURL_WAIT_POLLIN}};

        (void)curl_multi_poll(n->multi, fds, CP_COUNT(fds), wait, NULL);
        mailbox_sleep_end(&n->mailbox);
    }
}

static bool is_idle(const struct net *n)
{
    LIST_FOREACH (at, &n->lines) {
        if (!line_is_idle(CP_CONTAINER_OF(at, struct line, place)))
            return false;
    }
    return true;
}

static void *net_main(void *net)
{
    struct net *n = net;
    uint64_t until_ms;

    while (!atomic_load(&n->stop))
        turn(n, IDLE_MS);
    until_ms = now_ms() + FLUSH_MS;
    do
        turn(n, 1);
    while (!is_idle(n) && now_ms() < until_ms);
    turn(n, 1); /* libcurl has it all: a last push */
    while (!list_empty(&n->lines))
        take_drop(n, CP_CONTAINER_OF(n->lines.next, struct line, place));
    return NULL;
}

static void net_free(struct net *n)
{
    if (n->multi != NULL)
        curl_multi_cleanup(n->multi);
    if (n->hangups >= 0)
        close(n->hangups);
    mailbox_fini(&n->mailbox);
    mem_free(n);
}

static int prepare(struct net *n, struct err *e)
{
    n->hangups = epoll_create1(EPOLL_CLOEXEC);
    if (n->hangups < 0)
        return err_sys(e, errno, "peer: epoll");
    n->multi = curl_multi_init();
    if (n->multi == NULL)
        return err_set(e, -ENOMEM, "peer: libcurl does not start");
    return 0;
}

int net_start(struct net **out, const struct net_conf *conf, struct err *e)
{
    struct net *n = mem_zalloc(sizeof(*n));
    int rc;

    n->conf = *conf;
    list_init(&n->lines);
    if (getrandom(&n->session, sizeof(n->session), 0) != sizeof(n->session))
        n->session = (uint64_t)clock_wall_ns(&clock_system);
    rc = mailbox_init(&n->mailbox, LIMIT_ENGINE_MAIL);
    if (rc < 0) {
        mem_free(n);
        return err_sys(e, -rc, "peer: eventfd");
    }
    rc = prepare(n, e);
    if (rc == 0)
        rc = spawn(&n->thread, "net", net_main, n, e);
    if (rc != 0) {
        net_free(n);
        return rc;
    }
    *out = n;
    return 0;
}

void net_stop(struct net *n)
{
    if (n == NULL)
        return;
    atomic_store(&n->stop, true);
    mailbox_wake(&n->mailbox);
    pthread_join(n->thread, NULL);
    net_free(n);
}

/* ---- other threads ---- */

static void post(struct net *n, struct mail *m, enum net_mail kind)
{
    m->kind = kind;
    m->next = NULL;
    mailbox_post_chain(&n->mailbox, m);
}

void net_add(struct net *n, struct line *l)
{
    post(n, &line_ref(l)->mail, NET_ADD);
}

void net_drop(struct net *n, struct line *l)
{
    struct drop *d = mem_zalloc(sizeof(*d));

    d->line = l;
    post(n, &d->mail, NET_DROP);
}

bool net_send(struct net *n, struct line *l, struct frame **f)
{
    size_t bytes = frame_bytes(*f);

    atomic_fetch_add_explicit(&l->waiting, bytes, memory_order_relaxed);
    (*f)->mail.kind = NET_FRAME;
    if (!mailbox_post(&n->mailbox, &(*f)->mail)) {
        atomic_fetch_sub_explicit(&l->waiting, bytes, memory_order_relaxed);
        return false;
    }
    *f = NULL;
    return true;
}

void net_probe(struct net *n, uint64_t id)
{
    struct probe *p = mem_zalloc(sizeof(*p));

    p->id = id;
    post(n, &p->mail, NET_PROBE);
}
