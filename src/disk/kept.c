#include "disk/kept.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>

void kept_init(struct kept *k)
{
    *k = (struct kept){0};
    pthread_mutex_init(&k->lock, NULL);
}

void kept_fini(struct kept *k)
{
    mem_free(k->v);
    pthread_mutex_destroy(&k->lock);
}

void kept_add(struct kept *k, uint64_t sequence, uint64_t first_index)
{
    pthread_mutex_lock(&k->lock);
    if (k->n == k->cap) {
        k->cap = k->cap * 2 + 16;
        k->v = mem_realloc(k->v, k->cap * sizeof(*k->v));
    }
    CP_ASSERT(k->n == 0 || k->v[k->n - 1].sequence + 1 == sequence);
    k->v[k->n++] = (struct kept_segment){sequence, first_index};
    pthread_mutex_unlock(&k->lock);
}

/* The oldest, if it can go. Only the one behind it is asked: after entries were replaced a later
 * segment may begin with a lower index than an earlier one, and then the earlier has to wait. For
 * a removal may end after any of them, and then its successor's head is what the log begins with.
 */
static bool oldest(struct kept *k, uint64_t index, struct kept_segment *out)
{
    pthread_mutex_lock(&k->lock);
    bool can_go = k->n > 1 && k->v[1].first_index - 1 <= index;
    if (can_go)
        *out = k->v[0];
    pthread_mutex_unlock(&k->lock);
    return can_go;
}

static void drop_oldest(struct kept *k)
{
    pthread_mutex_lock(&k->lock);
    memmove(k->v, k->v + 1, --k->n * sizeof(*k->v));
    pthread_mutex_unlock(&k->lock);
}

int kept_purge(struct kept *k, const struct diskio *io, const char *dir, uint64_t index,
               size_t *removed)
{
    struct kept_segment s;
    *removed = 0;
    while (oldest(k, index, &s)) {
        char *path = segment_path(dir, s.sequence, s.first_index);
        int rv = io->unlink(io->ctx, path);
        /* Somebody removed it by hand: that is as good. */
        bool gone = rv == 0 || rv == -ENOENT;
        if (!gone)
            log_warn("wal.not_purged", LOG_S("file", path), LOG_S("reason", err_text(rv)));
        mem_free(path);
        if (!gone)
            return 0;
        rv = io->sync_dir(io->ctx, dir);
        if (rv < 0)
            return rv;
        drop_oldest(k);
        (*removed)++;
    }
    return 0;
}
