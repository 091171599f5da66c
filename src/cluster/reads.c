#include "cluster/reads.h"

#include "base/hash.h"
#include "cluster/engine_priv.h"

#define RETRY_MS 20

#define CAUSE_TIMEOUT "etcdserver: request timed out"

/* ---- queues ---- */

static void queue_init(struct read_queue *q)
{
    q->first = NULL;
    q->last = &q->first;
}

static void queue_add(struct read_queue *q, struct quorum_read *r)
{
    r->mail.next = NULL;
    *q->last = &r->mail;
    q->last = &r->mail.next;
}

static struct quorum_read *queue_head(const struct read_queue *q)
{
    return q->first != NULL ? CP_CONTAINER_OF(q->first, struct quorum_read, mail) : NULL;
}

static struct quorum_read *queue_take(struct read_queue *q)
{
    struct quorum_read *r = queue_head(q);
    if (r == NULL)
        return NULL;
    q->first = r->mail.next;
    if (q->first == NULL)
        q->last = &q->first;
    return r;
}

/* Moves all of FROM behind what is in TO. */
static void queue_move(struct read_queue *to, struct read_queue *from)
{
    if (from->first == NULL)
        return;
    *to->last = from->first;
    to->last = from->last;
    queue_init(from);
}

void reads_init(struct engine *e)
{
    struct reading *g = &e->reading;
    queue_init(&g->fresh);
    queue_init(&g->asked);
    queue_init(&g->ready);
    g->session = rand_u64();
}

void reads_add(struct engine *e, struct quorum_read *r)
{
    queue_add(&e->reading.fresh, r);
}

/* The question came to nothing: what was asked is fresh again, before what came later. */
static void give_up(struct reading *g)
{
    queue_move(&g->asked, &g->fresh);
    queue_move(&g->fresh, &g->asked);
    g->round = false;
}

/* The index of what was asked is known. */
static void answered(struct reading *g, uint64_t index)
{
    for (struct mail *m = g->asked.first; m != NULL; m = m->next)
        CP_CONTAINER_OF(m, struct quorum_read, mail)->index = index;
    queue_move(&g->ready, &g->asked);
}

/* A frame that is lost is as good as one that is late: the question is put again. */
static bool send(struct engine *e, struct frame *f)
{
    bool sent = e->conf.wire != NULL && e->conf.wire->send(e->conf.wire->ctx, f->to, &f);
    if (!sent)
        frame_free(f);
    return sent;
}

/* ---- as leader ---- */

static void answer_asker(struct engine *e, const struct read_asker *a, bool ok, uint64_t index)
{
    struct frame *f = frame_new(FRAME_READ_INDEX, e->member_id, a->id);
    f->read_index = (struct frame_read_index){
        .session = a->session, .number = a->number, .ok = ok, .index = index};
    (void)send(e, f);
}

static void answer_askers(struct engine *e, bool ok)
{
    struct reading *g = &e->reading;
    for (unsigned i = 0; i < g->n_askers; i++)
        answer_asker(e, &g->askers[i], ok, g->round_index);
    g->n_askers = 0;
}

static bool has_confirmed(const struct reading *g, uint64_t id)
{
    for (unsigned i = 0; i < g->n_confirmed; i++)
        if (g->confirmed[i] == id)
            return true;
    return false;
}

/* Asks those who have not answered. */
static void ask_voters(struct engine *e)
{
    struct reading *g = &e->reading;
    struct consensus_members now;
    consensus_members(e->consensus, &now);
    for (unsigned i = 0; i < now.n; i++) {
        if (now.m[i].role != MEMBER_VOTER || has_confirmed(g, now.m[i].id))
            continue;
        struct frame *f = frame_new(FRAME_CONFIRM, e->member_id, now.m[i].id);
        f->confirm = (struct frame_confirm){.term = g->term, .number = g->number};
        (void)send(e, f);
    }
    g->again_ms = engine_mono_ms(e) + e->conf.heartbeat_ms;
}

static void finish_round(struct engine *e)
{
    struct reading *g = &e->reading;
    struct consensus_members now;
    unsigned voters = 0, confirmed = 0;
    consensus_members(e->consensus, &now);
    for (unsigned i = 0; i < now.n; i++) {
        voters += now.m[i].role == MEMBER_VOTER;
        confirmed += now.m[i].role == MEMBER_VOTER && has_confirmed(g, now.m[i].id);
    }
    if (confirmed <= voters / 2)
        return;
    answered(g, g->round_index);
    answer_askers(e, true);
    g->round = false;
}

static void begin_round(struct engine *e)
{
    struct reading *g = &e->reading;
    if ((g->fresh.first == NULL && g->n_next == 0) || !consensus_settled(e->consensus))
        return;
    queue_move(&g->asked, &g->fresh);
    memcpy(g->askers, g->next, g->n_next * sizeof(g->next[0]));
    g->n_askers = g->n_next;
    g->n_next = 0;
    g->round = true;
    g->round_index = consensus_commit_index(e->consensus);
    g->number++;
    g->confirmed[0] = e->member_id;
    g->n_confirmed = 1;
    ask_voters(e);
    finish_round(e);
}

static void lead(struct engine *e)
{
    struct reading *g = &e->reading;
    if (g->round && engine_mono_ms(e) >= g->again_ms)
        ask_voters(e);
    if (!g->round)
        begin_round(e);
}

/* ---- as follower ---- */

static void ask_leader(struct engine *e)
{
    struct reading *g = &e->reading;
    struct frame *f = frame_new(FRAME_READ, e->member_id, g->leader);
    f->read = (struct frame_read){.session = g->session, .number = g->number};
    bool sent = send(e, f);
    g->again_ms = engine_mono_ms(e) + (sent ? e->conf.heartbeat_ms : RETRY_MS);
}

static void follow(struct engine *e)
{
    struct reading *g = &e->reading;
    if (g->leader == 0)
        return;
    if (g->asked.first == NULL && g->fresh.first != NULL) {
        queue_move(&g->asked, &g->fresh);
        g->number++;
        ask_leader(e);
    } else if (g->asked.first != NULL && engine_mono_ms(e) >= g->again_ms) {
        ask_leader(e); /* the same number: the answer to the first one is as good */
    }
}

/* ---- frames ---- */

/* One place a member: it has one question at a time. */
static void take_asker(struct reading *g, const struct frame *f)
{
    unsigned i = 0;
    for (unsigned k = 0; k < g->n_askers; k++)
        if (g->askers[k].id == f->from && g->askers[k].session == f->read.session &&
            g->askers[k].number == f->read.number)
            return; /* in the round that is under way */
    while (i < g->n_next && g->next[i].id != f->from)
        i++;
    if (i == LIMIT_MEMBERS)
        return;
    if (i == g->n_next)
        g->n_next++;
    g->next[i] =
        (struct read_asker){.id = f->from, .session = f->read.session, .number = f->read.number};
}

static void take_read(struct engine *e, const struct frame *f)
{
    struct read_asker a = {.id = f->from, .session = f->read.session, .number = f->read.number};
    if (consensus_leader(e->consensus) == e->member_id)
        take_asker(&e->reading, f);
    else
        answer_asker(e, &a, false, 0);
}

static void take_read_index(struct engine *e, const struct frame *f)
{
    struct reading *g = &e->reading;
    const struct frame_read_index *r = &f->read_index;
    if (g->round || g->asked.first == NULL || r->session != g->session || r->number != g->number)
        return;
    if (r->ok) {
        answered(g, r->index);
    } else {
        g->again_ms = engine_mono_ms(e) + RETRY_MS;
    }
}

/* Who follows the sender in this very term has not voted for a later leader, nor heard one. */
static void take_confirm(struct engine *e, const struct frame *f)
{
    if (consensus_term(e->consensus) != f->confirm.term ||
        consensus_role(e->consensus) != CONSENSUS_FOLLOWER ||
        consensus_leader(e->consensus) != f->from)
        return;
    struct frame *answer = frame_new(FRAME_CONFIRMED, e->member_id, f->from);
    answer->confirm = f->confirm;
    (void)send(e, answer);
}

static void take_confirmed(struct engine *e, const struct frame *f)
{
    struct reading *g = &e->reading;
    if (!g->round || f->confirm.term != g->term || f->confirm.number != g->number ||
        consensus_term(e->consensus) != g->term || has_confirmed(g, f->from) ||
        g->n_confirmed == LIMIT_MEMBERS)
        return;
    g->confirmed[g->n_confirmed++] = f->from;
    finish_round(e);
}

void reads_receive(struct engine *e, const struct frame *f)
{
    switch (f->type) {
    case FRAME_READ:
        take_read(e, f);
        break;
    case FRAME_READ_INDEX:
        take_read_index(e, f);
        break;
    case FRAME_CONFIRM:
        take_confirm(e, f);
        break;
    case FRAME_CONFIRMED:
        take_confirmed(e, f);
        break;
    default:
        CP_NEVER("a frame that is not about reads");
    }
}

/* ---- the turn ---- */

/* Another leader, or another term: what was asked is asked anew. */
static void look_round(struct engine *e)
{
    struct reading *g = &e->reading;
    uint64_t leader = consensus_leader(e->consensus), term = consensus_term(e->consensus);
    if (g->leader == leader && g->term == term)
        return;
    give_up(g);
    answer_askers(e, false);
    if (leader != e->member_id) {
        memcpy(g->askers, g->next, g->n_next * sizeof(g->next[0]));
        g->n_askers = g->n_next;
        g->n_next = 0;
        answer_askers(e, false);
    }
    g->leader = leader;
    g->term = term;
    g->again_ms = 0;
}

void reads_turn(struct engine *e)
{
    look_round(e);
    if (e->reading.leader == e->member_id)
        lead(e);
    else
        follow(e);
}

static void give_back(struct quorum_read *r, enum v2_code code, const char *cause)
{
    r->code = code;
    if (cause != NULL)
        buf_span(&r->cause, span_of(cause));
    r->done(r);
}

static void fail_overdue(struct read_queue *q, uint64_t now_ns)
{
    struct quorum_read *r;
    while ((r = queue_head(q)) != NULL && r->deadline_ns <= now_ns) {
        (void)queue_take(q);
        give_back(r, V2_RAFT_INTERNAL, CAUSE_TIMEOUT);
    }
}

void reads_finish(struct engine *e)
{
    struct reading *g = &e->reading;
    struct quorum_read *r;
    while ((r = queue_head(&g->ready)) != NULL && r->index <= e->applied_index) {
        (void)queue_take(&g->ready);
        give_back(r, V2_OK, NULL);
    }
    uint64_t now_ns = clock_mono_ns(e->conf.clock);
    fail_overdue(&g->ready, now_ns);
    fail_overdue(&g->asked, now_ns);
    fail_overdue(&g->fresh, now_ns);
}

void reads_fail(struct engine *e, const char *cause)
{
    struct reading *g = &e->reading;
    struct quorum_read *r;
    queue_move(&g->ready, &g->asked);
    queue_move(&g->ready, &g->fresh);
    while ((r = queue_take(&g->ready)) != NULL)
        give_back(r, V2_RAFT_INTERNAL, cause);
}

uint64_t reads_deadline_ms(const struct engine *e)
{
    const struct reading *g = &e->reading;
    const struct read_queue *queues[] = {&g->ready, &g->asked, &g->fresh};
    uint64_t due = UINT64_MAX;
    for (unsigned i = 0; i < CP_COUNT(queues); i++) {
        const struct quorum_read *r = queue_head(queues[i]);
        uint64_t ms = r != NULL ? r->deadline_ns / (uint64_t)NS_PER_MS + 1 : UINT64_MAX;
        if (ms < due)
            due = ms;
    }
    if ((g->round || g->asked.first != NULL) && g->leader != 0 && g->again_ms < due)
        due = g->again_ms;
    return due;
}
