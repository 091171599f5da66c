#include "peer/join.h"

#include "peer/dial.h"
#include "peer/spawn.h"

struct asking {
    const struct founder *who;
    const struct peer_trust *trust;
    struct join_answer *answer;
    pthread_t thread;
    bool started;
};

static int ask_url(struct span url, const struct peer_trust *trust, struct join_answer *a)
{
    struct buf text = {0}, body = {0};
    uint64_t cluster_id;
    long status;
    buf_span(&text, url);
    int rv = dial_get(trust, buf_cstr(&text), "/members", JOIN_ASK_MS, ROSTER_BYTES_MAX + 1,
                      &status, &cluster_id, &body, &a->err);
    if (rv == 0 && status != 200)
        rv = err_set(&a->err, ERR_NET, "status %ld", status);
    if (rv == 0)
        rv = roster_parse(&a->roster, buf_as_span(&body), cluster_id, &a->err);
    if (rv == ERR_MALFORMED || (rv != 0 && status != 0))
        err_wrap(&a->err, "%s/members", buf_cstr(&text));
    a->from = url;
    buf_fini(&text);
    buf_fini(&body);
    return rv;
}

static void *ask(void *arg)
{
    struct asking *k = arg;
    for (unsigned i = 0; i < k->who->n_peer_urls; i++) {
        k->answer->rv = ask_url(k->who->peer_urls[i], k->trust, k->answer);
        if (k->answer->rv == 0)
            break;
    }
    return NULL;
}

void join_ask(const struct founder *const *who, unsigned n, const struct peer_trust *trust,
              struct join_answer *out)
{
    struct asking asked[LIMIT_MEMBERS];
    CP_ASSERT(n <= LIMIT_MEMBERS);
    dial_global_init();
    for (unsigned i = 0; i < n; i++) {
        out[i].rv = ERR_NET;
        asked[i] = (struct asking){.who = who[i], .trust = trust, .answer = &out[i]};
        asked[i].started = spawn(&asked[i].thread, "join", ask, &asked[i], &out[i].err) == 0;
    }
    for (unsigned i = 0; i < n; i++)
        if (asked[i].started)
            pthread_join(asked[i].thread, NULL);
    dial_global_fini();
}
