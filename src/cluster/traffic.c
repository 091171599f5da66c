#include "cluster/traffic.h"

#include "cluster/engine_priv.h"

#include <math.h>

#define LOST_NS (10 * (uint64_t)NS_PER_S) /* an answer does not come after that */

/* ---- what is noted ---- */

size_t traffic_bytes(const struct peer_message *m)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < m->append.n; i++)
        bytes += m->append.entries[i].payload->len;
    return bytes;
}

static void note(struct traffic_rate *r, uint64_t now_ns, size_t bytes)
{
    r->last[r->count % TRAFFIC_WINDOW].at_ns = now_ns;
    r->last[r->count % TRAFFIC_WINDOW].bytes = bytes;
    r->count++;
}

static struct traffic_follower *follower_of(struct traffic *t, uint64_t id)
{
    for (unsigned i = 0; i < t->n; i++)
        if (t->followers[i].id == id)
            return &t->followers[i];
    if (t->n == LIMIT_MEMBERS)
        return NULL;
    t->followers[t->n] = (struct traffic_follower){.id = id, .least = UINT64_MAX};
    return &t->followers[t->n++];
}

/* One append at a time is timed, when all before it are answered. */
static void begin(struct traffic_follower *f, uint64_t now)
{
    if (f->open == 0 || now - f->open_ns > LOST_NS) {
        f->sent_ns = f->open_ns = now;
        f->open = 0;
    }
    f->open++;
}

void traffic_sent(struct engine *e, uint64_t to, unsigned entries, size_t bytes, bool sent)
{
    uint64_t now = clock_mono_ns(e->conf.clock);
    pthread_mutex_lock(&e->lock);
    struct traffic_follower *f = follower_of(&e->traffic, to);
    if (f != NULL && !sent)
        f->fail++;
    else if (f != NULL)
        begin(f, now);
    if (sent && entries > 0)
        note(&e->traffic.sent, now, bytes);
    pthread_mutex_unlock(&e->lock);
}

static void time_answer(struct traffic_follower *f, uint64_t ns)
{
    double ms = (double)ns / (double)NS_PER_MS;
    f->now = ns;
    f->least = ns < f->least ? ns : f->least;
    f->most = ns > f->most ? ns : f->most;
    f->sum += ms;
    f->squares += ms * ms;
    f->n++;
}

static void answered(struct engine *e, const struct peer_message *m, uint64_t now)
{
    struct traffic_follower *f = follower_of(&e->traffic, m->from);
    if (f == NULL)
        return;
    f->success++;
    if (m->append_result.rejected == 0)
        f->match = m->append_result.last_index;
    if (f->sent_ns != 0)
        time_answer(f, now - f->sent_ns);
    f->sent_ns = 0;
    if (f->open > 0)
        f->open--;
}

void traffic_received(struct engine *e, const struct peer_message *m)
{
    uint64_t now = clock_mono_ns(e->conf.clock);
    pthread_mutex_lock(&e->lock);
    if (m->type == PEER_APPEND && m->append.n > 0)
        note(&e->traffic.received, now, traffic_bytes(m));
    if (m->type == PEER_APPEND_RESULT && consensus_role(e->consensus) == CONSENSUS_LEADER)
        answered(e, m, now);
    pthread_mutex_unlock(&e->lock);
}

void traffic_begin(struct engine *e)
{
    pthread_mutex_lock(&e->lock);
    e->traffic.n = 0;
    pthread_mutex_unlock(&e->lock);
}

/* ---- what is told ---- */

/* Nothing for a second: no rate. */
static void read_rate(const struct traffic_rate *r, uint64_t now_ns, struct traffic_figures *out)
{
    uint64_t n = r->count < TRAFFIC_WINDOW ? r->count : TRAFFIC_WINDOW, bytes = 0;
    *out = (struct traffic_figures){.count = r->count};
    if (n < 2)
        return;
    uint64_t newest = r->last[(r->count - 1) % TRAFFIC_WINDOW].at_ns;
    uint64_t oldest = r->last[(r->count - n) % TRAFFIC_WINDOW].at_ns;
    if (now_ns - newest > (uint64_t)NS_PER_S || newest == oldest)
        return;
    for (uint64_t i = r->count - n; i < r->count; i++)
        bytes += r->last[i % TRAFFIC_WINDOW].bytes;
    double s = (double)(newest - oldest) / (double)NS_PER_S;
    out->packets = (double)n / s;
    out->bytes = (double)bytes / s;
}

void engine_traffic(struct engine *e, struct engine_traffic *out)
{
    uint64_t now = clock_mono_ns(e->conf.clock);
    pthread_mutex_lock(&e->lock);
    read_rate(&e->traffic.sent, now, &out->sent);
    read_rate(&e->traffic.received, now, &out->received);
    pthread_mutex_unlock(&e->lock);
}

static struct follower_status status_of(const struct traffic_follower *f)
{
    double mean = f->n > 0 ? f->sum / (double)f->n : 0;
    double spread = f->n > 0 ? f->squares / (double)f->n - mean * mean : 0;
    return (struct follower_status){.id = f->id,
                                    .match = f->match,
                                    .success = f->success,
                                    .fail = f->fail,
                                    .now_ns = f->now,
                                    .least_ns = f->n > 0 ? f->least : 0,
                                    .most_ns = f->most,
                                    .mean_ms = mean,
                                    .deviation_ms = spread > 0 ? sqrt(spread) : 0};
}

unsigned engine_followers(struct engine *e, struct follower_status out[LIMIT_MEMBERS])
{
    unsigned n = 0;
    pthread_mutex_lock(&e->lock);
    for (unsigned i = 0; e->leader_id == e->member_id && i < e->members.n; i++) {
        const struct traffic_follower none = {.id = e->members.m[i].id}, *f = &none;
        for (unsigned k = 0; k < e->traffic.n; k++)
            if (e->traffic.followers[k].id == none.id)
                f = &e->traffic.followers[k];
        if (none.id != e->member_id)
            out[n++] = status_of(f);
    }
    pthread_mutex_unlock(&e->lock);
    return n;
}
