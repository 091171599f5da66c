#include "cluster/consensus_priv.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>

_Static_assert((int)MEMBER_STANDBY == RAFT_STANDBY && (int)MEMBER_VOTER == RAFT_VOTER &&
                   (int)MEMBER_SPARE == RAFT_SPARE,
               "roles are those of the core");

/* The core wants an address a member, different from all others; it never uses it. */
void member_address(uint64_t id, char out[ADDRESS_BYTES])
{
    snprintf(out, ADDRESS_BYTES, "%016" PRIx64, id);
}

void members_to_raft(const struct consensus_members *m, struct raft_configuration *out)
{
    char address[ADDRESS_BYTES];
    raft_configuration_init(out);
    for (unsigned i = 0; i < m->n; i++) {
        member_address(m->m[i].id, address);
        int rv = raft_configuration_add(out, m->m[i].id, address, (int)m->m[i].role);
        CP_ASSERT(rv == 0);
    }
}

void members_from_raft(const struct raft_configuration *conf, struct consensus_members *out)
{
    CP_ASSERT(conf->n <= LIMIT_MEMBERS);
    out->n = conf->n;
    for (unsigned i = 0; i < conf->n; i++) {
        out->m[i].id = conf->servers[i].id;
        out->m[i].role = (enum member_role)conf->servers[i].role;
    }
}

struct blob *members_encode(const struct consensus_members *m)
{
    struct raft_configuration conf;
    struct raft_buffer bytes;
    members_to_raft(m, &conf);
    int rv = raft_configuration_encode(&conf, &bytes);
    CP_ASSERT(rv == 0);
    raft_configuration_close(&conf);
    struct blob *b = blob_copy(span_make(bytes.base, bytes.len));
    raft_free(bytes.base);
    return b;
}

struct blob *consensus_bootstrap(const struct consensus_members *members)
{
    struct consensus_members sorted = *members;
    for (unsigned i = 1; i < sorted.n; i++)
        for (unsigned j = i; j > 0 && sorted.m[j].id < sorted.m[j - 1].id; j--) {
            uint64_t id = sorted.m[j].id;
            enum member_role role = sorted.m[j].role;
            sorted.m[j] = sorted.m[j - 1];
            sorted.m[j - 1].id = id;
            sorted.m[j - 1].role = role;
        }
    CP_ASSERT(members_valid(&sorted) && members_voters(&sorted) > 0);
    return members_encode(&sorted);
}

bool members_valid(const struct consensus_members *m)
{
    if (m->n == 0 || m->n > LIMIT_MEMBERS)
        return false;
    for (unsigned i = 0; i < m->n; i++) {
        if (m->m[i].id == 0 || (unsigned)m->m[i].role > MEMBER_SPARE)
            return false;
        if (members_find(m, m->m[i].id) != i)
            return false;
    }
    return true;
}

/* Takes N bytes as a little-endian number off the front. */
static bool take_number(struct span *s, unsigned n, uint64_t *out)
{
    if (s->len < n)
        return false;
    *out = 0;
    for (unsigned i = n; i-- > 0;)
        *out = *out << 8 | (unsigned char)s->ptr[i];
    *s = span_from(*s, n);
    return true;
}

/* The core's own decoder reads past the end of what is cut short, so its format is read here:
 * version 1 (1 byte), count (8), then id (8), address up to a NUL, role (1) each; zeroes up to a
 * multiple of 8. */
int consensus_members_decode(struct span payload, struct consensus_members *out)
{
    uint64_t version, n, role;
    struct span s = payload;
    *out = (struct consensus_members){0};
    if (!take_number(&s, 1, &version) || version != 1 || !take_number(&s, 8, &n) ||
        n > LIMIT_MEMBERS)
        return ERR_MALFORMED;
    for (out->n = 0; out->n < n; out->n++) {
        char address[ADDRESS_BYTES];
        uint64_t id;
        if (!take_number(&s, 8, &id) || s.len < ADDRESS_BYTES)
            return ERR_MALFORMED;
        /* Ours are the only addresses there are; two different ids have two different ones. */
        member_address(id, address);
        if (memcmp(s.ptr, address, ADDRESS_BYTES) != 0)
            return ERR_MALFORMED;
        s = span_from(s, ADDRESS_BYTES);
        if (!take_number(&s, 1, &role) || role > MEMBER_SPARE)
            return ERR_MALFORMED;
        out->m[out->n].id = id;
        out->m[out->n].role = (enum member_role)role;
    }
    return members_valid(out) && s.len < 8 ? 0 : ERR_MALFORMED;
}

unsigned members_voters(const struct consensus_members *m)
{
    unsigned voters = 0;
    for (unsigned i = 0; i < m->n; i++)
        voters += m->m[i].role == MEMBER_VOTER;
    return voters;
}

unsigned members_find(const struct consensus_members *m, uint64_t id)
{
    unsigned i = 0;
    while (i < m->n && m->m[i].id != id)
        i++;
    return i;
}

bool members_sole_voter(const struct consensus_members *m, uint64_t id)
{
    unsigned i = members_find(m, id);
    return i < m->n && m->m[i].role == MEMBER_VOTER && members_voters(m) == 1;
}

/* A voter that is far behind would hold up commits. And one that does not have the change that
 * added it yet is not in its own configuration: it denies its vote, and if that vote is needed to
 * lead, nobody leads any more (found by tests/sim; guard 6 helps only those who are in). Changes go
 * one at a time: the last one applied is not before it. */
static bool caught_up(const struct consensus *c, uint64_t id)
{
    raft_index match;
    return raft_match_index(&c->raft, id, &match) == 0 && match >= c->members_index &&
           match + c->conf.max_inflight >= c->log.last;
}

int members_change(const struct consensus *c, const struct consensus_members *from,
                   const struct consensus_members *to, struct consensus_members *out)
{
    unsigned differences = 0;
    if (!members_valid(to) || members_voters(to) == 0)
        return ERR_USAGE;
    /* The core keeps progress by position: those that stay keep their order, a new one goes to the
     * end. */
    out->n = 0;
    for (unsigned i = 0; i < from->n; i++) {
        unsigned k = members_find(to, from->m[i].id);
        bool gone = k == to->n;
        if (gone || to->m[k].role != from->m[i].role) {
            differences++;
            if (from->m[i].id == c->conf.self && guard_on(c, GUARD_NO_SELF_REMOVAL))
                return ERR_USAGE;
            if (!gone && to->m[k].role == MEMBER_VOTER && guard_on(c, RULE_STANDBY_FIRST) &&
                !caught_up(c, from->m[i].id))
                return ERR_BUSY;
        }
        if (!gone)
            out->m[out->n++] = to->m[k];
    }
    for (unsigned i = 0; i < to->n; i++) {
        if (members_find(from, to->m[i].id) < from->n)
            continue;
        differences++;
        if (to->m[i].role == MEMBER_VOTER && guard_on(c, RULE_STANDBY_FIRST))
            return ERR_USAGE;
        out->m[out->n++] = to->m[i];
    }
    return differences == 1 ? 0 : ERR_USAGE;
}
