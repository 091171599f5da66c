/* dump_accounts: the lines of a snapshot that hold users and roles, both ways. For dump.c and
 * load.c. */
#pragma once

#include "base/err.h"
#include "codec/lines.h"
#include "store/account.h"

void dump_write_auth(struct buf *b, bool enabled);
void dump_write_user(struct buf *b, const struct user *u);
void dump_write_role(struct buf *b, const struct role *r);

/* Whole lines; false with L->want set. */
bool dump_read_auth(struct line *l, struct accounts **out);
/* False, and want NULL: as the line stands it cannot follow the one before it. */
bool dump_read_user(struct line *l, struct accounts *a);
bool dump_read_role(struct line *l, struct accounts *a);
