#include "cluster/peers.h"

#include "base/log.h"
#include "base/mem.h"
#include "cluster/backlog.h"
#include "cluster/engine_priv.h"

/* ---- out ---- */

static bool pass(struct engine *e, struct peer_message *m)
{
    const struct wire *wire = e->conf.wire;
    struct frame *f = frame_new(FRAME_MESSAGE, e->member_id, m->to);
    f->message = m;
    m->time_ns = timekeeper_known(&e->time);
    bool sent = m->type == PEER_SNAPSHOT
                    ? wire->send_snapshot(wire->ctx, m->to, &f, m->snapshot.mark->index,
                                          m->snapshot.mark->term)
                    : wire->send(wire->ctx, m->to, &f);
    if (!sent)
        frame_free(f); /* as good as lost on the way: consensus sends it again */
    return sent;
}

static bool send_message(struct engine *e, struct peer_message *m)
{
    if (m->type != PEER_APPEND)
        return pass(e, m);
    uint64_t to = m->to;
    unsigned entries = m->append.n;
    size_t bytes = traffic_bytes(m);
    bool sent = pass(e, m);
    traffic_sent(e, to, entries, bytes, sent);
    return sent;
}

/* Entries FROM to TO of M, as a message of its own. */
static struct peer_message *cut(const struct peer_message *m, unsigned from, unsigned to)
{
    struct peer_message *p = peer_message_new(PEER_APPEND, m->from, m->to, to - from);
    const struct log_entry *entries = m->append.entries;
    p->term = m->term;
    p->append.prev_index = m->append.prev_index + from;
    p->append.prev_term = from > 0 ? entries[from - 1].term : m->append.prev_term;
    p->append.commit = m->append.commit;
    for (unsigned i = from; i < to; i++) {
        p->append.entries[i - from] = entries[i];
        blob_ref(entries[i].payload);
    }
    return p;
}

/* The core counts entries, a frame bytes: an append that is too long for one goes as several. All
 * of it must go, for the core counts on every entry that it gave. */
static void send_append(struct engine *e, struct peer_message *m)
{
    const struct log_entry *entries = m->append.entries;
    unsigned from = 0, n = m->append.n;
    bool sent = true;
    while (sent && from < n) {
        size_t bytes = entries[from].payload->len;
        unsigned to = from + 1;
        while (to < n && bytes + entries[to].payload->len <= LIMIT_APPEND_BYTES)
            bytes += entries[to++].payload->len;
        if (from == 0 && to == n) {
            (void)send_message(e, m);
            return;
        }
        sent = send_message(e, cut(m, from, to));
        from = to;
    }
    peer_message_free(m);
}

void peers_send(struct engine *e, struct peer_message *m)
{
    if (m->type == PEER_APPEND && m->append.n > 0)
        send_append(e, m);
    else
        (void)send_message(e, m);
}

/* ---- in ---- */

/* Any thread. Adds N to what waits; false: there is no room. What is small goes first: a leader
 * must not fall silent behind somebody's bulk. */
static bool take_room(struct engine *e, size_t n)
{
    size_t waiting = atomic_load_explicit(&e->frame_bytes, memory_order_relaxed);
    do {
        if (n > LIMIT_SMALL_FRAME && waiting + n > LIMIT_ENGINE_FRAME_BYTES)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&e->frame_bytes, &waiting, waiting + n,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

static void leave_room(struct engine *e, const struct frame *f)
{
    atomic_fetch_sub_explicit(&e->frame_bytes, frame_bytes(f), memory_order_relaxed);
}

/* Any thread. What consensus has sent it sends again; who has forwarded writes is told that they
 * were not taken, and does not wait for them in vain. */
static void shed(struct engine *e, struct frame *f)
{
    struct frame *refusal = f->type == FRAME_FORWARD ? forward_refusal(f) : NULL;
    log_seldom(LOG_WARN, "peer.frame_dropped", LOG_X("from", f->from),
               LOG_U("bytes", frame_bytes(f)),
               LOG_S("reason", "more waits for the engine than it may"));
    frame_free(f);
    if (refusal == NULL)
        return;
    refusal->mail.kind = MAIL_REFUSAL;
    if (!mailbox_post(&e->box, &refusal->mail))
        frame_free(refusal);
}

void engine_receive(struct engine *e, struct frame *f)
{
    f->mail.kind = MAIL_FRAME;
    if (!take_room(e, frame_bytes(f))) {
        shed(e, f);
    } else if (!mailbox_post(&e->box, &f->mail)) {
        leave_room(e, f);
        frame_free(f);
    }
}

void peers_refuse(struct engine *e, struct frame *refusal)
{
    const struct wire *wire = e->conf.wire;
    if (wire == NULL || !wire->send(wire->ctx, refusal->to, &refusal))
        frame_free(refusal);
}

void peers_drop(struct engine *e, struct frame *f)
{
    leave_room(e, f);
    frame_free(f);
}

static void receive_message(struct engine *e, struct frame *f)
{
    struct peer_message *m = f->message;
    f->message = NULL;
    if (m->from != f->from) {
        peer_message_free(m);
        return;
    }
    bool of_leader = (m->type == PEER_APPEND || m->type == PEER_SNAPSHOT) &&
                     m->term >= consensus_term(e->consensus);
    timekeeper_hear(&e->time, m->time_ns, of_leader);
    traffic_received(e, m);
    if (m->type == PEER_APPEND && m->append.n > 0)
        backlog_cut(e, m);
    consensus_receive(e->consensus, m, engine_mono_ms(e));
}

void peers_receive(struct engine *e, struct frame *f)
{
    leave_room(e, f);
    if (f->to == e->member_id && f->from != e->member_id) {
        switch (f->type) {
        case FRAME_MESSAGE:
            receive_message(e, f);
            break;
        case FRAME_FORWARD:
            forward_receive(e, f);
            break;
        case FRAME_REFUSED:
            forward_refused(e, f);
            break;
        case FRAME_READ:
        case FRAME_READ_INDEX:
        case FRAME_CONFIRM:
        case FRAME_CONFIRMED:
            reads_receive(e, f);
            break;
        }
    }
    frame_free(f);
}

/* ---- whom to talk to ---- */

struct peer_list {
    unsigned n;
    struct wire_peer v[WIRE_PEERS];
};

static struct wire_peer *peer_of(struct peer_list *list, uint64_t id, bool add)
{
    for (unsigned i = 0; i < list->n; i++)
        if (list->v[i].id == id)
            return &list->v[i];
    if (!add)
        return NULL;
    CP_ASSERT(list->n < CP_COUNT(list->v));
    list->v[list->n] = (struct wire_peer){.id = id};
    return &list->v[list->n++];
}

static void add_member(struct peer_list *list, const struct member *m)
{
    struct command_member info;
    struct wire_peer *p = peer_of(list, m->id, true);
    member_read(m->info, &info);
    if (info.n_peer_urls == 0)
        return;
    p->n_urls = info.n_peer_urls;
    memcpy(p->urls, info.peer_urls, p->n_urls * sizeof(p->urls[0]));
}

static void learn(struct member_table *t, const struct log_entry *entry)
{
    struct consensus_members members;
    struct command c;
    unsigned indexes;
    if (entry->type == ENTRY_CHANGE &&
        consensus_members_decode(blob_span(entry->payload), &members) == 0)
        for (unsigned i = 0; i < members.n; i++)
            if (!member_was_removed(t, members.m[i].id))
                (void)member_add(t, members.m[i].id);
    if (entry->type == ENTRY_COMMAND && command_decode(blob_span(entry->payload), &c, NULL) == 0 &&
        (c.kind == COMMAND_MEMBER || c.kind == COMMAND_MEMBER_ADD ||
         c.kind == COMMAND_MEMBER_REMOVE || c.kind == COMMAND_MEMBER_UPDATE))
        (void)member_apply(t, &c, &indexes);
}

void peers_foresee(const struct engine *e, const struct log_entry *entries, size_t n,
                   struct member_table *t)
{
    for (unsigned i = 0; i < e->members.n_removed; i++)
        (void)member_forbid(t, e->members.removed[i]);
    for (unsigned i = 0; i < e->members.n; i++) {
        const struct member *m = &e->members.m[i];
        if (member_add(t, m->id) && m->info != NULL)
            member_restore(t, m->id, m->info);
    }
    for (size_t i = 0; i < n; i++)
        learn(t, &entries[i]);
}

void peers_learn(struct engine *e, const struct log_entry *entries, size_t n)
{
    struct hearsay *h = &e->hearsay;
    if (n == 0 || e->conf.wire == NULL)
        return;
    peers_foresee(e, entries, n, &h->table);
    h->until = consensus_last_index(e->consensus);
}

/* Newer than the table as long as it serves. */
static void add_hearsay(struct engine *e, struct peer_list *list)
{
    struct hearsay *h = &e->hearsay;
    if (h->until != 0 && e->applied_index >= h->until) {
        pthread_mutex_lock(&e->lock);
        member_table_fini(&h->table);
        pthread_mutex_unlock(&e->lock);
        h->until = 0;
    }
    for (unsigned i = 0; i < h->table.n; i++)
        add_member(list, &h->table.m[i]);
    /* Who was removed votes until the configuration says so, and may be the one that is needed. */
    for (unsigned i = 0; i < h->table.n_leaving; i++)
        if (peer_of(list, h->table.leaving[i].id, false) != NULL)
            add_member(list, &h->table.leaving[i]);
}

/* All of the table, those who were removed from it as long as they are in the configuration, and
 * whoever else is in that. */
static void add_known(struct engine *e, struct peer_list *list)
{
    struct consensus_members now;
    for (unsigned i = 0; i < e->members.n; i++)
        add_member(list, &e->members.m[i]);
    for (unsigned i = 0; i < e->members.n_leaving; i++)
        add_member(list, &e->members.leaving[i]);
    consensus_members(e->consensus, &now);
    for (unsigned i = 0; i < now.n; i++)
        (void)peer_of(list, now.m[i].id, true);
}

/* Where the others are, as this member was told at its start, counts for those that the table does
 * not know the URLs of: before the first entries are committed, and where nothing is in the log
 * yet. One that joins was told of the members of now: until it has come to its own place in the
 * log, those in its table may all have gone since. */
static void add_told(struct engine *e, struct peer_list *list)
{
    bool joining = e->conf.joins && member_find(&e->members, e->member_id) == NULL;
    bool all = list->n == 0 || joining;
    for (unsigned i = 0; i < e->conf.n_founders; i++) {
        const struct founder *f = &e->conf.founders[i];
        struct wire_peer *p = peer_of(list, f->id, all && list->n < CP_COUNT(list->v));
        if (p == NULL || p->n_urls > 0)
            continue;
        for (unsigned k = 0; k < f->n_peer_urls; k++)
            p->urls[p->n_urls++] = f->peer_urls[k];
    }
}

void peers_turn(struct engine *e)
{
    if (!e->peers_changed || e->conf.wire == NULL)
        return;
    struct peer_list *list = mem_zalloc(sizeof(*list));
    e->peers_changed = false;
    add_known(e, list);
    add_hearsay(e, list);
    add_told(e, list);
    for (unsigned i = 0; i < list->n; i++)
        if (list->v[i].id == e->member_id)
            list->v[i] = list->v[--list->n];
    e->conf.wire->peers(e->conf.wire->ctx, list->v, list->n);
    mem_free(list);
}

struct loss {
    struct mail mail; /* first: whoever drops it frees it */
    uint64_t peer;
};

void engine_lost(struct engine *e, uint64_t peer)
{
    struct loss *l = mem_zalloc(sizeof(*l));
    l->mail.kind = MAIL_LOST;
    l->peer = peer;
    if (!mailbox_post(&e->box, &l->mail))
        mem_free(l); /* an election timeout tells the same */
}

void peers_lost(struct engine *e, struct mail *mail)
{
    struct loss *l = CP_CONTAINER_OF(mail, struct loss, mail);
    consensus_lost(e->consensus, l->peer, engine_mono_ms(e));
    mem_free(l);
}
