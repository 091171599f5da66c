#include "store/pins.h"

#include "base/check.h"
#include "store/store.h"

#define ALL_SLOTS (STORE_SLOTS + STORE_LONG_PINS)

/* The pins of one moment. */
struct held {
    uint64_t pin[ALL_SLOTS];
    unsigned count;
};

/* Short slots first, long ones after: a pin that moves from one to the other is written to the long
 * slot before the short one is cleared, so in this order it cannot be missed. */
static void held_scan(struct held *h, struct pins *p)
{
    h->count = 0;
    for (unsigned i = 0; i < ALL_SLOTS; i++) {
        uint64_t at = atomic_load(&p->slot[i].at);
        if (at != PIN_NONE)
            h->pin[h->count++] = at;
    }
}

static bool held_has(const struct held *h, uint64_t pin)
{
    for (unsigned i = 0; i < h->count; i++)
        if (h->pin[i] == pin)
            return true;
    return false;
}

/* The newest pin below BOUND. */
static bool held_newest(const struct held *h, uint64_t bound, uint64_t *pin)
{
    bool any = false;
    for (unsigned i = 0; i < h->count; i++)
        if (h->pin[i] < bound && (!any || h->pin[i] > *pin)) {
            *pin = h->pin[i];
            any = true;
        }
    return any;
}

void pins_init(struct pins *p, struct draft *d)
{
    size_t slots_size = ALL_SLOTS * sizeof(struct pin_slot);
    *p = (struct pins){.shared_block = mem_alloc(63 + sizeof(struct pin_front) + slots_size)};
    p->front = (struct pin_front *)(((uintptr_t)p->shared_block + 63) & ~(uintptr_t)63);
    p->slot = (struct pin_slot *)(p->front + 1);
    for (unsigned i = 0; i < ALL_SLOTS; i++)
        atomic_init(&p->slot[i].at, PIN_NONE);
    struct version *v = pool_get(&d->pool, sizeof *v);
    *v = (struct version){d->index, d->root, accounts_ref(d->accounts)};
    d->base = d->index;
    atomic_init(&p->front->begun, d->index);
    atomic_init(&p->front->now, v);
    atomic_init(&p->front->done, d->index);
}

const struct version *pins_take(struct pins *p, unsigned slot)
{
    /* The announced number must be exactly that of the version that is read: an older one does not
     * protect what was born after it. The writer stores begun, now, done in this order, so done
     * (before) and begun (after) being equal brackets the load of now. It repeats only when a
     * publish falls between. */
    for (;;) {
        uint64_t index = atomic_load(&p->front->done);
        store_pin_pause();
        atomic_exchange(&p->slot[slot].at, index);
        const struct version *v = atomic_load(&p->front->now);
        store_pin_pause();
        if (atomic_load(&p->front->begun) == index)
            return v;
    }
}

void pins_release(struct pins *p, unsigned slot)
{
    atomic_store_explicit(&p->slot[slot].at, PIN_NONE, memory_order_release);
}

int pins_keep(struct pins *p, unsigned slot)
{
    uint64_t pin = atomic_load(&p->slot[slot].at);
    CP_ASSERT(pin != PIN_NONE);
    for (unsigned i = 0; i < STORE_LONG_PINS; i++) {
        uint64_t none = PIN_NONE;
        if (!atomic_compare_exchange_strong(&p->slot[STORE_SLOTS + i].at, &none, pin))
            continue;
        pins_release(p, slot);
        return (int)i;
    }
    return -1;
}

uint64_t pins_item_born(struct bag_item item)
{
    void *what = bag_what(item);
    switch (bag_kind(item)) {
    case BAG_PAGE:
    case BAG_PAGES:
        return ((const struct page *)what)->born;
    case BAG_VERSION:
        return ((const struct version *)what)->index;
    case BAG_NODE:
    case BAG_TREE:
        break;
    }
    return node_born(what);
}

static struct bag *dead_list(struct pins *p, uint64_t pin)
{
    size_t i = p->dead_count;
    while (i > 0 && p->dead[i - 1].pin > pin)
        i--;
    if (i > 0 && p->dead[i - 1].pin == pin)
        return &p->dead[i - 1].items;
    if (p->dead_count == p->dead_room) {
        p->dead_room = p->dead_room > 0 ? 2 * p->dead_room : 8;
        p->dead = mem_realloc(p->dead, p->dead_room * sizeof *p->dead);
    }
    memmove(p->dead + i + 1, p->dead + i, (p->dead_count - i) * sizeof *p->dead);
    p->dead_count++;
    p->dead[i] = (struct dead){.pin = pin};
    return &p->dead[i].items;
}

/* Nobody can see ITEM: frees its block. What is below a tree's top may be older and still be seen,
 * so it becomes work of its own. */
static void take_apart(struct pins *p, struct draft *d, struct bag_item item)
{
    void *what = bag_what(item);
    switch (bag_kind(item)) {
    case BAG_VERSION:
        accounts_unref(((struct version *)what)->accounts);
        pool_put(&d->pool, what, sizeof(struct version));
        break;
    case BAG_PAGE:
        page_free(&d->pool, what);
        break;
    case BAG_NODE:
        draft_free_node(d, what);
        break;
    case BAG_TREE: {
        struct node *n = what;
        if (node_is_dir(n) && node_body(n)->kids != NULL)
            bag_push(&p->work, bag_item(node_body(n)->kids, BAG_PAGES, item.dropped));
        draft_free_node(d, n);
        break;
    }
    case BAG_PAGES: {
        struct page *page = what;
        enum bag_kind below = page->level > 0 ? BAG_PAGES : BAG_TREE;
        for (unsigned i = 0; i < page->n; i++)
            bag_push(&p->work, bag_item(page_entries(page)[i], below, item.dropped));
        page_free(&d->pool, page);
        break;
    }
    }
}

/* Frees ITEM, or puts it on the list of the newest pin that sees it. */
static void settle(struct pins *p, struct draft *d, const struct held *h, struct bag_item item)
{
    uint64_t pin = 0;
    if (!held_newest(h, item.dropped, &pin) || pins_item_born(item) > pin) {
        take_apart(p, d, item);
        return;
    }
    item.dropped = pin;
    bag_push(dead_list(p, pin), item);
}

void pins_publish(struct pins *p, struct draft *d)
{
    struct version *old = atomic_load_explicit(&p->front->now, memory_order_relaxed);
    if (old->index == d->index) {
        CP_ASSERT(old->root == d->root && old->accounts == d->accounts);
        CP_ASSERT(d->dropped.count == 0);
        return; /* two versions of one number could not be told apart */
    }
    struct version *v = pool_get(&d->pool, sizeof *v);
    *v = (struct version){d->index, d->root, accounts_ref(d->accounts)};
    atomic_store(&p->front->begun, v->index);
    atomic_store(&p->front->now, v);
    atomic_store(&p->front->done, v->index);
    d->base = d->index;

    bag_push(&d->dropped, bag_item(old, BAG_VERSION, d->index));
    struct held h;
    held_scan(&h, p);
    struct bag_item item;
    while (bag_pop(&d->dropped, &item)) {
        if (bag_kind(item) == BAG_TREE)
            bag_push(&p->work, item);
        else
            settle(p, d, &h, item);
    }
}

/* Takes the newest dead list whose pin has gone as work; false when there is none. */
static bool next_dead(struct pins *p, const struct held *h)
{
    size_t i = p->dead_count;
    while (i > 0 && held_has(h, p->dead[i - 1].pin))
        i--;
    if (i == 0)
        return false;
    p->work = p->dead[i - 1].items;
    memmove(p->dead + i - 1, p->dead + i, (p->dead_count - i) * sizeof *p->dead);
    p->dead_count--;
    return true;
}

bool pins_reclaim(struct pins *p, struct draft *d, unsigned budget)
{
    if (p->work.count == 0 && p->dead_count == 0)
        return false;
    struct held h;
    held_scan(&h, p);
    for (;;) {
        struct bag_item item;
        while (budget > 0 && bag_pop(&p->work, &item)) {
            settle(p, d, &h, item);
            budget--;
        }
        if (p->work.count > 0)
            return true;
        if (!next_dead(p, &h))
            return false;
    }
}

size_t pins_waiting(const struct pins *p)
{
    size_t n = p->work.count;
    for (size_t i = 0; i < p->dead_count; i++)
        n += p->dead[i].items.count;
    return n;
}

void pins_each(const struct pins *p, void (*visit)(void *ctx, struct bag_item item), void *ctx)
{
    bag_each(&p->work, visit, ctx);
    for (size_t i = 0; i < p->dead_count; i++)
        bag_each(&p->dead[i].items, visit, ctx);
}

static void assert_no_pin(const struct pins *p)
{
    for (unsigned i = 0; i < ALL_SLOTS; i++)
        CP_ASSERT(atomic_load(&p->slot[i].at) == PIN_NONE);
}

void pins_discard(struct pins *p, struct draft *d)
{
    assert_no_pin(p);
    CP_ASSERT(pins_waiting(p) == 0);
    struct version *only = atomic_load(&p->front->now);
    accounts_unref(only->accounts);
    pool_put(&d->pool, only, sizeof(struct version));
    mem_free(p->dead);
    mem_free(p->shared_block);
}

void pins_fini(struct pins *p, struct draft *d)
{
    assert_no_pin(p);
    struct bag_item item;
    while (bag_pop(&d->dropped, &item))
        bag_push(&p->work, item);
    bag_push(&p->work, bag_item(d->root, BAG_TREE, d->index));
    bag_push(&p->work, bag_item(atomic_load(&p->front->now), BAG_VERSION, d->index));
    while (pins_reclaim(p, d, UINT32_MAX)) {
    }
    mem_free(p->dead);
    mem_free(p->shared_block);
}

bool pins_oldest(const struct pins *p, uint64_t *at)
{
    *at = PIN_NONE;
    for (unsigned i = 0; i < ALL_SLOTS; i++) {
        uint64_t pin = atomic_load_explicit(&p->slot[i].at, memory_order_relaxed);
        if (pin < *at)
            *at = pin;
    }
    return *at < atomic_load_explicit(&p->front->done, memory_order_relaxed);
}
