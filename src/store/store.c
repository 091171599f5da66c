#include "store/store_priv.h"

#define PUBLISH_BUDGET 500 /* items freed with each publish: some 50 us */

struct store *store_new(void)
{
    struct store *s = mem_zalloc(sizeof *s);
    struct node_spec root = {.dir = true, .version = 1};
    s->draft.root = node_new(&s->draft.pool, &root);
    pins_init(&s->pins, &s->draft);
    return s;
}

void store_free(struct store *s)
{
    if (s == NULL)
        return;
    draft_bury(&s->draft);
    pins_fini(&s->pins, &s->draft);
    timers_fini(&s->draft.timers, &s->draft.pool);
    accounts_unref(s->draft.accounts);
    CP_ASSERT(s->draft.pool.live_bytes == 0);
    CP_ASSERT(s->draft.pool.place_bytes == 0);
    buf_fini(&s->path);
    buf_fini(&s->cause);
    mem_free(s);
}

void store_take_over(struct store *s, struct store *from)
{
    struct draft *d = &s->draft, *f = &from->draft;
    draft_bury(d);
    CP_ASSERT(d->base == d->index && d->dropped.count == 0);
    CP_ASSERT(f->base == f->index && f->dropped.count == 0 && f->grave == NULL);
    CP_ASSERT(f->index > d->index);
    d->index = f->index;
    draft_drop_tree(d, d->root);
    d->root = f->root;
    timers_fini(&d->timers, &d->pool);
    d->timers = f->timers;
    accounts_unref(d->accounts);
    d->accounts = f->accounts;
    pins_discard(&from->pins, f);
    d->pool.live_bytes += f->pool.live_bytes;
    d->pool.place_bytes += f->pool.place_bytes;
    buf_fini(&from->path);
    buf_fini(&from->cause);
    mem_free(from);
}

int64_t store_next_expiry(const struct store *s)
{
    return timers_next(&s->draft.timers);
}

uint64_t store_burn(struct store *s)
{
    draft_bury(&s->draft);
    return ++s->draft.index;
}

uint64_t store_index(const struct store *s)
{
    return s->draft.index;
}

const struct accounts *store_accounts(const struct store *s)
{
    return s->draft.accounts;
}

void store_set_accounts(struct store *s, const struct accounts *a)
{
    CP_ASSERT(s->draft.index > s->draft.base);
    accounts_unref(s->draft.accounts);
    s->draft.accounts = a;
}

void store_publish(struct store *s)
{
    draft_bury(&s->draft);
    pins_publish(&s->pins, &s->draft);
    pins_reclaim(&s->pins, &s->draft, PUBLISH_BUDGET);
}

bool store_reclaim(struct store *s, unsigned budget)
{
    return pins_reclaim(&s->pins, &s->draft, budget);
}

const struct version *store_pin(struct store *s, unsigned slot)
{
    CP_ASSERT(slot < STORE_SLOTS);
    return pins_take(&s->pins, slot);
}

void store_unpin(struct store *s, unsigned slot)
{
    CP_ASSERT(slot < STORE_SLOTS);
    pins_release(&s->pins, slot);
}

int store_pin_keep(struct store *s, unsigned slot)
{
    CP_ASSERT(slot < STORE_SLOTS);
    return pins_keep(&s->pins, slot);
}

void store_pin_release(struct store *s, int long_pin)
{
    CP_ASSERT(long_pin >= 0 && long_pin < STORE_LONG_PINS);
    pins_release(&s->pins, STORE_SLOTS + (unsigned)long_pin);
}

bool store_oldest_pin(const struct store *s, uint64_t *index)
{
    return pins_oldest(&s->pins, index);
}

void store_stats(const struct store *s, struct store_stats *out)
{
    const struct node_body *root = node_body(s->draft.root);
    *out = (struct store_stats){
        .files = root->files,
        .dirs = root->dirs,
        .value_bytes = root->bytes,
        .memory_bytes =
            s->draft.pool.live_bytes + s->draft.pool.place_bytes + timers_bytes(&s->draft.timers),
        .dead_items = pins_waiting(&s->pins) + s->draft.dropped.count,
    };
}
