#include "cluster/backlog.h"

#include "base/log.h"
#include "cluster/engine_priv.h"

/* Of what may wait before wal_append does: the other half stays for terms, votes and marks, and for
 * entries that take the place of those we have. */
#define ENTRIES_BYTES (WAL_PENDING_BYTES / 2)

_Static_assert(ENTRIES_BYTES >= LIMIT_ENTRY_BYTES + WAL_RECORD_BYTES, "each entry fits alone");

unsigned backlog_fits(struct engine *e, const struct log_entry *entries, unsigned n)
{
    size_t bytes = wal_pending(e->wal);
    unsigned i = 0;
    while (i < n && bytes + entries[i].payload->len + WAL_RECORD_BYTES <= ENTRIES_BYTES)
        bytes += entries[i++].payload->len + WAL_RECORD_BYTES;
    if (i < n)
        log_seldom(LOG_WARN, "wal.behind", LOG_U("bytes", bytes),
                   LOG_S("effect", "new writes wait until the disk has taken those before them"),
                   LOG_S("do", "look after the disk, if this goes on"));
    return i;
}

void backlog_cut(struct engine *e, struct peer_message *m)
{
    uint64_t last = consensus_last_index(e->consensus), prev = m->append.prev_index;
    unsigned known = 0;
    if (prev < last)
        known = last - prev < m->append.n ? (unsigned)(last - prev) : m->append.n;
    unsigned keep = known + backlog_fits(e, m->append.entries + known, m->append.n - known);
    if (keep == m->append.n)
        return;
    while (m->append.n > keep)
        blob_unref(m->append.entries[--m->append.n].payload);
    if (m->append.commit > prev + keep)
        m->append.commit = prev + keep;
}
