/* The store against its naive twin: random operations, answers compared one by one, whole versions
 * compared while they are pinned (each pin has a deep copy of the twin), expiry, publishing and
 * reclaiming at random.
 *
 *   SEED=n   that seed alone      SEEDS=n   so many seeds */
#include "blocks.h"
#include "store/read.h"
#include "store/store_priv.h"
#include "twin.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* One thread, which sanitizers slow down tenfold or more: they see the same code, fewer times. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SEEDS 200
#else
#define SEEDS 2000
#endif
#define STEPS      250
#define LONG_STEPS 2500 /* every tenth seed, for large directories */
#define PINS       6
#define DEPTH      5
#define S          INT64_C(1000000000)

struct pinned {
    const struct version *version; /* NULL: free */
    struct twin *twin;
    int long_pin; /* or -1: the slot of this place */
};

struct model {
    uint64_t seed, random;
    int step;
    int64_t now_ns;
    unsigned names, depth, style;
    unsigned delete_in,
        recursive_in; /* one operation in so many deletes, one delete in so many is recursive */
    struct store *store;
    struct twin twin;
    struct twin *published; /* the twin at the last publish */
    struct pinned pin[PINS];
};

CP_PRINTF(2, 3) CP_NORETURN static void fail(const struct model *m, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "model_store: SEED=%" PRIu64 ", step %d: ", m->seed, m->step);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    abort();
}

#define REQUIRE(m, cond)                                                                           \
    do {                                                                                           \
        if (!(cond))                                                                               \
            fail((m), "line %d: %s", __LINE__, #cond);                                             \
    } while (0)

static uint64_t draw(struct model *m, uint64_t below)
{
    uint64_t z = m->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) % below;
}

static bool chance(struct model *m, uint64_t one_in)
{
    return draw(m, one_in) == 0;
}

/* ---- operations ---- */

/* Names that are alike, or short, or odd: each style strains another part of the pages. */
static size_t draw_name(struct model *m, char *name)
{
    static const char odd[] = {'\0', 'a', 'b', '\xff', '-', '_'};
    unsigned i = (unsigned)draw(m, m->names);
    size_t len = 0;
    switch (m->style) {
    case 0:
        return (size_t)sprintf(name, "k%03u", i);
    case 1:
        for (unsigned j = 0; j < 1 + i % 3; j++)
            name[len++] = odd[(i / 3 >> j * 2) % sizeof odd];
        return len;
    case 2:
        len = (size_t)sprintf(name, "prefix-");
        for (; i > 0; i /= 3)
            name[len++] = (char)('0' + i % 3);
        return len;
    default:
        name[len++] = (char)('a' + i % 26);
        return len;
    }
}

static struct key draw_path(struct model *m)
{
    struct key k = {0};
    if (chance(m, 100))
        return key_of(SPAN("/"));
    if (chance(m, 3) && m->twin.count > 0) /* something that is there */
        k = m->twin.node[draw(m, m->twin.count)].path;
    if (k.len > 0 && (k.len > 80 || !chance(m, 4)))
        return k;
    uint64_t depth = 1 + draw(m, m->depth);
    if (k.len > 0)
        depth = 1; /* below it */
    while (depth-- > 0) {
        k.bytes[k.len++] = '/';
        k.len = (uint8_t)(k.len + draw_name(m, k.bytes + k.len));
    }
    return k;
}

static uint64_t draw_ttl(struct model *m)
{
    static const uint64_t odd[] = {0, UINT64_C(7500000000), UINT64_C(10000000000), INT64_MAX,
                                   UINT64_MAX};
    return chance(m, 20) ? odd[draw(m, CP_COUNT(odd))] : draw(m, 30);
}

struct drawn {
    struct store_op op;
    struct key path;
    char value[VALUE_BYTES], prev_value[VALUE_BYTES];
};

static struct span draw_value(struct model *m, char *value)
{
    size_t len = chance(m, 4) ? 0 : draw(m, VALUE_BYTES);
    memset(value, 'a' + (char)draw(m, 3), VALUE_BYTES);
    return span_make(value, len);
}

static void draw_conditions(struct model *m, struct drawn *d)
{
    const struct twin_node *there = d->path.len > 1 ? twin_find(&m->twin, &d->path) : NULL;
    if (chance(m, 4)) {
        d->op.prev_index = there != NULL && !chance(m, 3) ? there->modified : draw(m, 300);
    }
    if (chance(m, 4)) {
        d->op.flags |= OP_HAS_PREV_VALUE;
        d->op.prev_value = draw_value(m, d->prev_value);
        if (there != NULL && !chance(m, 3)) {
            memcpy(d->prev_value, there->value, VALUE_BYTES);
            d->op.prev_value.len = there->value_len;
        }
    }
}

static void draw_op(struct model *m, struct drawn *d)
{
    *d = (struct drawn){.path = draw_path(m)};
    d->op.verb = chance(m, 12) ? OP_POST : chance(m, m->delete_in) ? OP_DELETE : OP_PUT;
    d->op.path = key_span(&d->path);
    if (d->op.verb == OP_POST && d->path.len > 100)
        d->op.verb = OP_PUT;
    if (chance(m, 3))
        d->op.exist = (enum op_exist)draw(m, 3);
    if (chance(m, 2))
        draw_conditions(m, d);
    if (d->op.verb == OP_DELETE) {
        d->op.flags |= chance(m, m->recursive_in) ? OP_RECURSIVE : 0u;
        d->op.flags |= chance(m, 3) ? OP_DIR : 0u;
        return;
    }
    d->op.flags |= chance(m, 6) ? OP_DIR : 0u;
    if (chance(m, 3)) {
        d->op.flags |= OP_HAS_TTL;
        d->op.ttl_s = draw_ttl(m);
    }
    if (chance(m, 6))
        d->op.flags |= OP_REFRESH;
    else
        d->op.value = draw_value(m, d->value);
}

/* ---- comparing ---- */

static void compare_view(const struct model *m, const struct node_view *v,
                         const struct twin_node *t, bool value)
{
    REQUIRE(m, v->dir == t->dir);
    REQUIRE(m, v->created == t->created);
    REQUIRE(m, v->modified == t->modified);
    REQUIRE(m, v->expires_ns == t->expires_ns);
    REQUIRE(m, span_eq(v->value, span_make(t->value, value ? t->value_len : 0)));
}

static void compare_result(const struct model *m, const struct store_result *r,
                           const struct twin_result *t)
{
    REQUIRE(m, r->code == t->code);
    REQUIRE(m, r->index == m->twin.index);
    REQUIRE(m, store_index(m->store) == m->twin.index);
    if (r->code != V2_OK) {
        REQUIRE(m, span_eq(r->cause, span_make(t->cause, t->cause_len)));
        return;
    }
    REQUIRE(m, r->action == t->action);
    REQUIRE(m, r->refresh == t->refresh);
    REQUIRE(m, r->has_prev == t->has_prev);
    REQUIRE(m, span_eq(r->path, key_span(&t->path)));
    compare_view(m, &r->node, &t->node, true);
    if (r->has_prev)
        compare_view(m, &r->prev, &t->prev, true);
}

static void compare_node(const struct model *m, const struct node *n, const struct twin_node *t)
{
    struct node_view v;
    node_view(n, &v);
    compare_view(m, &v, t, true);
    REQUIRE(m, n->version == t->version);
    if (v.dir)
        REQUIRE(m, node_body(n)->tree == t->tree);
}

/* Walks a whole version in order: it must be the twin's array. */
static void compare_all(const struct model *m, const struct node *root, const struct twin *t)
{
    struct read_cursor stack[DEPTH * 4];
    struct key path[DEPTH * 4];
    int level = 0;
    size_t at = 0;
    REQUIRE(m, node_body(root)->tree == t->tree);
    read_children(&stack[0], root);
    path[0] = (struct key){0};
    while (level >= 0) {
        const struct node *n = read_next(&stack[level]);
        if (n == NULL) {
            level--;
            continue;
        }
        struct span name = node_name(n);
        struct key k = path[level];
        k.bytes[k.len] = '/';
        memcpy(k.bytes + k.len + 1, name.ptr, name.len);
        k.len = (uint8_t)(k.len + 1 + name.len);
        REQUIRE(m, at < t->count);
        REQUIRE(m, span_eq(key_span(&k), key_span(&t->node[at].path)));
        compare_node(m, n, &t->node[at++]);
        if (node_child_count(n) > 0) {
            level++;
            REQUIRE(m, level < (int)CP_COUNT(stack));
            path[level] = k;
            read_children(&stack[level], n);
        }
    }
    REQUIRE(m, at == t->count);
}

static void compare_lookups(struct model *m, const struct version *v, const struct twin *t)
{
    for (int i = 0; i < 8; i++) {
        struct key k = draw_path(m);
        const struct node *n = NULL;
        struct twin_node *want;
        size_t cause = 0, want_cause = 0;
        enum v2_code code = read_find(v, key_span(&k), &n, &cause);
        REQUIRE(m, code == twin_walk(t, &k, &want, &want_cause));
        if (code != V2_OK)
            REQUIRE(m, cause == want_cause);
        else if (want != NULL)
            compare_node(m, n, want);
    }
}

/* ---- steps ---- */

static void do_operation(struct model *m)
{
    struct drawn d;
    struct store_result r;
    struct twin_result t;
    draw_op(m, &d);
    store_apply(m->store, &d.op, m->now_ns, &r);
    twin_apply(&m->twin, &d.op, m->now_ns, &t);
    compare_result(m, &r, &t);
}

static void do_expiry(struct model *m)
{
    int64_t cutoff_ns = m->now_ns - (int64_t)draw(m, 5) * S;
    REQUIRE(m, store_next_expiry(m->store) <= twin_next_expiry(&m->twin));
    for (uint64_t most = draw(m, 8); most > 0; most--) {
        struct store_result r;
        struct twin_result t;
        bool any = store_expire_next(m->store, cutoff_ns, &r);
        REQUIRE(m, any == twin_expire(&m->twin, cutoff_ns, &t));
        if (!any)
            break;
        compare_result(m, &r, &t);
    }
}

static void twin_drop(struct twin **t)
{
    if (*t != NULL)
        twin_fini(*t);
    mem_free(*t);
    *t = NULL;
}

static void do_publish(struct model *m)
{
    store_publish(m->store);
    twin_drop(&m->published);
    m->published = twin_copy(&m->twin);
}

static void take_pin(struct model *m, unsigned i)
{
    struct pinned *p = &m->pin[i];
    *p = (struct pinned){store_pin(m->store, i), twin_copy(m->published), -1};
    REQUIRE(m, version_index(p->version) == m->published->index);
    if (chance(m, 3))
        p->long_pin = store_pin_keep(m->store, i);
}

static void drop_pin(struct model *m, unsigned i)
{
    struct pinned *p = &m->pin[i];
    compare_all(m, version_root(p->version), p->twin);
    if (p->long_pin >= 0)
        store_pin_release(m->store, p->long_pin);
    else
        store_unpin(m->store, i);
    p->version = NULL;
    twin_drop(&p->twin);
}

static void do_pin(struct model *m)
{
    unsigned i = (unsigned)draw(m, PINS);
    if (m->pin[i].version == NULL)
        take_pin(m, i);
    else
        drop_pin(m, i);
}

/* When all is reclaimed that can be, the memory is exactly that of the pinned versions and the
 * newest one: nothing is freed that a pin sees, and nothing is kept that none sees. */
static void check_reclaimed(struct model *m)
{
    do_publish(m);
    while (store_reclaim(m->store, UINT32_MAX)) {
    }
    struct blocks b = {0};
    blocks_add_version(&b, atomic_load(&m->store->pins.front->now));
    for (int i = 0; i < PINS; i++)
        if (m->pin[i].version != NULL)
            blocks_add_version(&b, m->pin[i].version);
    REQUIRE(m, blocks_bytes(&b) == m->store->draft.pool.live_bytes);
    blocks_fini(&b);
}

static void check_versions(struct model *m)
{
    store_check(m->store);
    compare_all(m, m->store->draft.root, &m->twin);
    for (int i = 0; i < PINS; i++) {
        if (m->pin[i].version == NULL)
            continue;
        compare_all(m, version_root(m->pin[i].version), m->pin[i].twin);
        compare_lookups(m, m->pin[i].version, m->pin[i].twin);
    }
}

static void step(struct model *m)
{
    m->now_ns += (int64_t)draw(m, 2) * S / 2;
    switch (draw(m, 24)) {
    case 0:
        do_expiry(m);
        break;
    case 1:
    case 2:
    case 3:
        do_publish(m);
        break;
    case 4:
    case 5:
        do_pin(m);
        break;
    case 6:
        store_reclaim(m->store, (unsigned)draw(m, 40));
        break;
    case 7:
        if (chance(m, 2))
            REQUIRE(m, store_burn(m->store) == ++m->twin.index);
        break;
    default:
        do_operation(m);
    }
    if (m->step % 32 == 31)
        check_versions(m);
    if (m->step % 64 == 63)
        check_reclaimed(m);
}

static void run_seed(uint64_t seed)
{
    static const unsigned names[] = {3, 8, 40, 300};
    static const unsigned rates[] = {3, 10, 40};
    struct model m = {.seed = seed, .random = seed, .now_ns = INT64_C(1790000000) * S};
    m.names = names[draw(&m, CP_COUNT(names))];
    m.depth = 1 + (unsigned)draw(&m, DEPTH - 1);
    m.style = (unsigned)draw(&m, 4);
    m.delete_in = rates[draw(&m, CP_COUNT(rates))];
    m.recursive_in = rates[draw(&m, CP_COUNT(rates))];
    int steps = seed % 10 == 0 ? LONG_STEPS : STEPS;
    m.store = store_new();
    m.published = twin_copy(&m.twin);
    for (m.step = 0; m.step < steps; m.step++)
        step(&m);
    check_versions(&m);
    for (unsigned i = 0; i < PINS; i++)
        if (m.pin[i].version != NULL)
            drop_pin(&m, i);
    check_reclaimed(&m);
    store_free(m.store);
    twin_drop(&m.published);
    twin_fini(&m.twin);
}

int main(void)
{
    const char *one = getenv("SEED"), *many = getenv("SEEDS");
    if (one != NULL) {
        run_seed(strtoull(one, NULL, 10));
        return 0;
    }
    uint64_t seeds = many != NULL ? strtoull(many, NULL, 10) : SEEDS;
    for (uint64_t seed = 1; seed <= seeds; seed++)
        run_seed(seed);
    printf("model_store: %" PRIu64 " seeds, pages of %d entries\n", seeds, STORE_FANOUT);
    return 0;
}
