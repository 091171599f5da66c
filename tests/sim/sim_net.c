#include "sim.h"

bool net_connected(unsigned a, unsigned b)
{
    return sim->partition[a] == sim->partition[b];
}

static void deliver_later(struct peer_message *m, bool duplicate)
{
    uint64_t at = sim->now + sim->delay_min + sim_below(sim->delay_max - sim->delay_min + 1);
    if (sim->spikes && sim_chance(5))
        at += sim_below(400);
    if (m->type == PEER_SNAPSHOT)
        at += sim_below(50);
    if (sim->fifo) {
        uint64_t *last = &sim->last_delivery[m->from][m->to];
        if (at < *last)
            at = *last;
        *last = at;
    } else if (duplicate) {
        at += sim_below(600);
    }
    sim_push(
        (struct event_item){.at = at, .type = EV_MESSAGE, .node = (unsigned)m->to, .message = m});
}

void net_send(struct peer_message *m)
{
    if (m->to > NODES || !sim->nodes[m->to].exists ||
        !net_connected((unsigned)m->from, (unsigned)m->to) || sim_chance(sim->drop_pm)) {
        peer_message_free(m);
        return;
    }
    bool twice = !sim->fifo && sim_chance(sim->dup_pm);
    struct peer_message *copy = twice ? peer_message_dup(m) : NULL;
    deliver_later(m, false);
    if (copy != NULL)
        deliver_later(copy, true);
}
