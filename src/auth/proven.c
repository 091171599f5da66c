#include "auth/proven.h"

#include "auth/basic.h"
#include "base/hash.h"

#include <string.h>

void proven_init(struct proven *p)
{
    memset(p, 0, sizeof(*p));
    rand_bytes(p->key, sizeof(p->key));
}

/* On the stack where it fits, which is nearly always. */
#define SHORT_BYTES 512

static char *add(char *at, struct span s)
{
    uint64_t len = s.len;

    memcpy(at, &len, sizeof(len));
    if (s.len > 0)
        memcpy(at + sizeof(len), s.ptr, s.len);
    return at + sizeof(len) + s.len;
}

struct proven_mark proven_mark(const struct proven *p, struct span user, struct span password,
                               struct span hash)
{
    char text[SHORT_BYTES];
    struct buf longer = {0};
    size_t n = 3 * sizeof(uint64_t) + user.len + password.len + hash.len;
    char *from = text;

    if (n > sizeof(text)) {
        buf_reserve(&longer, n);
        from = longer.ptr;
    }
    (void)add(add(add(from, user), password), hash);

    struct span all = span_make(from, n);
    struct proven_mark m = {{hash_keyed(p->key[0], all), hash_keyed(p->key[1], all)}};

    explicit_bzero(from, n);
    buf_fini(&longer);
    m.half[1] += m.half[0] == 0 && m.half[1] == 0; /* an empty place is no mark */
    return m;
}

/* All ways are looked at, whatever is in them. */
bool proven_has(const struct proven *p, struct proven_mark m)
{
    unsigned at = (unsigned)(m.half[0] & (PROVEN_SETS - 1)), found = 0;

    for (unsigned i = 0; i < PROVEN_WAYS; i++) {
        uint64_t a = atomic_load_explicit(&p->set[at].half[i][0], memory_order_relaxed);
        uint64_t b = atomic_load_explicit(&p->set[at].half[i][1], memory_order_relaxed);

        found |= ((a ^ m.half[0]) | (b ^ m.half[1])) == 0;
    }
    return found != 0;
}

void proven_add(struct proven *p, struct proven_mark m)
{
    unsigned at = (unsigned)(m.half[0] & (PROVEN_SETS - 1));

    if (proven_has(p, m))
        return;

    unsigned way =
        atomic_fetch_add_explicit(&p->set[at].next, 1, memory_order_relaxed) % PROVEN_WAYS;

    atomic_store_explicit(&p->set[at].half[way][0], m.half[0], memory_order_relaxed);
    atomic_store_explicit(&p->set[at].half[way][1], m.half[1], memory_order_relaxed);
}
