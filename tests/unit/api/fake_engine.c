#include "fake_engine.h"

#include "codec/command.h"
#include "codec/render.h"

void fake_engine_init(struct engine *e)
{
    *e = (struct engine){
        .store = store_new(), .raft_index = 40, .now_ns = NS_PER_S * 1800000000, .leader = true};
    store_publish(e->store);
}

void fake_engine_fini(struct engine *e)
{
    store_free(e->store);
}

void fake_engine_apply(struct engine *e, struct proposal *p)
{
    struct command c;
    struct store_result r;
    CP_ASSERT(command_decode(blob_span(p->command), &c, NULL) == 0);
    CP_ASSERT(c.kind == COMMAND_STORE);
    p->code = store_apply(e->store, &c.op, e->now_ns, &r);
    if (p->code == V2_OK)
        p->event = render_event(&r, e->now_ns);
    buf_span(&p->cause, r.cause);
    p->etcd_index = r.index;
    p->raft_index = ++e->raft_index;
    p->raft_term = 2;
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

int64_t engine_now_ns(const struct engine *e)
{
    return e->now_ns;
}
