#include "cluster/consensus_msg.h"

#include "base/blob.h"
#include "base/mem.h"

/* The entries of an append lie behind the message, so that one allocation does. */
struct append_message {
    struct peer_message m;
    struct log_entry entries[];
};

struct peer_message *peer_message_new(enum peer_message_type type, uint64_t from, uint64_t to,
                                      unsigned n_entries)
{
    CP_ASSERT(type == PEER_APPEND || n_entries == 0);
    struct append_message *a = mem_zalloc(sizeof *a + n_entries * sizeof a->entries[0]);
    a->m.type = type;
    a->m.from = from;
    a->m.to = to;
    list_init(&a->m.link);
    if (type == PEER_APPEND) {
        a->m.append.entries = a->entries;
        a->m.append.n = n_entries;
    }
    if (type == PEER_SNAPSHOT)
        a->m.snapshot.mark = mem_zalloc(sizeof *a->m.snapshot.mark);
    return &a->m;
}

static void append_dup(struct peer_append *to, const struct peer_append *from,
                       struct log_entry *room)
{
    *to = *from;
    to->entries = room;
    for (unsigned i = 0; i < from->n; i++) {
        room[i] = from->entries[i];
        if (room[i].payload != NULL)
            blob_ref(room[i].payload);
    }
}

struct peer_message *peer_message_dup(const struct peer_message *m)
{
    unsigned n = m->type == PEER_APPEND ? m->append.n : 0;
    struct peer_message *d = peer_message_new(m->type, m->from, m->to, n);
    d->term = m->term;
    d->time_ns = m->time_ns;
    d->gate = m->gate;
    switch (m->type) {
    case PEER_VOTE:
        d->vote = m->vote;
        break;
    case PEER_VOTE_RESULT:
        d->vote_result = m->vote_result;
        break;
    case PEER_APPEND:
        append_dup(&d->append, &m->append, d->append.entries);
        break;
    case PEER_APPEND_RESULT:
        d->append_result = m->append_result;
        break;
    case PEER_SNAPSHOT:
        *d->snapshot.mark = *m->snapshot.mark;
        break;
    case PEER_TIMEOUT_NOW:
        d->timeout_now = m->timeout_now;
        break;
    }
    return d;
}

void peer_message_free(struct peer_message *m)
{
    if (m == NULL)
        return;
    if (m->type == PEER_APPEND)
        for (unsigned i = 0; i < m->append.n; i++)
            blob_unref(m->append.entries[i].payload);
    if (m->type == PEER_SNAPSHOT)
        mem_free(m->snapshot.mark);
    mem_free(m);
}
