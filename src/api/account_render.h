/* account_render: users and roles as v2's JSON. */
#pragma once

#include "base/buf.h"
#include "store/account.h"

/* {"user":"a","roles":["r"]}: what a PUT answers. */
void account_render_user(struct buf *b, struct span name, struct texts roles);
/* {"role":"r","permissions":{"kv":{"read":["/x"],"write":null}}} */
void account_render_role(struct buf *b, struct span name, struct texts read, struct texts write);
/* The same of the role NAME, root included; false: there is none. */
bool account_render_role_named(struct buf *b, const struct accounts *a, struct span name);
/* {"user":"a","roles":[whole roles]}. MISSING gets the first of the user's roles that does not
 * exist, or stays; such roles are left out. */
void account_render_whole_user(struct buf *b, const struct accounts *a, const struct user *u,
                               struct span *missing);
