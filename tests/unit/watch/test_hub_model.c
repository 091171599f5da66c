/* The hub against a naive twin: random changes to a small tree, published in random batches, random
 * watchers. The twin knows the whole tree and compares paths name by name. SEED= repeats a run. */
#include "test_watch.h"

#include <stdio.h>
#include <stdlib.h>

#define NAMES   4
#define DEPTH   4
#define PATHS   (1 + 4 + 16 + 64 + 256)
#define EARS    40
#define HISTORY 50
#define STEPS   20000
#define BATCH   12
#define LOG_MAX 256

static const char *const name_of[NAMES] = {"a", "aa", "_b", "c_"};

enum what { NOTHING, FILE_, DIR_ };

/* Path I: 0 is the root, the children of I are I * NAMES + 1 … */
struct change {
    uint64_t index;
    int path;
    bool removes, dir, refresh;
    enum what before[PATHS];
};

struct ear {
    struct watcher w;
    char text[64];
    int path;
    uint64_t got[LOG_MAX], want[LOG_MAX];
    size_t n_got, n_want;
    bool live; /* the twin's idea of registered */
};

struct twin {
    struct hub *hub;
    enum what now[PATHS], published[PATHS];
    struct change past[HISTORY];
    size_t n_past;
    uint64_t last;
    struct ear ears[EARS];
    unsigned state;
};

static unsigned draw(struct twin *t, unsigned n)
{
    t->state = t->state * 1103515245u + 12345u;
    return (t->state >> 8) % n;
}

static int up(int path)
{
    return (path - 1) / NAMES;
}

static void spell(int path, char *out)
{
    char part[DEPTH + 1][8];
    int n = 0;
    if (path == 0) {
        strcpy(out, "/");
        return;
    }
    for (; path != 0; path = up(path))
        strcpy(part[n++], name_of[(path - 1) % NAMES]);
    for (*out = '\0'; n > 0;)
        sprintf(out + strlen(out), "/%s", part[--n]);
}

static int parse(struct span s)
{
    for (int i = 0; i < PATHS; i++) {
        char text[64];
        spell(i, text);
        if (span_eq(span_of(text), s))
            return i;
    }
    return -1;
}

static bool is_below(int path, int top)
{
    while (path > top)
        path = up(path);
    return path == top;
}

static bool hidden_between(int path, int top)
{
    for (; path != top; path = up(path)) {
        if (name_of[(path - 1) % NAMES][0] == '_')
            return true;
    }
    return false;
}

static bool told(const struct ear *ear, const struct change *c, bool historic)
{
    if (c->refresh)
        return false;
    if (ear->path == c->path)
        return true;
    if (is_below(c->path, ear->path))
        return ear->w.recursive && !hidden_between(c->path, ear->path);
    return c->removes && c->dir && is_below(ear->path, c->path) &&
           (historic || c->before[ear->path] != NOTHING);
}

static bool existed(void *ctx, const struct event *e, struct span path)
{
    (void)e;
    struct twin *t = ctx;
    return t->published[parse(path)] != NOTHING;
}

static void push(struct watcher *w, struct event *e, bool historic)
{
    (void)historic;
    struct ear *ear = (struct ear *)(void *)w;
    ck_assert_uint_lt(ear->n_got, LOG_MAX);
    ear->got[ear->n_got++] = e->index;
}

static void expect(struct ear *ear, uint64_t index)
{
    ck_assert_uint_lt(ear->n_want, LOG_MAX);
    ear->want[ear->n_want++] = index;
    if (!ear->w.stream)
        ear->live = false;
}

/* One random change that the rules of the tree allow; gives its event, or NULL when it would be
 * refused. */
static struct event *change(struct twin *t)
{
    int path = 1 + (int)draw(t, draw(t, 3) == 0 ? PATHS - 1 : 84);
    unsigned kind = draw(t, 5);
    struct change c = {.path = path, .removes = kind >= 3, .refresh = kind == 2};
    memcpy(c.before, t->now, sizeof c.before);
    for (int p = up(path); p != 0; p = up(p)) {
        if (t->now[p] == FILE_)
            return NULL;
    }
    if (c.removes) {
        if (t->now[path] == NOTHING)
            return NULL;
        c.dir = t->now[path] == DIR_;
        for (int p = path; p < PATHS; p++) {
            if (is_below(p, path))
                t->now[p] = NOTHING;
        }
    } else {
        c.dir = kind == 1;
        if (t->now[path] == DIR_ || (c.refresh && t->now[path] == NOTHING))
            return NULL;
        for (int p = path; p != 0; p = up(p))
            t->now[p] = DIR_;
        if (!c.dir)
            t->now[path] = FILE_;
    }
    c.index = ++t->last;
    if (t->n_past == HISTORY)
        memmove(t->past, t->past + 1, --t->n_past * sizeof c);
    t->past[t->n_past++] = c;
    for (int i = 0; i < EARS; i++) {
        struct ear *ear = &t->ears[i];
        if (ear->live && c.index >= ear->w.since && told(ear, &c, false))
            expect(ear, c.index);
    }
    char text[64];
    spell(path, text);
    enum v2_action action = c.removes ? (kind == 3 ? V2_DELETE : V2_EXPIRE) : V2_SET;
    struct event *e = event_new(action, c.index, span_of(text), SPAN("{}\n"));
    e->dir = c.dir;
    e->refresh = c.refresh;
    return e;
}

static void listen_anew(struct twin *t, struct ear *ear)
{
    hub_cancel(t->hub, &ear->w);
    ear->n_got = ear->n_want = 0;
    ear->path = (int)draw(t, draw(t, 2) == 0 ? PATHS : 21);
    spell(ear->path, ear->text);
    ear->w = (struct watcher){.path = span_of(ear->text),
                              .recursive = draw(t, 2) == 0,
                              .stream = draw(t, 2) == 0,
                              .push = push};
    if (draw(t, 2) == 0) {
        uint64_t back = draw(t, HISTORY + 10);
        ear->w.since = t->last + 6 > back ? t->last + 6 - back : 1;
    }
    uint64_t oldest, kept = t->last < HISTORY ? 1 : t->last - HISTORY + 1;
    enum v2_code code = hub_subscribe(t->hub, &ear->w, &oldest);
    bool past = ear->w.since > 0 && ear->w.since <= t->last;
    ear->live = !past || ear->w.since >= kept;
    ck_assert_int_eq(code, ear->live ? V2_OK : V2_EVENT_INDEX_CLEARED);
    ck_assert_uint_eq(oldest, kept);
    for (size_t i = 0; past && ear->live && i < t->n_past; i++) {
        if (t->past[i].index >= ear->w.since && told(ear, &t->past[i], true))
            expect(ear, t->past[i].index);
    }
}

static void compare(struct twin *t, unsigned seed)
{
    size_t live = 0;
    for (int i = 0; i < EARS; i++) {
        struct ear *ear = &t->ears[i];
        bool same = ear->n_got == ear->n_want &&
                    memcmp(ear->got, ear->want, ear->n_got * sizeof *ear->got) == 0;
        ck_assert_msg(same, "seed %u index %lu: watcher at %s%s%s heard %zu, expected %zu", seed,
                      (unsigned long)t->last, ear->text, ear->w.recursive ? " recursive" : "",
                      ear->w.stream ? " stream" : "", ear->n_got, ear->n_want);
        ck_assert(ear->live == ear->w.registered);
        live += ear->live;
        if (ear->n_got > LOG_MAX / 2)
            ear->n_got = ear->n_want = 0;
    }
    ck_assert_uint_eq(hub_watchers(t->hub), live);
}

START_TEST(same_as_the_naive_twin)
{
    const char *env = getenv("SEED");
    unsigned seed = env != NULL ? (unsigned)strtoul(env, NULL, 10) : 4711;
    struct twin *t = calloc(1, sizeof *t);
    t->state = seed;
    t->now[0] = t->published[0] = DIR_;
    t->hub = hub_new(HISTORY, 0, existed, t);
    for (int i = 0; i < EARS; i++)
        listen_anew(t, &t->ears[i]);
    for (int step = 0; step < STEPS; step++) {
        struct event *batch[BATCH];
        size_t n = 0;
        for (unsigned tries = draw(t, BATCH); tries > 0; tries--) {
            struct event *e = change(t);
            if (e != NULL)
                batch[n++] = e;
        }
        hub_publish(t->hub, batch, n);
        memcpy(t->published, t->now, sizeof t->now);
        while (n > 0)
            event_unref(batch[--n]);
        if (draw(t, 20) == 0)
            hub_skip(t->hub, ++t->last);
        /* the oldest events fall out of the history by index, not by number */
        while (t->n_past > 0 && t->past[0].index + HISTORY <= t->last)
            memmove(t->past, t->past + 1, --t->n_past * sizeof *t->past);
        compare(t, seed);
        for (unsigned k = draw(t, 4); k > 0; k--)
            listen_anew(t, &t->ears[draw(t, EARS)]);
    }
    hub_free(t->hub);
    free(t);
}
END_TEST

Suite *hub_model_suite(void)
{
    Suite *s = suite_create("hub-model");
    TCase *t = tcase_create("random");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, same_as_the_naive_twin);
    suite_add_tcase(s, t);
    return s;
}
