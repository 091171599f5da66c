#include "cluster/engine_priv.h"

#include "base/log.h"

#define RETRY_MS 20

static bool is_in(const struct consensus_members *is, uint64_t id)
{
    for (unsigned i = 0; i < is->n; i++)
        if (is->m[i].id == id)
            return true;
    return false;
}

void reshape_want(struct engine *e)
{
    e->reshaper.wanted = true;
    e->reshaper.retry_ms = 0;
}

static bool change(struct engine *e, const struct consensus_members *to, const char *what,
                   uint64_t id)
{
    uint64_t index;
    if (consensus_change(e->consensus, to, engine_mono_ms(e), &index) != 0)
        return false;
    log_info("members.change", LOG_S("what", what), LOG_X("member", id), LOG_U("index", index));
    return true;
}

static bool remove_one(struct engine *e, const struct consensus_members *is)
{
    for (unsigned i = 0; i < is->n; i++) {
        uint64_t id = is->m[i].id;
        if (id == e->member_id || member_find(&e->members, id) != NULL)
            continue;
        struct consensus_members to = *is;
        to.m[i] = to.m[--to.n];
        if (change(e, &to, "remove", id))
            return true;
    }
    return false;
}

static bool add_one(struct engine *e, const struct consensus_members *is)
{
    for (unsigned i = 0; i < e->members.n && is->n < LIMIT_MEMBERS; i++) {
        uint64_t id = e->members.m[i].id;
        if (is_in(is, id))
            continue;
        struct consensus_members to = *is;
        to.m[to.n].id = id;
        to.m[to.n++].role = MEMBER_STANDBY;
        if (change(e, &to, "add", id))
            return true;
    }
    return false;
}

static bool promote_one(struct engine *e, const struct consensus_members *is)
{
    for (unsigned i = 0; i < is->n; i++) {
        if (is->m[i].role == MEMBER_VOTER || member_find(&e->members, is->m[i].id) == NULL)
            continue;
        struct consensus_members to = *is;
        to.m[i].role = MEMBER_VOTER;
        if (change(e, &to, "promote", is->m[i].id))
            return true;
    }
    return false;
}

/* A voter that stays; 0: none. */
static uint64_t find_heir(const struct engine *e, const struct consensus_members *is)
{
    for (unsigned i = 0; i < is->n; i++)
        if (is->m[i].id != e->member_id && is->m[i].role == MEMBER_VOTER &&
            member_find(&e->members, is->m[i].id) != NULL)
            return is->m[i].id;
    return 0;
}

static bool fits(const struct engine *e, const struct consensus_members *is)
{
    bool same = is->n == e->members.n;
    for (unsigned i = 0; same && i < is->n; i++)
        same = is->m[i].role == MEMBER_VOTER && member_find(&e->members, is->m[i].id) != NULL;
    return same;
}

void reshape_turn(struct engine *e)
{
    struct reshaper *r = &e->reshaper;
    struct consensus_members is;
    if (e->conf.wire == NULL || !r->wanted || consensus_role(e->consensus) != CONSENSUS_LEADER ||
        engine_mono_ms(e) < r->retry_ms)
        return;
    r->retry_ms = engine_mono_ms(e) + RETRY_MS;
    consensus_members(e->consensus, &is);
    r->wanted = !fits(e, &is);
    if (!r->wanted || remove_one(e, &is) || add_one(e, &is) || promote_one(e, &is))
        return;
    uint64_t heir = member_find(&e->members, e->member_id) == NULL ? find_heir(e, &is) : 0;
    if (heir != 0 && consensus_transfer(e->consensus, heir, engine_mono_ms(e)) == 0)
        log_info("members.hand_over", LOG_X("to", heir),
                 LOG_S("reason", "this member was removed"));
}

/* The others may need this member's vote until they have agreed without it: while it leads it hands
 * over, and those that are there still become voters first; afterwards it stays until the change of
 * the configuration reaches it, or a member says that it is out. */
static bool can_go(const struct engine *e)
{
    struct consensus_members is;
    consensus_members(e->consensus, &is);
    if (atomic_load(&e->reshaper.told) || !is_in(&is, e->member_id))
        return true;
    if (consensus_role(e->consensus) == CONSENSUS_LEADER)
        return e->members.n == 0;
    return false;
}

/* Nobody speaks first to one that is out: streams that are opened anew meet the others' doors. */
static void ask(struct engine *e)
{
    uint64_t now = engine_mono_ms(e);
    if (e->conf.wire == NULL || now < e->reshaper.ask_ms)
        return;
    if (e->reshaper.ask_ms != 0 && consensus_leader(e->consensus) == 0) {
        e->conf.wire->peers(e->conf.wire->ctx, NULL, 0);
        e->peers_changed = true;
    }
    e->reshaper.ask_ms = now + 2 * (uint64_t)e->conf.election_ms;
}

void reshape_leave(struct engine *e)
{
    struct reshaper *r = &e->reshaper;
    bool removed = e->members.n_removed > 0 && member_was_removed(&e->members, e->member_id);
    if (r->left || (!removed && !atomic_load(&r->told)))
        return;
    if (!can_go(e)) {
        ask(e);
        return;
    }
    r->left = true;
    log_warn("member.removed", LOG_X("member", e->member_id),
             LOG_S("reason", "this member has been permanently removed from the cluster"),
             LOG_S("do", "remove its data directory; to come back: copse member add NAME URL, and "
                         "start with an empty one"),
             LOG_S("dir", e->conf.dir->path));
    if (e->conf.removed != NULL)
        e->conf.removed(e->conf.ctx);
}

void engine_removed(struct engine *e)
{
    atomic_store(&e->reshaper.told, true);
    mailbox_wake(&e->box);
}

uint64_t reshape_deadline_ms(const struct engine *e)
{
    const struct reshaper *r = &e->reshaper;
    uint64_t due = UINT64_MAX;
    if (r->wanted && consensus_role(e->consensus) == CONSENSUS_LEADER)
        due = r->retry_ms;
    if (r->ask_ms != 0 && !r->left && r->ask_ms < due)
        due = r->ask_ms;
    return due;
}
