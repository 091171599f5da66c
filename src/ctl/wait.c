/* wait: see wait.h. */
#include "ctl/wait.h"
#include "base/clock.h"
#include "base/err.h"
#include "ctl/keys.h"
#include "proto/v2.h"

#include <stdio.h>
#include <sys/random.h>
#include <time.h>

/* Pause before the next attempt: twice as long each time, between these. */
#define PAUSE_MIN_MS 100
#define PAUSE_MAX_MS 5000

/* What an outage has seen so far. */
struct outage {
    unsigned pause_ms;
    size_t cuts;
    bool told;
};

uint64_t wait_first_index(int64_t after_index)
{
    /* quirk: 0 is "no index", not "all of history"; -1 comes to the same (watch history). */
    return after_index == 0 ? 0 : (uint64_t)after_index + 1;
}

static int wait_once(struct session *s, const struct waiter *w, struct event_reply *out,
                     bool *empty, struct fail *f)
{
    struct key_request r = {.method = "GET", .key = w->key, .wait = true};

    keys_pair_bool(&r.query, "recursive", w->recursive);
    keys_pair_bool(&r.query, "wait", true);
    keys_pair_number(&r.query, "waitIndex", w->next_index);

    int rc = keys_send(s, &r, out, empty, f);

    key_request_fini(&r);
    return rc;
}

/* Nothing came of a wait that began at INDEX. One from now on has its place from here on. One from
 * history keeps its own: the change that was cut off may lie before INDEX. */
static void note_begin(struct waiter *w, uint64_t index)
{
    w->connected = true;
    if (w->next_index == 0 && index > 0)
        w->next_index = index + 1;
}

/* The server's own time limit: up to the index of the answer there was no change. */
static void note_empty(struct waiter *w, uint64_t index)
{
    w->connected = true;
    if (index > 0 && index >= w->next_index)
        w->next_index = index + 1;
}

/* Half of the pause is by chance: clients of a server that comes back are not to come at once. */
static void pause_before_next(struct outage *o)
{
    unsigned random = 0, half = o->pause_ms / 2;

    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
        random = 0;

    unsigned ms = half + random % (half + 1);
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * (long)NS_PER_MS};

    while (nanosleep(&left, &left) != 0)
        continue;
    o->pause_ms = o->pause_ms * 2 < PAUSE_MAX_MS ? o->pause_ms * 2 : PAUSE_MAX_MS;
}

/* Whether to try again after a failure of the network. */
static bool outlast(const struct session *s, const struct waiter *w, struct outage *o,
                    const struct fail *f)
{
    if (f->begun && !w->forever)
        return ++o->cuts < s->client.endpoints.count;
    if (!w->connected || !w->forever)
        return false;
    if (f->begun) {
        o->pause_ms = PAUSE_MIN_MS;
        o->told = false;
    } else if (!o->told) {
        fflush(stdout);
        fprintf(stderr, "Waiting for the cluster to come back:  %.*s", (int)f->text.len,
                f->text.ptr);
        o->told = true;
    }
    pause_before_next(o);
    return true;
}

static bool is_history_lost(const struct waiter *w, const struct fail *f)
{
    return f->code == V2_EVENT_INDEX_CLEARED && w->connected && f->index >= w->next_index;
}

enum exit_status wait_next(struct session *s, struct waiter *w, struct event_reply *out)
{
    struct outage outage = {.pause_ms = PAUSE_MIN_MS};
    struct fail f = {0};
    enum exit_status status = EXIT_FINE;

    for (;;) {
        bool empty = false;
        int rc = wait_once(s, w, out, &empty, &f);

        if (rc == 0)
            break;
        if (empty) {
            note_empty(w, out->index);
            continue;
        }
        if (f.begun)
            note_begin(w, f.index);
        if (is_history_lost(w, &f)) {
            fprintf(stderr, "changes of %s from index %llu to %llu are no longer known\n", w->key,
                    (unsigned long long)w->next_index, (unsigned long long)f.index);
            w->next_index = f.index + 1;
            continue;
        }
        if (rc == ERR_NET && f.code == 0 && outlast(s, w, &outage, &f))
            continue;
        status = session_fail(&f, EXIT_SERVER);
        break;
    }
    fail_fini(&f);
    if (status == EXIT_FINE) {
        w->next_index = node_number(out->node, "modifiedIndex") + 1;
        w->connected = true;
    }
    return status;
}
