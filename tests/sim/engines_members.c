/* Members come and go: by commands that any member takes, as the API gives them. */
#include "engines.h"

#include "base/mem.h"

enum { MEMBERS_LEAST = 3, MEMBERS_MOST = 6 };

/* What is applied tells the outcome; this only that there is none any more. */
static void on_done(struct proposal *p)
{
    sim->reshaping = false;
    blob_unref(p->member.info);
    event_unref(p->event);
    buf_fini(&p->cause);
    mem_free(p);
}

static void propose(struct sim_member *m, enum command_kind kind, unsigned n, struct span url)
{
    struct command c = {.kind = kind, .member = {.id = 0x1000 + n}};
    if (url.len > 0)
        c.member.peer_urls[c.member.n_peer_urls++] = url;
    struct proposal *p = mem_zalloc(sizeof(*p));
    p->done = on_done;
    p->command = command_encode(&c);
    if (engine_propose(m->engine, &p)) {
        sim->reshaping = true;
        member_post(m);
        return;
    }
    blob_unref(p->command);
    mem_free(p);
}

static unsigned staying(void)
{
    unsigned n = 0;
    for (unsigned i = 1; i <= MEMBERS; i++)
        n += sim->member[i].exists && !sim->member[i].leaving;
    return n;
}

/* One at a time: who is removed may be needed until the others have settled it. */
static bool any_leaving(void)
{
    for (unsigned i = 1; i <= MEMBERS; i++)
        if (sim->member[i].exists && sim->member[i].leaving && !sim->member[i].removed)
            return true;
    return false;
}

void members_strike(void)
{
    struct sim_member *m = member_any();
    unsigned n = staying(), target = 1 + (unsigned)sim_below(sim->used);
    if (m == NULL || sim->reshaping)
        return;
    if (sim_chance(600) && n < MEMBERS_MOST && sim->used < MEMBERS)
        propose(m, COMMAND_MEMBER_ADD, sim->used + 1, member_url(sim->used + 1));
    else if (n > MEMBERS_LEAST && !any_leaving() && sim->member[target].exists &&
             !sim->member[target].leaving)
        propose(m, COMMAND_MEMBER_REMOVE, target, SPAN(""));
}

/* A command about members is committed. */
void members_applied(const struct command *c)
{
    unsigned n = (unsigned)(c->member.id - 0x1000);
    if (c->kind == COMMAND_MEMBER_REMOVE && sim->member[n].exists) {
        sim_say(1, "m%u is removed", n);
        sim->member[n].leaving = true;
        sim->total.changes++;
    }
    if (c->kind != COMMAND_MEMBER_ADD || n > MEMBERS || sim->member[n].exists)
        return;
    sim_say(1, "m%u is added", n);
    sim->total.changes++;
    sim->used = n;
    member_create(n);
    sim_push(
        (struct item){.at = sim->now + sim_below(3 * SECOND), .what = HAPPEN_RESTART, .who = n});
}

/* A stream that is opened anew meets the other's door, also when its member has nothing to say. */
void members_probe(void)
{
    for (unsigned i = 1; i <= sim->used; i++) {
        struct sim_member *from = &sim->member[i], *to = member_any();
        if (to != NULL && from->up && from->leaving && to != from && !to->leaving &&
            !sim->stream[i][to->n].cut && !sim->stream[to->n][i].cut)
            (void)members_let_in(to, from);
    }
}

/* What the door of a peer says to one that was removed. False: FROM is not heard. */
bool members_let_in(struct sim_member *to, struct sim_member *from)
{
    if (!engine_was_removed(to->engine, from->id))
        return true;
    if (from->up) {
        engine_removed(from->engine);
        member_post(from);
    }
    return false;
}
