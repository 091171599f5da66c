#include "cluster/gather.h"

#include "base/mem.h"
#include "codec/command.h"

void gather_cut(struct gather *r, size_t keep)
{
    while (r->n > keep)
        blob_unref(r->entries[--r->n].payload);
}

static void keep_entry(struct gather *r, const struct wal_record *rec)
{
    gather_cut(r, (size_t)(rec->entry.index - r->reach.base_index - 1));
    if (r->n == r->cap) {
        r->cap = r->cap > 0 ? r->cap * 2 : 1024;
        r->entries = mem_realloc(r->entries, r->cap * sizeof(*r->entries));
    }
    r->entries[r->n++] = (struct log_entry){.term = rec->entry.term,
                                            .type = (enum entry_type)rec->entry.kind,
                                            .payload = blob_copy(rec->entry.payload)};
}

/* Refuses what this program does not know, before anything is applied. */
static int look(struct gather *r, const struct wal_record *rec, struct err *err)
{
    struct command c = {.stamp_ns = 0};
    int rv = 0;
    if (rec->entry.kind == ENTRY_COMMAND)
        rv = command_decode(rec->entry.payload, &c, err);
    else if (rec->entry.kind != ENTRY_CHANGE && rec->entry.kind != ENTRY_BARRIER)
        rv = err_set(err, ERR_VERSION, "of kind %u: written by a later version", rec->entry.kind);
    if (rv != 0) {
        err_add(err, rv == ERR_VERSION ? "; start a version of copse that knows it"
                                       : "; " GATHER_WHAT_TO_DO);
        return err_wrap(err, "entry %llu", (unsigned long long)rec->entry.index);
    }
    if (c.stamp_ns > r->last_stamp_ns)
        r->last_stamp_ns = c.stamp_ns;
    return 0;
}

int gather_record(struct gather *r, const struct wal_record *rec, struct err *err)
{
    int rv = log_reach_record(&r->reach, rec, err);
    if (rv != 0) {
        err_add(err, "; " GATHER_WHAT_TO_DO);
        return rv;
    }
    bool kept = rec->type == WAL_ENTRY && rec->entry.index > r->reach.base_index;
    if (kept)
        keep_entry(r, rec);
    else if (rec->type == WAL_ENTRY || rec->type == WAL_MARK)
        gather_cut(r, 0);
    CP_ASSERT(r->n == r->reach.entries);
    return kept ? look(r, rec, err) : 0;
}

void gather_fini(struct gather *r)
{
    gather_cut(r, 0);
    mem_free(r->entries);
    *r = (struct gather){.n = 0};
}
