#include "cluster/status.h"

#include "cluster/engine_priv.h"

uint64_t engine_count(const struct engine *e, enum engine_counter which)
{
    return atomic_load_explicit(&e->counters[which], memory_order_relaxed);
}

void engine_count_get(struct engine *e, unsigned slot, bool found)
{
    _Atomic uint64_t *counter = found ? &e->gets[slot].found : &e->gets[slot].missing;
    uint64_t n = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, n + 1, memory_order_relaxed); /* one writer a slot */
}

void engine_count_gets(const struct engine *e, uint64_t *found, uint64_t *missing)
{
    *found = *missing = 0;
    for (unsigned i = 0; i < STORE_SLOTS; i++) {
        *found += atomic_load_explicit(&e->gets[i].found, memory_order_relaxed);
        *missing += atomic_load_explicit(&e->gets[i].missing, memory_order_relaxed);
    }
}

void engine_status(struct engine *e, struct engine_status *out)
{
    *out = (struct engine_status){.name = blob_copy(e->conf.name),
                                  .member_id = e->member_id,
                                  .cluster_id = e->cluster_id,
                                  .start_ns = e->start_ns};
    pthread_mutex_lock(&e->lock);
    out->leader_id = e->leader_id;
    out->leader_since_ns = e->leader_since_ns;
    pthread_mutex_unlock(&e->lock);
    out->leading = out->leader_id == e->member_id;
}

/* Of a founder before the first commit: what the log says of it, which all founders began with. */
static struct blob *info_of(const struct engine *e, const struct member *m)
{
    const struct member *told = member_find(&e->hearsay.table, m->id);
    return m->info != NULL || told == NULL ? m->info : told->info;
}

unsigned engine_members(struct engine *e, struct member_ref out[LIMIT_MEMBERS])
{
    pthread_mutex_lock(&e->lock);
    unsigned n = e->members.n;
    for (unsigned i = 0; i < n; i++) {
        struct blob *published = info_of(e, &e->members.m[i]);
        out[i] = (struct member_ref){.id = e->members.m[i].id,
                                     .published = published != NULL ? blob_ref(published) : NULL};
    }
    pthread_mutex_unlock(&e->lock);
    return n;
}

bool engine_was_removed(struct engine *e, uint64_t id)
{
    pthread_mutex_lock(&e->lock);
    bool removed = member_was_removed(&e->members, id) && member_leaving(&e->members, id) == NULL;
    pthread_mutex_unlock(&e->lock);
    return removed;
}
