/* trio: watches. */
#include "trio.h"

static void note(struct trio_watch *t, bool *what)
{
    pthread_mutex_lock(&t->lock);
    *what = true;
    pthread_cond_signal(&t->cond);
    pthread_mutex_unlock(&t->lock);
}

static void on_push(struct watcher *w, struct event *event, bool historic)
{
    struct trio_watch *t = CP_CONTAINER_OF(w, struct trio_watch, w.watcher);
    (void)historic;
    pthread_mutex_lock(&t->lock);
    CP_ASSERT(t->n < TRIO_EVENTS);
    t->seen[t->n++] = event->index;
    pthread_cond_signal(&t->cond);
    pthread_mutex_unlock(&t->lock);
}

static void on_opened(struct watch *w)
{
    struct trio_watch *t = CP_CONTAINER_OF(w, struct trio_watch, w);
    note(t, &t->opened);
}

static void on_ended(struct watch *w)
{
    struct trio_watch *t = CP_CONTAINER_OF(w, struct trio_watch, w);
    note(t, &t->ended);
}

static void on_closed(struct watch *w)
{
    struct trio_watch *t = CP_CONTAINER_OF(w, struct trio_watch, w);
    note(t, &t->closed);
}

static void wait_for(struct trio_watch *t, const bool *what)
{
    pthread_mutex_lock(&t->lock);
    while (!*what)
        pthread_cond_wait(&t->cond, &t->lock);
    pthread_mutex_unlock(&t->lock);
}

void trio_watch(struct trio_watch *t, unsigned i, const char *path)
{
    *t = (struct trio_watch){.member = i};
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->cond, NULL);
    t->w = (struct watch){
        .watcher = {.path = span_of(path), .recursive = true, .stream = true, .push = on_push},
        .opened = on_opened,
        .ended = on_ended,
        .closed = on_closed};
    ck_assert(engine_watch(trio.m[i].engine, &t->w));
    wait_for(t, &t->opened);
}

bool trio_watch_until(struct trio_watch *t, uint64_t index)
{
    pthread_mutex_lock(&t->lock);
    while (!t->ended && (t->n == 0 || t->seen[t->n - 1] < index))
        pthread_cond_wait(&t->cond, &t->lock);
    bool told = !t->ended;
    pthread_mutex_unlock(&t->lock);
    return told;
}

void trio_unwatch(struct trio_watch *t)
{
    if (t->w.code == V2_OK) {
        engine_unwatch(trio.m[t->member].engine, &t->w);
        wait_for(t, &t->closed);
    }
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->cond);
}
