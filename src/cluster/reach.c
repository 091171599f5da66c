#include "cluster/reach.h"

#include "cluster/consensus.h"
#include "codec/command.h"

#include <inttypes.h>

int log_reach_record(struct log_reach *r, const struct wal_record *record, struct err *e)
{
    uint64_t last = r->base_index + r->entries;
    switch (record->type) {
    case WAL_IDENTITY:
        break;
    case WAL_STATE:
        r->term = record->state.term;
        r->vote = record->state.vote;
        break;
    case WAL_ENTRY:
        if (record->entry.index <= r->base_index) {
            r->entries = 0;
            r->seen_base = record->entry.index == r->base_index;
            r->seen_term = record->entry.term;
        } else if (record->entry.index > last + 1) {
            return err_set(e, ERR_CORRUPT,
                           "entry %" PRIu64 " follows entry %" PRIu64 ": those between are lost",
                           record->entry.index, last);
        } else {
            r->entries = record->entry.index - r->base_index;
        }
        break;
    case WAL_MARK:
        if (record->mark.index > r->base_index)
            return err_set(e, ERR_CORRUPT,
                           "the log begins behind entry %" PRIu64
                           ", and the newest good snapshot holds up to entry %" PRIu64
                           ": what lies between is lost",
                           record->mark.index, r->base_index);
        r->entries = 0;
        r->seen_base = record->mark.index == r->base_index;
        r->seen_term = record->mark.term;
        break;
    }
    return 0;
}

uint64_t log_reach_last(const struct log_reach *r)
{
    bool agree = r->base_index == 0 || !r->seen_base || r->seen_term == r->base_term;
    return r->base_index + (agree ? r->entries : 0);
}

int log_reach_check(const struct wal_record *entry, struct err *e)
{
    struct consensus_members members;
    struct command c;
    int rv = 0;
    CP_ASSERT(entry->type == WAL_ENTRY);
    switch (entry->entry.kind) {
    case ENTRY_COMMAND:
        rv = command_decode(entry->entry.payload, &c, e);
        break;
    case ENTRY_CHANGE:
        rv = consensus_members_decode(entry->entry.payload, &members);
        if (rv != 0)
            err_set(e, rv, "a list of members that cannot be read");
        break;
    case ENTRY_BARRIER:
        break;
    default:
        rv = err_set(e, ERR_VERSION, "an entry of a kind that this program does not know");
    }
    return rv != 0 ? err_wrap(e, "entry %" PRIu64, entry->entry.index) : 0;
}
