/* What account.c and account_apply.c share; no other folder includes it. */
#pragma once

#include "store/account.h"

/* Copy all that they are given; one reference. */
struct user *user_new(struct span name, struct span hash, struct texts roles);
struct role *role_new(struct span name, struct texts read, struct texts write);

/* A copy that nobody else has, with the same users and roles, and room for one more of each. */
struct accounts *accounts_copy(const struct accounts *from);
/* Of such a copy: take the reference; in the place of the one of that name, if there is one. */
void accounts_set_user(struct accounts *a, struct user *u);
void accounts_set_role(struct accounts *a, struct role *r);
/* It must be there. */
void accounts_drop_user(struct accounts *a, struct span name);
void accounts_drop_role(struct accounts *a, struct span name);
