#include "auth/throttle.h"

#include "base/hash.h"

void throttle_init(struct throttle *t, unsigned tries, uint64_t back_ns)
{
    t->tries = tries;
    t->back_ns = back_ns;
    t->n = 0;
    rand_bytes(t->key, sizeof(t->key));
}

/* Moves WHO, kept or new, to the front. */
static struct throttle_who *front(struct throttle *t, uint64_t who)
{
    struct throttle_who found = {.who = who};
    unsigned at = 0;

    while (at < t->n && t->kept[at].who != who)
        at++;
    if (at < t->n)
        found = t->kept[at];
    else if (t->n < THROTTLE_KEPT)
        t->n++;
    else
        at = t->n - 1;
    memmove(t->kept + 1, t->kept, at * sizeof(t->kept[0]));
    t->kept[0] = found;
    return &t->kept[0];
}

bool throttle_take(struct throttle *t, struct span who, uint64_t now_ns)
{
    struct throttle_who *w = front(t, hash_keyed(t->key, who));
    uint64_t full_ns = w->full_ns > now_ns ? w->full_ns : now_ns;

    if (full_ns + t->back_ns - now_ns > t->tries * t->back_ns)
        return false;
    w->full_ns = full_ns + t->back_ns;
    return true;
}

void throttle_give_back(struct throttle *t, struct span who)
{
    uint64_t name = hash_keyed(t->key, who);

    for (unsigned i = 0; i < t->n; i++) {
        if (t->kept[i].who == name && t->kept[i].full_ns >= t->back_ns)
            t->kept[i].full_ns -= t->back_ns;
    }
}
