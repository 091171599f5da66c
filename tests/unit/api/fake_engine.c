#include "fake_engine.h"

#include "codec/command.h"
#include "codec/render.h"

/* One that has not started, one that has, one that was. */
static void fill(struct member_table *t)
{
    struct command c = {.kind = COMMAND_MEMBER,
                        .member = {.id = FAKE_MEMBER,
                                   .name = SPAN("m<1>"),
                                   .n_peer_urls = 2,
                                   .n_client_urls = 2,
                                   .peer_urls = {SPAN("http://b:2"), SPAN("http://a:1")},
                                   .client_urls = {SPAN("http://d:4"), SPAN("http://c:3")}}};
    unsigned indexes;
    (void)member_add(t, 0xab);
    (void)member_add(t, FAKE_MEMBER);
    (void)member_forbid(t, FAKE_REMOVED);
    (void)member_apply(t, &c, &indexes);
}

void fake_engine_init(struct engine *e)
{
    *e = (struct engine){
        .store = store_new(), .raft_index = 40, .now_ns = NS_PER_S * 1800000000, .leader = true};
    pthread_mutex_init(&e->lock, NULL);
    fill(&e->members);
    store_publish(e->store);
}

void fake_engine_fini(struct engine *e)
{
    store_free(e->store);
    member_table_fini(&e->members);
    pthread_mutex_destroy(&e->lock);
}

void fake_engine_apply_member(struct engine *e, const struct command *c, struct proposal *p)
{
    unsigned indexes;
    if (!e->leader) {
        p->code = V2_RAFT_INTERNAL;
        return;
    }
    pthread_mutex_lock(&e->lock);
    p->member.outcome = (int)member_apply(&e->members, c, &indexes);
    p->member.id = c->member.id;
    if (c->kind == COMMAND_MEMBER_ADD && p->member.outcome == MEMBER_DONE)
        p->member.info = blob_ref(member_find(&e->members, c->member.id)->info);
    pthread_mutex_unlock(&e->lock);
}

static void apply_account(struct engine *e, const struct command *c, struct proposal *p)
{
    struct account_result r;
    account_apply(store_accounts(e->store), &c->account, &r);
    for (unsigned i = 0; i < r.indexes; i++)
        (void)store_burn(e->store);
    if (r.after != NULL)
        store_set_accounts(e->store, r.after);
    store_publish(e->store);
    p->account.code = (int)r.code;
    p->account.after = accounts_ref(store_accounts(e->store));
    buf_span(&p->account.what, r.what);
}

void fake_engine_apply(struct engine *e, struct proposal *p)
{
    struct command c;
    struct store_result r;
    CP_ASSERT(command_decode(blob_span(p->command), &c, NULL) == 0);
    p->raft_index = ++e->raft_index;
    p->raft_term = 2;
    if (c.kind == COMMAND_ACCOUNT) {
        apply_account(e, &c, p);
        return;
    }
    if (c.kind != COMMAND_STORE) {
        fake_engine_apply_member(e, &c, p);
        return;
    }
    p->code = store_apply(e->store, &c.op, e->now_ns, &r);
    if (p->code == V2_OK)
        p->event = render_event(&r, e->now_ns);
    buf_span(&p->cause, r.cause);
    p->etcd_index = r.index;
    store_publish(e->store);
}

struct store *engine_store(struct engine *e)
{
    return e->store;
}

uint64_t engine_raft_index(const struct engine *e)
{
    return e->raft_index;
}

uint64_t engine_raft_term(const struct engine *e)
{
    (void)e;
    return 2;
}

bool engine_has_leader(const struct engine *e)
{
    return e->leader;
}

void engine_figures(struct engine *e, struct engine_figures *out)
{
    *out =
        (struct engine_figures){.log_full = e->log_full, .snapshot = &e->histogram, .log = &e->log};
}

bool engine_decides_alone(const struct engine *e)
{
    return e->leader && !e->shared;
}

int64_t engine_now_ns(const struct engine *e)
{
    return e->now_ns;
}

void engine_count_get(struct engine *e, unsigned slot, bool found)
{
    (void)slot;
    e->found += found;
    e->missing += !found;
}

void engine_count_gets(const struct engine *e, uint64_t *found, uint64_t *missing)
{
    *found = e->found;
    *missing = e->missing;
}

uint64_t engine_count(const struct engine *e, enum engine_counter which)
{
    (void)e;
    return 100 + (uint64_t)which;
}

void engine_status(struct engine *e, struct engine_status *out)
{
    *out = (struct engine_status){.name = blob_copy(SPAN("m<1>")),
                                  .member_id = FAKE_MEMBER,
                                  .cluster_id = 0x12,
                                  .leader_id = e->leader ? FAKE_MEMBER : 0,
                                  .leading = e->leader,
                                  .start_ns = NS_PER_S * 1790000000,
                                  .leader_since_ns = NS_PER_S * 1790000001 + 5000};
}

unsigned engine_members(struct engine *e, struct member_ref out[LIMIT_MEMBERS])
{
    pthread_mutex_lock(&e->lock);
    unsigned n = e->members.n;
    for (unsigned i = 0; i < n; i++) {
        struct blob *info = e->members.m[i].info;
        out[i] = (struct member_ref){.id = e->members.m[i].id,
                                     .published = info != NULL ? blob_ref(info) : NULL};
    }
    pthread_mutex_unlock(&e->lock);
    return n;
}

uint64_t engine_member_id(const struct engine *e)
{
    (void)e;
    return FAKE_MEMBER;
}

void engine_traffic(struct engine *e, struct engine_traffic *out)
{
    *out = e->traffic;
}

unsigned engine_followers(struct engine *e, struct follower_status out[LIMIT_MEMBERS])
{
    memcpy(out, e->followers, e->n_followers * sizeof(out[0]));
    return e->n_followers;
}
