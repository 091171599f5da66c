/* What consensus tells an engine, seen on its way. The linker puts these functions before the real
 * ones (--wrap), so that the members run the shipped code and nothing else. */
#include "engines.h"

static uint64_t on_state(void *ctx, uint64_t term, uint64_t vote)
{
    return planted_state(member_of(ctx), term, vote);
}

static uint64_t on_entries(void *ctx, uint64_t first, const struct log_entry *entries, unsigned n)
{
    struct sim_member *m = member_of(ctx);
    for (unsigned i = 0; i < n && !m->muted; i++) {
        truth_stored(m, first + i, &entries[i]);
        planted_stored(m, first + i, &entries[i]);
    }
    return m->ops->log_entries(ctx, first, entries, n);
}

static uint64_t on_mark(void *ctx, uint64_t index, uint64_t term)
{
    struct sim_member *m = member_of(ctx);
    m->base = m->stored_last = index;
    m->stored_term[index] = term;
    if (planted(PLANT_INSTALL_WITHOUT_MARK))
        return 0;
    return m->ops->log_mark(ctx, index, term);
}

static int on_sync(void *ctx, struct err *err)
{
    return member_of(ctx)->ops->log_sync(ctx, err);
}

static void on_send(void *ctx, struct peer_message *message)
{
    member_of(ctx)->ops->send(ctx, message);
}

static void on_apply(void *ctx, uint64_t index, const struct log_entry *entry)
{
    struct sim_member *m = member_of(ctx);
    if (planted_done(m, index))
        return;
    if (!m->muted)
        truth_before(m, index, entry);
    m->ops->apply(ctx, index, entry);
    if (!m->muted)
        truth_applied(m, index, entry);
}

static void on_role(void *ctx, enum consensus_role role, uint64_t term, uint64_t leader)
{
    struct sim_member *m = member_of(ctx);
    if (!m->muted)
        truth_role(m, role == CONSENSUS_LEADER, term);
    m->ops->role(ctx, role, term, leader);
}

static void on_install(void *ctx, const struct snapshot_mark *mark)
{
    struct sim_member *m = member_of(ctx);
    sim_say(2, "m%u installs %lu", m->n, mark->index);
    sim->total.installs++;
    m->ops->install(ctx, mark);
}

static void on_snapshot(void *ctx, struct snapshot_mark *mark)
{
    member_of(ctx)->ops->snapshot(ctx, mark);
}

static void on_fatal(void *ctx, const char *what)
{
    sim_fail("FATAL m%u: %s", member_of(ctx)->n, what);
}

static const struct consensus_ops ops = {.log_state = on_state,
                                         .log_entries = on_entries,
                                         .log_mark = on_mark,
                                         .log_sync = on_sync,
                                         .send = on_send,
                                         .apply = on_apply,
                                         .role = on_role,
                                         .install = on_install,
                                         .snapshot = on_snapshot,
                                         .fatal = on_fatal};

struct consensus *__wrap_consensus_new(const struct consensus_conf *conf,
                                       const struct consensus_ops *real, void *ctx);
struct consensus *__real_consensus_new(const struct consensus_conf *conf,
                                       const struct consensus_ops *real, void *ctx);

struct consensus *__wrap_consensus_new(const struct consensus_conf *conf,
                                       const struct consensus_ops *real, void *ctx)
{
    struct sim_member *m = member_of(ctx);
    m->ops = real;
    m->engine = ctx;
    return __real_consensus_new(conf, &ops, ctx);
}

int __wrap_consensus_start(struct consensus *c, const struct consensus_boot *boot, uint64_t now_ms,
                           struct err *e);
int __real_consensus_start(struct consensus *c, const struct consensus_boot *boot, uint64_t now_ms,
                           struct err *e);

int __wrap_consensus_start(struct consensus *c, const struct consensus_boot *boot, uint64_t now_ms,
                           struct err *e)
{
    truth_booted(sim->inside, boot);
    return __real_consensus_start(c, boot, now_ms, e);
}

uint64_t __wrap_wal_append(struct wal *w, const struct wal_record *r);
uint64_t __real_wal_append(struct wal *w, const struct wal_record *r);

uint64_t __wrap_wal_append(struct wal *w, const struct wal_record *r)
{
    sim->inside->appended = __real_wal_append(w, r);
    return sim->inside->appended;
}

int __wrap_consensus_submit(struct consensus *c, struct log_entry *entries, unsigned n,
                            uint64_t now_ms, uint64_t *first);
int __real_consensus_submit(struct consensus *c, struct log_entry *entries, unsigned n,
                            uint64_t now_ms, uint64_t *first);

int __wrap_consensus_submit(struct consensus *c, struct log_entry *entries, unsigned n,
                            uint64_t now_ms, uint64_t *first)
{
    /* Noted before: a sole voter could apply them at once. */
    if (!sim->inside->muted)
        time_submitted(sim->inside, consensus_last_index(c) + 1, n);
    int rv = __real_consensus_submit(c, entries, n, now_ms, first);
    if (rv == 0 && !sim->inside->muted)
        planted_submitted(c, &entries[0], now_ms);
    return rv;
}

/* Only where nobody else is, and no more than was applied. */
void __wrap_consensus_forget(struct consensus *c, unsigned entries, uint64_t now_ms);
void __real_consensus_forget(struct consensus *c, unsigned entries, uint64_t now_ms);

void __wrap_consensus_forget(struct consensus *c, unsigned entries, uint64_t now_ms)
{
    struct sim_member *m = sim->inside;
    struct consensus_members now;
    uint64_t first = consensus_first_index(c);
    __real_consensus_forget(c, entries, now_ms);
    if (consensus_first_index(c) == first || m->muted)
        return;
    consensus_members(c, &now);
    if (now.n != 1 || consensus_first_index(c) > m->applied + 1)
        sim_fail("FORGOTTEN m%u up to %lu, applied %lu, members %u", m->n,
                 consensus_first_index(c) - 1, m->applied, now.n);
    sim->total.forgotten++;
    planted_forgotten(m, c);
}

struct event *__wrap_render_event(const struct store_result *r, int64_t now_ns);
struct event *__real_render_event(const struct store_result *r, int64_t now_ns);

struct event *__wrap_render_event(const struct store_result *r, int64_t now_ns)
{
    struct event *event = __real_render_event(r, now_ns);
    if (!sim->inside->muted)
        truth_event(sim->inside, event);
    return event;
}

void __wrap_consensus_installed(struct consensus *c, uint64_t now_ms);
void __real_consensus_installed(struct consensus *c, uint64_t now_ms);

void __wrap_consensus_installed(struct consensus *c, uint64_t now_ms)
{
    if (!sim->inside->muted)
        truth_adopt(sim->inside);
    __real_consensus_installed(c, now_ms);
}
