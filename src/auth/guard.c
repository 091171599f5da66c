#include "auth/guard.h"

#include "auth/basic.h"
#include "auth/proven.h"
#include "auth/secret.h"
#include "auth/throttle.h"
#include "base/clock.h"
#include "base/mem.h"

#include <pthread.h>
#include <unistd.h>

#define THREADS_MAX 4

struct guard {
    struct proven proven;

    pthread_mutex_t lock; /* guards what follows; never held during a task */
    pthread_cond_t more;
    struct mail *first, **last;
    unsigned waiting;
    bool ending;
    struct throttle users, addresses;
    struct guard_stats stats;

    unsigned n_threads; /* fixed */
    pthread_t threads[THREADS_MAX];
};

struct secret *secret_new(enum secret_task task, struct span password)
{
    struct secret *s = mem_zalloc(sizeof(*s));

    s->task = task;
    buf_reserve(&s->password, password.len + 1);
    buf_span(&s->password, password);
    return s;
}

void secret_free(struct secret *s)
{
    if (s == NULL)
        return;
    basic_wipe(&s->password);
    buf_fini(&s->user);
    buf_fini(&s->address);
    mem_free(s);
}

/* ---- the threads ---- */

static void settle_check(struct guard *g, struct secret *s)
{
    struct span user = buf_as_span(&s->user);

    if (s->ok)
        proven_add(&g->proven,
                   proven_mark(&g->proven, user, buf_as_span(&s->password), span_of(s->hash)));
    pthread_mutex_lock(&g->lock);
    if (s->ok) {
        g->stats.right++;
        throttle_give_back(&g->users, user);
        throttle_give_back(&g->addresses, buf_as_span(&s->address));
    } else {
        g->stats.wrong++;
    }
    pthread_mutex_unlock(&g->lock);
}

static void run(struct guard *g, struct secret *s)
{
    struct span password = buf_as_span(&s->password);

    if (s->task == SECRET_HASH) {
        s->ok = secret_hash(password, s->hash);
        return;
    }
    /* also for a user that is not there: the answer must not tell by its time */
    s->ok = secret_check(password, span_of(s->hash)) && s->known;
    settle_check(g, s);
}

/* SKIP: it is to be given back as it is. */
static struct secret *next(struct guard *g, bool *skip)
{
    pthread_mutex_lock(&g->lock);
    while (g->first == NULL && !g->ending)
        pthread_cond_wait(&g->more, &g->lock);

    struct mail *m = g->first;

    *skip = g->ending;
    if (m != NULL) {
        g->first = m->next;
        if (g->first == NULL)
            g->last = &g->first;
        g->waiting--;
        m->next = NULL;
    }
    pthread_mutex_unlock(&g->lock);
    return m != NULL ? CP_CONTAINER_OF(m, struct secret, mail) : NULL;
}

static void *guard_main(void *arg)
{
    struct guard *g = arg;
    struct secret *s;
    bool skip;

    while ((s = next(g, &skip)) != NULL) {
        if (!skip)
            run(g, s);
        s->done(s);
    }
    return NULL;
}

/* ---- start and stop ---- */

/* Half of the processors: guessing must not starve those who need no proof. */
static unsigned threads_wanted(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN) / 2;

    return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (unsigned)n;
}

int guard_new(struct guard **out, struct err *e)
{
    struct guard *g = mem_zalloc(sizeof(*g));

    proven_init(&g->proven);
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->more, NULL);
    g->last = &g->first;
    throttle_init(&g->users, LIMIT_WRONG_BY_USER, LIMIT_WRONG_USER_MS * (uint64_t)NS_PER_MS);
    throttle_init(&g->addresses, LIMIT_WRONG_BY_ADDRESS,
                  LIMIT_WRONG_ADDRESS_MS * (uint64_t)NS_PER_MS);
    for (unsigned want = threads_wanted(); g->n_threads < want; g->n_threads++) {
        int rc = pthread_create(&g->threads[g->n_threads], NULL, guard_main, g);

        if (rc != 0) {
            guard_free(g);
            return err_sys(e, rc, "start a thread for passwords");
        }
    }
    *out = g;
    return 0;
}

void guard_end(struct guard *g)
{
    pthread_mutex_lock(&g->lock);
    g->ending = true;
    pthread_cond_broadcast(&g->more);
    pthread_mutex_unlock(&g->lock);
}

void guard_join(struct guard *g)
{
    while (g->n_threads > 0)
        pthread_join(g->threads[--g->n_threads], NULL);
}

void guard_free(struct guard *g)
{
    if (g == NULL)
        return;
    guard_end(g);
    guard_join(g);
    CP_ASSERT(g->first == NULL);
    pthread_cond_destroy(&g->more);
    pthread_mutex_destroy(&g->lock);
    explicit_bzero(&g->proven, sizeof(g->proven));
    mem_free(g);
}

/* ---- asking ---- */

bool guard_knows(struct guard *g, struct span user, struct span password, struct span hash)
{
    return proven_has(&g->proven, proven_mark(&g->proven, user, password, hash));
}

enum guard_answer guard_admit(struct guard *g, struct span user, struct span address)
{
    uint64_t now_ns = clock_mono_ns(&clock_system);
    enum guard_answer answer = GUARD_TAKEN;

    pthread_mutex_lock(&g->lock);
    if (g->waiting >= LIMIT_SECRETS) {
        g->stats.refused++;
        answer = GUARD_FULL;
    } else if (!throttle_take(&g->addresses, address, now_ns)) {
        answer = GUARD_TOO_MANY;
    } else if (!throttle_take(&g->users, user, now_ns)) {
        throttle_give_back(&g->addresses, address);
        answer = GUARD_TOO_MANY;
    }
    g->stats.throttled += answer == GUARD_TOO_MANY;
    pthread_mutex_unlock(&g->lock);
    return answer;
}

bool guard_ask(struct guard *g, struct secret *s)
{
    bool taken;

    CP_ASSERT(s->done != NULL);
    s->mail.next = NULL;
    pthread_mutex_lock(&g->lock);
    taken = g->waiting < LIMIT_SECRETS && !g->ending;
    if (taken) {
        *g->last = &s->mail;
        g->last = &s->mail.next;
        g->waiting++;
        pthread_cond_signal(&g->more);
    } else {
        g->stats.refused++;
    }
    pthread_mutex_unlock(&g->lock);
    return taken;
}

void guard_stats(struct guard *g, struct guard_stats *out)
{
    pthread_mutex_lock(&g->lock);
    *out = g->stats;
    out->waiting = g->waiting;
    pthread_mutex_unlock(&g->lock);
}
