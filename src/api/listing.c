/* listing: an answer too large for one buffer, rendered piece by piece from a version that stays
 * pinned. */
#include "api/route.h"

#include "base/mem.h"
#include "codec/render.h"

struct api_listing {
    struct store *store;
    int pin;
    struct render_get *get;
    struct buf first; /* rendered before it was known to be large */
    bool more;
};

struct api_listing *listing_new(struct store *s, unsigned slot, struct render_get *g,
                                struct buf *first)
{
    int pin = store_pin_keep(s, slot);
    if (pin < 0)
        return NULL;
    struct api_listing *l = mem_zalloc(sizeof *l);
    *l = (struct api_listing){.store = s, .pin = pin, .get = g, .first = *first, .more = true};
    *first = (struct buf){0};
    return l;
}

bool api_listing_more(struct api_listing *l, struct buf *b, size_t max)
{
    if (l->first.len > 0) {
        buf_span(b, buf_as_span(&l->first));
        buf_fini(&l->first);
        return true;
    }
    if (!l->more)
        return false;
    l->more = render_get_more(l->get, b, max);
    return true;
}

void api_listing_free(struct api_listing *l)
{
    if (l == NULL)
        return;
    render_get_free(l->get);
    store_pin_release(l->store, l->pin);
    buf_fini(&l->first);
    mem_free(l);
}
