/* roll: the table of members as the handlers of /v2/members share it. Private to api. */
#pragma once

#include "api/route.h"
#include "codec/command.h"

struct roll_row {
    uint64_t id;
    struct command_member info; /* zeroes when nothing is known but the id; URLs are sorted */
};

struct roll {
    unsigned n;
    struct member_ref refs[LIMIT_MEMBERS]; /* hold the bytes */
    struct roll_row rows[LIMIT_MEMBERS];
};

void roll_read(struct roll *t, struct engine *e);
void roll_fini(struct roll *t);
/* NULL: no such member. */
const struct roll_row *roll_find(const struct roll *t, uint64_t id);
/* What INFO, an encoded COMMAND_MEMBER or NULL, says of member ID; borrows from it. */
void roll_row_read(struct roll_row *row, uint64_t id, struct blob *info);
/* As /v2/members writes them. */
void roll_render_urls(struct buf *b, const struct span *urls, unsigned n);
void roll_render(struct buf *b, const struct roll_row *m);

/* member_change.c: POST, PUT and DELETE. NAME: what stands behind /v2/members/. */
void member_change(const struct api_call *call, struct span name, struct api_result *out);
/* The reply to a change that is through; P stays the caller's. */
void member_change_reply(const struct proposal *p, struct api_reply *out);
