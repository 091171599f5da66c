/* member: the table of members, replicated state: what each has published of itself. Engine thread
 * only. */
#pragma once

#include "codec/command.h"
#include "proto/limits.h"

struct member {
    uint64_t id;
    struct blob *published; /* encoded COMMAND_MEMBER, or NULL before its first start */
};

struct member_table {
    unsigned n;
    struct member m[LIMIT_MEMBERS];
    uint32_t level; /* cluster feature level; 0: not decided */
};

void member_table_fini(struct member_table *t);
/* Adds an id that is not there yet; true when it was added. */
bool member_add(struct member_table *t, uint64_t id);
/* Keeps what a member says of itself: PAYLOAD is its encoded COMMAND_MEMBER. */
void member_publish(struct member_table *t, uint64_t id, struct blob *payload);
/* True when the member has published just this. */
bool member_has(const struct member_table *t, const struct command_member *m);
