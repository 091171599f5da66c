#include "rig.h"

#include "base/mem.h"

/* A consensus that gave up stands in the middle of a call and is left alone: no leak of ours. */
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#define LEAKS_BEGIN() __lsan_disable()
#define LEAKS_END()   __lsan_enable()
#else
#define LEAKS_BEGIN() ((void)0)
#define LEAKS_END()   ((void)0)
#endif

static uint64_t log_state(void *ctx, uint64_t term, uint64_t vote)
{
    struct rig *r = ctx;
    r->term = term;
    r->vote = vote;
    return ++r->lsn;
}

static uint64_t log_entries(void *ctx, uint64_t first, const struct log_entry *entries, unsigned n)
{
    struct rig *r = ctx;
    (void)first;
    (void)entries;
    return r->lsn += n;
}

static uint64_t log_mark(void *ctx, uint64_t index, uint64_t term)
{
    struct rig *r = ctx;
    (void)index;
    (void)term;
    return ++r->lsn;
}

static int log_sync(void *ctx, struct err *err)
{
    (void)ctx;
    (void)err;
    return 0;
}

static void keep(void *ctx, struct peer_message *m)
{
    struct rig *r = ctx;
    ck_assert_uint_lt(r->n_sent, RIG_SENT);
    r->sent[r->n_sent++] = m;
}

static void apply(void *ctx, uint64_t index, const struct log_entry *entry)
{
    struct rig *r = ctx;
    (void)entry;
    ck_assert_uint_eq(index, r->applied + 1);
    r->applied = index;
}

static void role(void *ctx, enum consensus_role now, uint64_t term, uint64_t leader)
{
    (void)ctx;
    (void)now;
    (void)term;
    (void)leader;
}

static void install(void *ctx, const struct snapshot_mark *mark)
{
    struct rig *r = ctx;
    r->installs++;
    r->snapshot = *mark;
}

static void snapshot(void *ctx, struct snapshot_mark *mark)
{
    *mark = ((struct rig *)ctx)->snapshot;
}

static void fatal(void *ctx, const char *what)
{
    struct rig *r = ctx;
    (void)what;
    r->broken = true;
    longjmp(r->fatal, 1);
}

static const struct consensus_ops rig_ops = {
    .log_state = log_state,
    .log_entries = log_entries,
    .log_mark = log_mark,
    .log_sync = log_sync,
    .send = keep,
    .apply = apply,
    .role = role,
    .install = install,
    .snapshot = snapshot,
    .fatal = fatal,
};

struct blob *rig_members(unsigned n, unsigned voters)
{
    struct consensus_members m = {.n = n};
    for (unsigned i = 0; i < n; i++) {
        m.m[i].id = i + 1;
        m.m[i].role = i < voters ? MEMBER_VOTER : MEMBER_STANDBY;
    }
    return consensus_bootstrap(&m);
}

void rig_init(struct rig *r, uint64_t self, unsigned n, unsigned voters, uint32_t guards_off)
{
    struct consensus_conf conf = {.self = self,
                                  .election_ms = 1000,
                                  .heartbeat_ms = 100,
                                  .install_ms = 60000,
                                  .max_inflight = 512,
                                  .seed = 42,
                                  .guards_off = guards_off};
    struct log_entry first = {.term = 1, .type = ENTRY_CHANGE, .payload = rig_members(n, voters)};
    struct consensus_boot boot = {.term = 1, .entries = &first, .n_entries = 1};
    struct err e;
    *r = (struct rig){.now = 5000, .guards_off = guards_off};
    if (guards_off != 0)
        LEAKS_BEGIN();
    r->c = consensus_new(&conf, &rig_ops, r);
    ck_assert_int_eq(consensus_start(r->c, &boot, r->now, &e), 0);
    blob_unref(first.payload);
    rig_sync(r);
}

void rig_fini(struct rig *r)
{
    rig_forget(r);
    if (!r->broken)
        consensus_free(r->c);
    if (r->guards_off != 0)
        LEAKS_END();
}

void rig_sync(struct rig *r)
{
    consensus_durable(r->c, r->lsn, r->now);
}

void rig_tick(struct rig *r)
{
    r->now = consensus_deadline_ms(r->c);
    consensus_tick(r->c, r->now);
}

bool rig_receive(struct rig *r, struct peer_message *m)
{
    if (setjmp(r->fatal) != 0) {
        peer_message_free(m);
        return false;
    }
    r->now++;
    consensus_receive(r->c, m, r->now);
    return true;
}

const struct peer_message *rig_sent(const struct rig *r, enum peer_message_type type, uint64_t to)
{
    for (unsigned i = r->n_sent; i-- > 0;)
        if (r->sent[i]->type == type && (to == 0 || r->sent[i]->to == to))
            return r->sent[i];
    return NULL;
}

void rig_forget(struct rig *r)
{
    while (r->n_sent > 0)
        peer_message_free(r->sent[--r->n_sent]);
}

struct log_entry rig_command(const char *text)
{
    return (struct log_entry){.type = ENTRY_COMMAND, .payload = blob_copy(span_of(text))};
}

/* Behind index 0 the first entry is the members of three voters, as every founder has it. */
struct peer_message *rig_append(struct rig *r, uint64_t from, uint64_t to, uint64_t term,
                                uint64_t prev_index, uint64_t prev_term, unsigned commands,
                                uint64_t commit)
{
    unsigned founding = prev_index == 0 && commands > 0 ? 1 : 0;
    struct peer_message *m = peer_message_new(PEER_APPEND, from, to, commands + founding);
    (void)r;
    m->term = term;
    m->append.prev_index = prev_index;
    m->append.prev_term = prev_term;
    m->append.commit = commit;
    if (founding)
        m->append.entries[0] =
            (struct log_entry){.term = 1, .type = ENTRY_CHANGE, .payload = rig_members(3, 3)};
    for (unsigned i = founding; i < commands + founding; i++) {
        m->append.entries[i] = rig_command("x");
        m->append.entries[i].term = term;
    }
    return m;
}
