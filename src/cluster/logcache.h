/* logcache: the entries that the core may still ask for, from base + 1 to last, with the log
 * sequence number of each. They stand in pages, found through a ring of pointers, so look-ups are
 * one step and no change is large, however many entries there are: a longer log takes a page more,
 * and those that are trimmed are freed a few at a time.
 *
 *      kept+1            base        base+1                      last
 *      … to be freed …   (term)   [ term type lsn payload ] … [ … ]
 *
 * Knows nothing of libraft. */
#pragma once

#include "cluster/entry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cached_entry {
    struct log_entry entry;
    uint64_t lsn; /* 0: was durable at start */
};

struct logcache {
    struct cached_entry **pages; /* NULL where no entry is */
    uint64_t room;               /* of pages: 0 or a power of two */
    uint64_t kept;               /* up to base they wait for logcache_reclaim */
    uint64_t base, base_term;
    uint64_t last;
};

/* Empty, the next entry is BASE + 1. */
void logcache_init(struct logcache *l, uint64_t base, uint64_t base_term);
void logcache_fini(struct logcache *l);
/* Drops everything. */
void logcache_reset(struct logcache *l, uint64_t base, uint64_t base_term);
/* Appends at last + 1; shares the payload. */
void logcache_push(struct logcache *l, const struct log_entry *e, uint64_t lsn);
/* Drops INDEX and all behind it. */
void logcache_truncate(struct logcache *l, uint64_t index);
/* Drops all before FIRST, base becomes FIRST - 1. FIRST at most last + 1. Their memory is given
 * back by logcache_reclaim. */
void logcache_trim(struct logcache *l, uint64_t first);
/* Frees up to N of what was trimmed; true when there is more. */
bool logcache_reclaim(struct logcache *l, unsigned n);
/* NULL when INDEX is not held. Valid until the next change. */
const struct cached_entry *logcache_get(const struct logcache *l, uint64_t index);
/* Term of INDEX, base included; 0 when unknown. */
uint64_t logcache_term(const struct logcache *l, uint64_t index);
