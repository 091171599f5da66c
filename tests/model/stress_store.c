/* One writer and two readers, for the thread and address sanitizers: the writer sets, deletes and
 * removes subtrees in batches and publishes; the readers pin, walk the whole version and compare
 * its checksum with the one that the writer has put into the version itself. One reader keeps its
 * pins long and walks each several times.
 *
 *   BATCHES=n   so many batches */
#include "base/num.h"
#include "store/read.h"
#include "store/store_priv.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCHES 1500
#define KEYS    300
#define LEVELS  4
#define SUM_KEY "/sum" /* its value: the checksum of all the rest, in decimal */

struct stress {
    struct store *store;
    uint64_t random; /* writer only */
    atomic_bool stop;
    atomic_ulong walks;
};

struct reader {
    struct stress *stress;
    unsigned slot;
    bool keeps; /* turns its pins into long ones */
};

#ifdef STORE_PIN_PAUSE
/* Lets publishes fall between the steps of a pin. */
void store_pin_pause(void)
{
    static atomic_uint n;
    if (atomic_fetch_add(&n, 1) % 4 == 0)
        for (int i = 0; i < 20; i++)
            sched_yield();
}
#endif

static uint64_t mix(uint64_t x)
{
    x ^= x >> 31;
    x *= UINT64_C(0x9e3779b97f4a7c15);
    x ^= x >> 29;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    return x ^ x >> 32;
}

static uint64_t mix_span(uint64_t h, struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        h = mix(h + (unsigned char)s.ptr[i]);
    return h;
}

/* Depends on every name, value, index and on the order. FOUND gets the checksum that the version
 * claims. */
static uint64_t checksum(const struct node *root, uint64_t *found)
{
    struct read_cursor stack[LEVELS];
    int level = 0;
    uint64_t h = 1;
    read_children(&stack[0], root);
    while (level >= 0) {
        const struct node *n = read_next(&stack[level]);
        if (n == NULL) {
            level--;
            continue;
        }
        struct node_view v;
        node_view(n, &v);
        if (level == 0 && span_eq(node_name(n), SPAN("sum"))) {
            CP_ASSERT(num_u64(v.value, found));
            continue;
        }
        h = mix_span(mix_span(h, node_name(n)), v.value);
        h = mix(h ^ v.modified) + (uint64_t)level;
        if (v.dir) {
            CP_ASSERT(level + 1 < LEVELS);
            read_children(&stack[++level], n);
        }
    }
    return h;
}

static void *read_loop(void *arg)
{
    struct reader *r = arg;
    struct stress *st = r->stress;
    while (!atomic_load(&st->stop)) {
        const struct version *v = store_pin(st->store, r->slot);
        int kept = r->keeps ? store_pin_keep(st->store, r->slot) : -1;
        for (int i = 0; i < (r->keeps ? 6 : 1); i++) {
            uint64_t found = 0;
            uint64_t sum = checksum(version_root(v), &found);
            CP_ASSERT(sum == found);
            atomic_fetch_add(&st->walks, 1);
        }
        if (kept >= 0)
            store_pin_release(st->store, kept);
        else
            store_unpin(st->store, r->slot);
    }
    return NULL;
}

static uint64_t draw(struct stress *st, uint64_t below)
{
    st->random += UINT64_C(0x9e3779b97f4a7c15);
    return mix(st->random) % below;
}

static void change(struct stress *st)
{
    char path[64], value[200];
    int len = snprintf(path, sizeof path, "/d%d", (int)draw(st, 3));
    struct store_op op = {.verb = OP_PUT};
    uint64_t kind = draw(st, 400);
    if (kind == 0) {
        op.verb = OP_DELETE;
        op.flags = OP_RECURSIVE;
    } else if (kind < 3) {
        len += sprintf(path + len, "/e%d", (int)draw(st, 3));
        op.verb = OP_DELETE;
        op.flags = OP_RECURSIVE;
    } else {
        if (kind % 2 == 0)
            len += sprintf(path + len, "/e%d", (int)draw(st, 3));
        len += sprintf(path + len, "/k%d", (int)draw(st, KEYS));
        op.verb = kind % 3 == 0 ? OP_DELETE : OP_PUT;
        op.flags = kind % 5 == 0 ? OP_HAS_TTL : 0;
        op.ttl_s = kind;
    }
    memset(value, 'v', sizeof value);
    op.value = span_make(value, draw(st, sizeof value));
    op.path = span_make(path, (size_t)len);
    struct store_result r;
    store_apply(st->store, &op, (int64_t)draw(st, 1000) * 1000000000, &r);
}

static void seal(struct stress *st)
{
    char text[24];
    uint64_t ignored = 0;
    int len = snprintf(text, sizeof text, "%" PRIu64, checksum(st->store->draft.root, &ignored));
    struct store_op op = {
        .verb = OP_PUT, .path = SPAN(SUM_KEY), .value = span_make(text, (size_t)len)};
    struct store_result r;
    CP_ASSERT(store_apply(st->store, &op, 0, &r) == V2_OK);
    store_publish(st->store);
    store_reclaim(st->store, (unsigned)draw(st, 200));
}

static void write_batches(struct stress *st, uint64_t batches)
{
    for (uint64_t b = 0; b < batches; b++) {
        for (uint64_t n = 1 + draw(st, 60); n > 0; n--)
            change(st);
        struct store_result r;
        if (b % 8 == 0)
            store_expire_next(st->store, INT64_MAX - 1, &r);
        seal(st);
        if (b % 50 == 0)
            store_check(st->store);
    }
}

int main(void)
{
    const char *many = getenv("BATCHES");
    struct stress st = {.store = store_new()};
    seal(&st);
    struct reader reader[2] = {{&st, 0, false}, {&st, 1, true}};
    pthread_t thread[2];
    for (int i = 0; i < 2; i++)
        CP_ASSERT(pthread_create(&thread[i], NULL, read_loop, &reader[i]) == 0);
    write_batches(&st, many != NULL ? strtoull(many, NULL, 10) : BATCHES);
    atomic_store(&st.stop, true);
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    store_publish(st.store);
    while (store_reclaim(st.store, UINT32_MAX)) {
    }
    struct store_stats stats;
    store_stats(st.store, &stats);
    CP_ASSERT(stats.dead_items == 0);
    store_check(st.store);
    store_free(st.store);
    printf("stress_store: %lu walks\n", atomic_load(&st.walks));
    return 0;
}
