#include "peer/line.h"

#include "base/mem.h"
#include "base/metric.h"

#include <string.h>

#define KEEP_BYTES 1048576 /* of the encoded frames' memory */

struct line *line_new(const struct wire_peer *peer)
{
    struct line *l = mem_zalloc(sizeof(*l));

    l->id = peer->id;
    l->n_urls = peer->n_urls;
    for (unsigned i = 0; i < l->n_urls; i++) {
        l->urls[i] = mem_alloc(peer->urls[i].len + 1);
        memcpy(l->urls[i], peer->urls[i].ptr, peer->urls[i].len);
        l->urls[i][peer->urls[i].len] = '\0';
    }
    atomic_init(&l->refs, 1);
    list_init(&l->place);
    l->last = &l->first;
    return l;
}

struct line *line_ref(struct line *l)
{
    atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
    return l;
}

void line_unref(struct line *l)
{
    if (l == NULL || atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) > 1)
        return;
    line_clear(l);
    buf_fini(&l->out);
    for (unsigned i = 0; i < l->n_urls; i++)
        mem_free(l->urls[i]);
    mem_free(l);
}

bool line_has_urls(const struct line *l, const struct wire_peer *peer)
{
    if (l->n_urls != peer->n_urls)
        return false;
    for (unsigned i = 0; i < l->n_urls; i++)
        if (!span_eq(span_of(l->urls[i]), peer->urls[i]))
            return false;
    return true;
}

void line_queue(struct line *l, struct frame *f)
{
    f->mail.next = NULL;
    *l->last = &f->mail;
    l->last = &f->mail.next;
}

static struct frame *take(struct line *l)
{
    struct mail *m = l->first;

    l->first = m->next;
    if (l->first == NULL)
        l->last = &l->first;

    struct frame *f = CP_CONTAINER_OF(m, struct frame, mail);

    atomic_fetch_sub_explicit(&l->waiting, frame_bytes(f), memory_order_relaxed);
    return f;
}

bool line_is_idle(const struct line *l)
{
    return l->first == NULL && l->out_at == l->out.len;
}

void line_clear(struct line *l)
{
    while (l->first != NULL)
        frame_free(take(l));
    buf_clear(&l->out);
    l->out_at = 0;
}

/* Encodes about as much as fits; the rest of a large frame goes with the next piece. */
static void refill(struct line *l, size_t room)
{
    buf_clear(&l->out);
    l->out_at = 0;
    if (l->out.cap > KEEP_BYTES)
        buf_fini(&l->out);
    while (l->first != NULL && l->out.len < room) {
        struct frame *f = take(l);

        frame_encode(f, &l->out);
        frame_free(f);
    }
}

size_t line_read(void *line, char *bytes, size_t n)
{
    struct line *l = line;
    size_t len;

    if (l->out_at == l->out.len)
        refill(l, n);
    len = l->out.len - l->out_at;
    if (len == 0) {
        l->starved = true;
        return CURL_READFUNC_PAUSE;
    }
    if (len > n)
        len = n;
    memcpy(bytes, l->out.ptr + l->out_at, len);
    l->out_at += len;
    metric_count(&l->sent_bytes, len);
    return len;
}
