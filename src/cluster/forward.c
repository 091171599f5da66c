/* A command that was sent in a term stands in the log before the first entry of a later term, or
 * never will: the leader takes forwarded commands only in the term that their sender had in mind,
 * and terms in a log do not fall. So once such an entry is applied here, what has not been is lost
 * for certain, and may be sent once more. */
#include "cluster/engine_priv.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/backlog.h"

#define SUBMIT_MAX 8192 /* entries in one submit */
#define RETRY_MS   20

#define CAUSE_BUSY "etcdserver: too many requests"

void forward_init(struct engine *e)
{
    e->forwarding.session = rand_u64();
}

void forward_fini(struct engine *e)
{
    for (size_t i = 0; i < e->batch.n; i++)
        blob_unref(e->batch.entries[i].payload);
    mem_free(e->batch.entries);
    mem_free(e->batch.tickets);
}

/* ---- the batch ---- */

static void push(struct engine *e, struct blob *command, const struct ticket *t)
{
    struct batch *b = &e->batch;
    if (b->n == b->cap) {
        b->cap = b->cap > 0 ? b->cap * 2 : 256;
        b->entries = mem_realloc(b->entries, b->cap * sizeof(*b->entries));
        b->tickets = mem_realloc(b->tickets, b->cap * sizeof(*b->tickets));
    }
    b->entries[b->n] = (struct log_entry){.type = ENTRY_COMMAND, .payload = command};
    b->tickets[b->n++] = *t;
}

/* Alone, nothing is lost or refused that could be sent again; nor when others come to vote, who
 * have what is in the log by then. */
static bool is_alone(const struct engine *e)
{
    return atomic_load_explicit(&e->pub_alone, memory_order_relaxed);
}

void forward_add(struct engine *e, struct proposal *p)
{
    struct blob *command = p->command;
    if (e->batch.n >= LIMIT_ENGINE_MAIL) {
        engine_fail(e, p, CAUSE_BUSY);
        return;
    }
    struct ticket t = {.origin = e->member_id, .request = waiting_add(&e->waiting, p)};
    command_address(command, t.origin, t.request);
    p->command = is_alone(e) ? NULL : blob_ref(command);
    p->term = 0;
    push(e, command, &t);
}

void forward_add_own(struct engine *e, struct blob *command)
{
    struct ticket t = {.request = waiting_add(&e->waiting, NULL)};
    command_address(command, e->member_id, t.request);
    push(e, command, &t);
}

/* Once more, in bytes of its own: those sent before may be in a log or on a wire. */
static void add_again(struct engine *e, struct proposal *p, uint64_t request)
{
    struct ticket t = {.origin = e->member_id, .request = request};
    struct blob *command = blob_copy(blob_span(p->command));
    blob_unref(p->command);
    p->command = blob_ref(command);
    p->term = 0;
    push(e, command, &t);
}

/* Drops what nobody waits for any more, and with OWN false what nobody ever did; and all of the
 * first FROM entries. */
static void keep(struct engine *e, size_t from, bool own)
{
    struct batch *b = &e->batch;
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        const struct ticket *t = &b->tickets[i];
        bool stays = t->origin == e->member_id ? waiting_get(&e->waiting, t->request) != NULL
                                               : t->origin == 0 && own;
        if (t->origin == 0 && !stays)
            e->expiring = false; /* it may have been that */
        if (i >= from && stays) {
            b->entries[n] = b->entries[i];
            b->tickets[n++] = *t;
        } else {
            blob_unref(b->entries[i].payload);
        }
    }
    b->n = n;
}

/* ---- refusals to other members ---- */

static void refuse(struct engine *e, const struct ticket *t, uint64_t *requests, unsigned n)
{
    struct frame *f = frame_new(FRAME_REFUSED, e->member_id, t->origin);
    f->refused.session = t->session;
    f->refused.number = t->number;
    f->refused.n = n;
    f->refused.requests = requests;
    if (!e->conf.wire->send(e->conf.wire->ctx, t->origin, &f))
        frame_free(f); /* they hear nothing, and their clients time out */
}

/* Refuses what others have sent among the first N of the batch, a frame of theirs at a time. */
static void refuse_foreign(struct engine *e, size_t n)
{
    const struct ticket *t = e->batch.tickets;
    for (size_t i = 0, k; i < n; i = k) {
        for (k = i + 1; k < n && t[k].origin == t[i].origin && t[k].number == t[i].number;)
            k++;
        if (t[i].origin == 0 || t[i].origin == e->member_id)
            continue;
        uint64_t *requests = mem_alloc((k - i) * sizeof(*requests));
        for (size_t j = i; j < k; j++)
            requests[j - i] = t[j].request;
        refuse(e, &t[i], requests, (unsigned)(k - i));
    }
}

/* ---- as leader ---- */

/* The first N are in the log. */
static void submitted(struct engine *e, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct ticket *t = &e->batch.tickets[i];
        struct proposal *p =
            t->origin == e->member_id ? waiting_get(&e->waiting, t->request) : NULL;
        if (p != NULL && p->command != NULL) {
            p->term = e->batch.entries[i].term;
            p->number = 0;
        }
    }
}

/* The first N were refused for good. */
static void fail(struct engine *e, size_t n, const char *cause)
{
    for (size_t i = 0; i < n; i++) {
        const struct ticket *t = &e->batch.tickets[i];
        struct proposal *p =
            t->origin == e->member_id ? waiting_take(&e->waiting, t->request) : NULL;
        if (p != NULL)
            engine_fail(e, p, cause);
    }
}

/* The term may have moved since a frame came in. */
static void drop_other_terms(struct engine *e)
{
    struct batch *b = &e->batch;
    uint64_t term = consensus_term(e->consensus);
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        struct ticket *t = &b->tickets[i];
        if (t->origin != 0 && t->origin != e->member_id && t->term != term) {
            uint64_t *request = mem_dup(&t->request, sizeof(*request));
            refuse(e, t, request, 1);
            blob_unref(b->entries[i].payload);
            continue;
        }
        b->entries[n] = b->entries[i];
        b->tickets[n++] = *t;
    }
    b->n = n;
}

/* True when all of it is settled. */
static bool submit(struct engine *e)
{
    struct batch *b = &e->batch;
    bool alone = is_alone(e);
    if (!alone)
        drop_other_terms(e);
    while (b->n > 0) {
        int64_t stamp_ns = timekeeper_now(&e->time);
        size_t n = backlog_fits(e, b->entries, b->n < SUBMIT_MAX ? (unsigned)b->n : SUBMIT_MAX);
        if (n == 0)
            return false;
        for (size_t i = 0; i < n; i++)
            command_stamp(b->entries[i].payload, stamp_ns);
        uint64_t first;
        int rv = consensus_submit(e->consensus, b->entries, (unsigned)n, engine_mono_ms(e), &first);
        if (rv == ERR_NOT_LEADER || rv == ERR_BUSY)
            return false;
        if (rv != 0) {
            refuse_foreign(e, n);
            fail(e, n, err_text(rv));
            e->expiring = false;
        } else if (!alone) {
            submitted(e, n);
        }
        for (size_t i = 0; i < n; i++)
            blob_unref(b->entries[i].payload);
        b->n -= n;
        memmove(b->entries, b->entries + n, b->n * sizeof(*b->entries));
        memmove(b->tickets, b->tickets + n, b->n * sizeof(*b->tickets));
    }
    return true;
}

/* ---- as follower ---- */

/* Sends entries FROM to TO of the batch; false: certainly not sent. */
static bool send_forward(struct engine *e, uint64_t leader, size_t from, size_t to)
{
    const struct batch *b = &e->batch;
    struct frame *f = frame_new(FRAME_FORWARD, e->member_id, leader);
    f->forward.session = e->forwarding.session;
    f->forward.number = ++e->forwarding.number;
    f->forward.term = consensus_term(e->consensus);
    f->forward.n = (unsigned)(to - from);
    f->forward.commands = mem_alloc((to - from) * sizeof(*f->forward.commands));
    for (size_t i = from; i < to; i++)
        f->forward.commands[i - from] = blob_ref(b->entries[i].payload);
    if (!e->conf.wire->send(e->conf.wire->ctx, leader, &f)) {
        frame_free(f);
        return false;
    }
    for (size_t i = from; i < to; i++) {
        struct proposal *p = waiting_get(&e->waiting, b->tickets[i].request);
        if (p != NULL && p->command != NULL) {
            p->term = consensus_term(e->consensus);
            p->number = e->forwarding.number;
        }
    }
    return true;
}

static void forward_all(struct engine *e, uint64_t leader)
{
    const struct batch *b = &e->batch;
    keep(e, 0, true);
    for (size_t from = 0, to; from < b->n; from = to) {
        size_t bytes = b->entries[from].payload->len;
        for (to = from + 1; to < b->n && bytes + b->entries[to].payload->len <= LIMIT_APPEND_BYTES;
             to++)
            bytes += b->entries[to].payload->len;
        if (!send_forward(e, leader, from, to)) {
            keep(e, from, false);
            return;
        }
    }
    keep(e, b->n, false);
}

/* ---- what comes in ---- */

/* Remembers the frame; false when it was seen before. */
static bool is_new(struct forwarding *w, const struct frame *f)
{
    unsigned i = 0;
    while (i < w->n_seen && w->seen[i].from != f->from)
        i++;
    if (i == w->n_seen) {
        if (i == LIMIT_MEMBERS)
            i = 0; /* members come and go: a place is lost, not safety, for a stream never repeats
                    */
        else
            w->n_seen++;
        w->seen[i].from = f->from;
        w->seen[i].session = f->forward.session;
        w->seen[i].number = 0;
    }
    if (w->seen[i].session != f->forward.session) {
        w->seen[i].session = f->forward.session;
        w->seen[i].number = 0;
    }
    if (f->forward.number <= w->seen[i].number)
        return false;
    w->seen[i].number = f->forward.number;
    return true;
}

void forward_receive(struct engine *e, struct frame *f)
{
    struct ticket t = {.origin = f->from,
                       .session = f->forward.session,
                       .number = f->forward.number,
                       .term = f->forward.term};
    if (!is_new(&e->forwarding, f))
        return;
    size_t before = e->batch.n;
    for (unsigned i = 0; i < f->forward.n; i++) {
        struct command c;
        if (command_decode(blob_span(f->forward.commands[i]), &c, NULL) != 0 ||
            c.origin != f->from) {
            log_warn("forward.malformed", LOG_X("from", f->from));
            continue;
        }
        t.request = c.request;
        push(e, f->forward.commands[i], &t);
        f->forward.commands[i] = NULL;
    }
    if (consensus_role(e->consensus) == CONSENSUS_LEADER &&
        consensus_term(e->consensus) == t.term && e->batch.n <= LIMIT_ENGINE_MAIL &&
        atomic_load(&e->log_trouble) == 0)
        return;
    size_t n = e->batch.n - before;
    uint64_t *requests = mem_alloc((n + 1) * sizeof(*requests));
    for (size_t i = 0; i < n; i++) {
        requests[i] = e->batch.tickets[before + i].request;
        blob_unref(e->batch.entries[before + i].payload);
    }
    e->batch.n = before;
    refuse(e, &t, requests, (unsigned)n);
}

struct frame *forward_refusal(const struct frame *f)
{
    struct frame *refusal = frame_new(FRAME_REFUSED, f->to, f->from);
    struct frame_refused *r = &refusal->refused;
    r->session = f->forward.session;
    r->number = f->forward.number;
    r->requests = mem_alloc((f->forward.n + 1) * sizeof(*r->requests));
    for (unsigned i = 0; i < f->forward.n; i++) {
        struct command c;
        if (command_decode(blob_span(f->forward.commands[i]), &c, NULL) == 0)
            r->requests[r->n++] = c.request;
    }
    return refusal;
}

void forward_refused(struct engine *e, const struct frame *f)
{
    if (f->refused.session != e->forwarding.session)
        return;
    for (unsigned i = 0; i < f->refused.n; i++) {
        uint64_t request = f->refused.requests[i];
        struct proposal *p = waiting_get(&e->waiting, request);
        if (p != NULL && p->term != 0 && p->number == f->refused.number)
            add_again(e, p, request);
    }
    e->forwarding.retry_ms = engine_mono_ms(e) + RETRY_MS;
}

/* ---- the turn ---- */

static void send_lost_again(struct engine *e)
{
    e->forwarding.lost = false;
    for (uint64_t r = e->waiting.oldest; r != e->waiting.next; r++) {
        struct proposal *p = waiting_get(&e->waiting, r);
        if (p != NULL && p->term != 0 && p->term < e->applied_term)
            add_again(e, p, r);
    }
}

void forward_turn(struct engine *e)
{
    uint64_t leader = consensus_leader(e->consensus), now = engine_mono_ms(e);
    if (e->forwarding.lost)
        send_lost_again(e);
    if (e->batch.n == 0)
        return;
    if (leader == e->member_id && submit(e))
        return;
    refuse_foreign(e, e->batch.n);
    if (now >= e->forwarding.retry_ms && leader != 0 && leader != e->member_id)
        forward_all(e, leader);
    else
        keep(e, 0, false);
    if (e->batch.n > 0 && now >= e->forwarding.retry_ms)
        e->forwarding.retry_ms = now + RETRY_MS;
}

void forward_look_again(struct engine *e)
{
    e->forwarding.retry_ms = 0;
    e->forwarding.lost = true;
}

void forward_unsure(struct engine *e)
{
    for (uint64_t r = e->waiting.oldest; r != e->waiting.next; r++) {
        struct proposal *p = waiting_get(&e->waiting, r);
        if (p != NULL && p->term != 0)
            p->term = UINT64_MAX;
    }
}

uint64_t forward_deadline_ms(const struct engine *e)
{
    if (e->batch.n == 0 || consensus_leader(e->consensus) == 0)
        return UINT64_MAX;
    return e->forwarding.retry_ms;
}
