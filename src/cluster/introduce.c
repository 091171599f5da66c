/* introduce: what the cluster should know of this member, said until it is known. */
#include "cluster/engine_priv.h"

#define FEATURE_LEVEL 1 /* what this program knows; announced when the cluster has none */

static void fill_member(const struct engine *e, struct command_member *m)
{
    *m = (struct command_member){.id = e->member_id, .name = e->conf.name};
    for (unsigned i = 0; i < e->conf.n_peer_urls; i++)
        m->peer_urls[m->n_peer_urls++] = e->conf.peer_urls[i];
    for (unsigned i = 0; i < e->conf.n_client_urls; i++)
        m->client_urls[m->n_client_urls++] = e->conf.client_urls[i];
}

void introduce_turn(struct engine *e)
{
    uint64_t now = engine_mono_ms(e);
    if (e->introduced || consensus_leader(e->consensus) == 0 || now < e->introduce_ms)
        return;
    struct command c = {.kind = COMMAND_MEMBER};
    fill_member(e, &c.member);
    bool known = member_has(&e->members, &c.member);
    if (!known)
        forward_add_own(e, command_encode(&c));
    struct command level = {.kind = COMMAND_LEVEL, .level = FEATURE_LEVEL};
    if (e->members.level == 0 && consensus_role(e->consensus) == CONSENSUS_LEADER)
        forward_add_own(e, command_encode(&level));
    e->introduced = known && e->members.level != 0;
    e->introduce_ms = now + e->conf.election_ms;
}

uint64_t introduce_deadline_ms(const struct engine *e)
{
    return e->introduced || consensus_leader(e->consensus) == 0 ? UINT64_MAX : e->introduce_ms;
}
