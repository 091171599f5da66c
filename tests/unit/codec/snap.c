#include "snap.h"

void snap_dump(struct store *s, const struct dump_head *head, struct event *const *events, size_t n,
               size_t piece, struct buf *out)
{
    store_publish(s);

    struct dump *d = dump_new(head, store_pin(s, 0), events, n);

    while (dump_more(d, out, piece))
        continue;
    dump_free(d);
    store_unpin(s, 0);
}

void snap_again(const struct load_result *r, struct buf *out)
{
    snap_dump(r->store, &r->head, r->events, r->n_events, 1000, out);
}

static int finish(struct load *l, struct load_result *out, struct err *e)
{
    int rv = load_finish(l, out, e);

    load_free(l);
    return rv;
}

/* Each piece in memory of its own size, so that a sanitizer sees a step beyond it. */
static int feed_apart(struct load *l, struct span piece, struct err *e)
{
    struct buf copy = {0};

    buf_reserve(&copy, piece.len);
    buf_span(&copy, piece);

    int rv = load_feed(l, buf_as_span(&copy), e);

    buf_fini(&copy);
    return rv;
}

/* A mere check comes to the same end. */
static void check_too(struct span bytes, int loaded)
{
    struct load *l = load_new_check();
    struct load_result r;
    int rv = load_feed(l, bytes, NULL);

    if (rv == 0)
        rv = load_finish(l, &r, NULL);
    if (rv == 0) {
        CP_ASSERT(r.store == NULL && r.n_events == 0);
        load_result_fini(&r);
    }
    CP_ASSERT(rv == loaded);
    load_free(l);
}

int snap_load(struct span bytes, size_t piece, struct load_result *out, struct err *e)
{
    struct load *l = load_new();
    int rv = 0;

    for (size_t at = 0; rv == 0 && at < bytes.len;) {
        size_t n = piece > 0 && piece < bytes.len - at ? piece : bytes.len - at;

        rv = feed_apart(l, span_make(bytes.ptr + at, n), e);
        at += n;
    }
    rv = finish(l, out, e);
    check_too(bytes, rv);
    return rv;
}

int snap_load_open(struct span lines, struct load_result *out, struct err *e)
{
    struct load *l = load_new();
    struct buf end = {0};

    int rv = load_feed(l, lines, e);
    struct load *check = load_new_check();

    CP_ASSERT(load_feed(check, lines, NULL) == rv);
    load_free(check);
    load_seal(l, &end);
    if (rv == 0)
        rv = load_feed(l, buf_as_span(&end), e);
    buf_fini(&end);

    int finished = finish(l, out, e);

    CP_ASSERT(rv == 0 || rv == finished); /* an error stays */
    return finished;
}
