#include "sim.h"

#include "base/mem.h"

uint64_t disk_append(struct disk *d, struct record r)
{
    if (d->n == d->cap) {
        d->cap = d->cap == 0 ? 256 : d->cap * 2;
        d->records = mem_realloc(d->records, d->cap * sizeof *d->records);
    }
    if (r.entry.payload != NULL)
        blob_ref(r.entry.payload);
    d->records[d->n++] = r;
    return d->n;
}

static unsigned sync_time(const struct node *n)
{
    unsigned t = 1 + sim_below(sim->fsync_max);
    if (sim->spikes && sim_chance(10))
        t += sim_below(200);
    if (sim->slow[n->id])
        t += sim_below(150);
    return t;
}

void disk_begin_sync(struct node *n)
{
    struct disk *d = &n->disk;
    if (d->syncing || d->durable >= d->n)
        return;
    d->syncing = true;
    d->syncing_to = d->n;
    sim_push((struct event_item){
        .at = sim->now + sync_time(n), .type = EV_FSYNC, .node = n->id, .life = n->life});
}

bool disk_holds(const struct disk *d, uint64_t index, uint64_t term)
{
    if (index <= d->snapshot.index)
        return true;
    for (uint64_t i = d->durable; i-- > 0;)
        if (d->records[i].type == REC_ENTRY && d->records[i].a == index)
            return d->records[i].b == term;
    return false;
}

static void cut(struct disk *d, uint64_t keep)
{
    for (; d->n > keep; d->n--)
        blob_unref(d->records[d->n - 1].entry.payload);
}

/* Any part of what was not synced may be there. */
void disk_crash(struct disk *d)
{
    cut(d, d->durable + sim_below((unsigned)(d->n - d->durable) + 1));
    d->durable = d->n;
    d->syncing = false;
}

void disk_reset(struct disk *d)
{
    cut(d, 0);
    mem_free(d->records);
    *d = (struct disk){0};
}

void disk_replay(struct node *n, uint64_t *term, uint64_t *vote)
{
    mirror_reset(&n->log, 0, 0);
    *term = *vote = 0;
    for (uint64_t i = 0; i < n->disk.n; i++) {
        const struct record *r = &n->disk.records[i];
        switch (r->type) {
        case REC_STATE:
            *term = r->a;
            *vote = r->b;
            break;
        case REC_ENTRY:
            mirror_put(&n->log, r->a, &r->entry);
            break;
        case REC_MARK:
            mirror_reset(&n->log, r->a, r->b);
            break;
        }
    }
}

void mirror_reset(struct mirror *m, uint64_t base, uint64_t base_term)
{
    for (uint64_t i = m->base + 1; i <= m->last; i++)
        blob_unref(m->entries[i - m->base - 1].payload);
    m->base = m->last = base;
    m->base_term = base_term;
}

void mirror_put(struct mirror *m, uint64_t index, const struct log_entry *e)
{
    for (; m->last >= index && m->last > m->base; m->last--)
        blob_unref(m->entries[m->last - m->base - 1].payload);
    if (index != m->last + 1)
        sim_fail("LOG-GAP index %lu behind %lu", index, m->last);
    if (m->last - m->base == m->cap) {
        m->cap = m->cap == 0 ? 64 : m->cap * 2;
        m->entries = mem_realloc(m->entries, m->cap * sizeof *m->entries);
    }
    m->entries[m->last++ - m->base] = *e;
    blob_ref(e->payload);
}

void mirror_trim(struct mirror *m, uint64_t base)
{
    if (base <= m->base || base > m->last)
        return;
    uint64_t term = mirror_term(m, base);
    for (uint64_t i = m->base + 1; i <= base; i++)
        blob_unref(m->entries[i - m->base - 1].payload);
    memmove(m->entries, m->entries + (base - m->base), (m->last - base) * sizeof *m->entries);
    m->base = base;
    m->base_term = term;
}

const struct log_entry *mirror_get(const struct mirror *m, uint64_t index)
{
    return index > m->base && index <= m->last ? &m->entries[index - m->base - 1] : NULL;
}

uint64_t mirror_term(const struct mirror *m, uint64_t index)
{
    if (index == m->base)
        return m->base_term;
    const struct log_entry *e = mirror_get(m, index);
    return e == NULL ? 0 : e->term;
}
