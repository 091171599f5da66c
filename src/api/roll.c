#include "api/roll.h"

#include "base/jsonw.h"

#include <inttypes.h>
#include <stdlib.h>

static int by_bytes(const void *a, const void *b)
{
    return span_cmp(*(const struct span *)a, *(const struct span *)b);
}

static void sort(struct span *urls, unsigned n)
{
    qsort(urls, n, sizeof(urls[0]), by_bytes);
}

void roll_row_read(struct roll_row *row, uint64_t id, struct blob *info)
{
    struct command c;
    *row = (struct roll_row){.id = id};
    if (info == NULL || command_decode(blob_span(info), &c, NULL) != 0)
        return; /* the engine keeps nothing else than what it could decode */
    row->info = c.member;
    sort(row->info.peer_urls, row->info.n_peer_urls);
    sort(row->info.client_urls, row->info.n_client_urls);
}

void roll_read(struct roll *t, struct engine *e)
{
    t->n = engine_members(e, t->refs);
    for (unsigned i = 0; i < t->n; i++)
        roll_row_read(&t->rows[i], t->refs[i].id, t->refs[i].published);
}

void roll_fini(struct roll *t)
{
    for (unsigned i = 0; i < t->n; i++)
        blob_unref(t->refs[i].published);
}

const struct roll_row *roll_find(const struct roll *t, uint64_t id)
{
    for (unsigned i = 0; i < t->n; i++)
        if (t->rows[i].id == id)
            return &t->rows[i];
    return NULL;
}

void roll_render_urls(struct buf *b, const struct span *urls, unsigned n)
{
    buf_char(b, '[');
    for (unsigned i = 0; i < n; i++) {
        if (i > 0)
            buf_char(b, ',');
        jsonw_str(b, urls[i]);
    }
    buf_char(b, ']');
}

void roll_render(struct buf *b, const struct roll_row *m)
{
    buf_printf(b, "{\"id\":\"%" PRIx64 "\",\"name\":", m->id);
    jsonw_str(b, m->info.name);
    buf_lit(b, ",\"peerURLs\":");
    roll_render_urls(b, m->info.peer_urls, m->info.n_peer_urls);
    buf_lit(b, ",\"clientURLs\":");
    roll_render_urls(b, m->info.client_urls, m->info.n_client_urls);
    buf_char(b, '}');
}
