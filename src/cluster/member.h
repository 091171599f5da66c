/* member: the table of members, replicated state: who belongs to the cluster, what each has
 * published of itself, and who never may again. Consensus' own list of voters follows it
 * (reshape.h). Engine thread only; copying a log uses a table of its own. */
#pragma once

#include "codec/command.h"
#include "proto/limits.h"

struct member {
    uint64_t id;
    struct blob *info; /* encoded COMMAND_MEMBER: the name (empty before the first start of one
                          added at run time), URLs (no client URLs before the first start); NULL:
                          nothing is known but the id */
};

struct member_table {
    unsigned n;
    struct member m[LIMIT_MEMBERS]; /* ascending by id */
    uint64_t *removed;              /* ascending */
    unsigned n_removed;
    /* Removed, and perhaps in consensus' configuration still: where they are. Not compared, not
     * saved unless they are. */
    unsigned n_leaving;
    struct member leaving[LIMIT_MEMBERS];
    uint32_t level; /* cluster feature level; 0: not decided */
};

enum member_outcome {
    MEMBER_DONE,
    MEMBER_EXISTS,     /* ADD: the id is there */
    MEMBER_URL_EXISTS, /* ADD, UPDATE: another member has one of the URLs */
    MEMBER_UNKNOWN,    /* UPDATE, REMOVE */
    MEMBER_GONE,       /* the id was removed, which is for ever */
    MEMBER_FULL,       /* LIMIT_MEMBERS, or LIMIT_REMOVED: ADD */
};

void member_table_fini(struct member_table *t);
/* NULL: no such member. */
const struct member *member_find(const struct member_table *t, uint64_t id);
bool member_was_removed(const struct member_table *t, uint64_t id);
/* Adds an id that is not there yet, of which nothing else is known; true when it was added. */
bool member_add(struct member_table *t, uint64_t id);
/* Notes an id as removed, as a snapshot tells it; false: more than LIMIT_REMOVED. */
bool member_forbid(struct member_table *t, uint64_t id);
/* Keeps an encoded COMMAND_MEMBER as it is: of a snapshot; that of a removed one as leaving. */
void member_restore(struct member_table *t, uint64_t id, struct blob *info);
/* Of one that leaves, or NULL. */
const struct member *member_leaving(const struct member_table *t, uint64_t id);
/* It is not in the configuration any more. */
void member_left(struct member_table *t, uint64_t id);

/* One command about members: MEMBER, MEMBER_ADD, MEMBER_REMOVE, MEMBER_UPDATE. *INDEXES: the store
 * indexes it costs, as etcd's keys about members do: one, a removal two, a refusal none; what a
 * member publishes always one, even when it was removed meanwhile. An ADD of a founder, whose id is
 * there without anything known of it, tells its name and URLs and costs none. A member keeps the
 * peer URLs the table has whatever it publishes: UPDATE changes them. */
enum member_outcome member_apply(struct member_table *t, const struct command *c,
                                 unsigned *indexes);
/* "add", "remove", "update" or "publish". */
const char *member_command_name(enum command_kind kind);
/* True when the member has published just this name and these client URLs. */
bool member_has(const struct member_table *t, const struct command_member *m);
/* What INFO holds; borrows from it. Zeroes for NULL. */
void member_read(struct blob *info, struct command_member *out);
