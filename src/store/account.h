/* account: users and roles with what they may do, as counted immutable values, and the pure
 * function that changes them. A version of the store holds one set of them beside its tree; etcd
 * keeps them in the tree, where nobody can see them, which is why changes cost store indexes. What
 * a role allows is decided in auth/grant. */
#pragma once

#include "base/span.h"
#include "store/texts.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define ACCOUNT_ROOT  SPAN("root")  /* the role that may everything; the user that must have it */
#define ACCOUNT_GUEST SPAN("guest") /* the role of whoever does not say who they are */

struct user {
    atomic_uint refs;
    struct span name, hash; /* bcrypt, as crypt(3) writes it */
    struct texts roles;     /* as stored: user_roles gives what counts */
    char bytes[];
};

struct role {
    atomic_uint refs;
    struct span name;
    struct texts read, write; /* patterns */
    char bytes[];
};

/* NULL is a set as good as any: empty, auth is off, and etcd's directories for all this are not
 * there yet. */
struct accounts {
    atomic_uint refs;
    bool enabled;
    uint32_t n_users, n_roles;
    struct user **users; /* by name; each holds a reference */
    struct role **roles; /* by name; never root */
};

const struct accounts *accounts_ref(const struct accounts *a);
void accounts_unref(const struct accounts *a);
/* NULL: there is none. */
const struct user *accounts_user(const struct accounts *a, struct span name);
const struct role *accounts_role(const struct accounts *a, struct span name);
static inline bool accounts_enabled(const struct accounts *a)
{
    return a != NULL && a->enabled;
}
/* The user root has the role root, though none be stored. IMPLIED: it is to be added behind the
 * others. */
struct texts user_roles(const struct user *u, bool *implied);

/* ---- changes ---- */

enum account_verb {
    ACCOUNT_PUT_USER = 1,
    ACCOUNT_DELETE_USER,
    ACCOUNT_PUT_ROLE,
    ACCOUNT_DELETE_ROLE,
    ACCOUNT_ENABLE,
    ACCOUNT_DISABLE,
};

/* Which list of an operation. */
enum { USER_ROLES, USER_GRANT, USER_REVOKE };
enum {
    ROLE_READ,
    ROLE_WRITE,
    ROLE_GRANT_READ,
    ROLE_GRANT_WRITE,
    ROLE_REVOKE_READ,
    ROLE_REVOKE_WRITE
};
#define ACCOUNT_LISTS 6

struct account_op { /* spans are borrowed */
    enum account_verb verb;
    bool guest_open;  /* ENABLE: the role guest, if it has to be made, may everything */
    struct span name; /* empty for ENABLE, DISABLE */
    struct span hash; /* PUT_USER; empty: no password was given */
    struct texts list[ACCOUNT_LISTS];
};

enum account_code {
    ACCOUNT_DONE,
    ACCOUNT_CREATED, /* done, and v2 answers 201 */
    ACCOUNT_NO_PASSWORD,
    ACCOUNT_EXISTS,
    ACCOUNT_UNKNOWN,
    ACCOUNT_UNCHANGED,
    ACCOUNT_ROLE_GRANTED, /* this one and those up to NOT_GRANTED: what says which */
    ACCOUNT_READ_GRANTED,
    ACCOUNT_WRITE_GRANTED,
    ACCOUNT_NOT_GRANTED,
    ACCOUNT_IS_ROOT,   /* the role root cannot be changed */
    ACCOUNT_KEEP_ROOT, /* nor the user root be deleted while auth is on */
    ACCOUNT_NO_ROOT,   /* auth cannot be enabled without it */
    ACCOUNT_ALREADY,   /* enabled, or disabled */
    ACCOUNT_TOO_MANY,  /* users, roles or members of a list */
};

struct account_result {
    enum account_code code;
    struct span what;             /* borrows from the operation */
    unsigned indexes;             /* what it costs; a refusal may cost some too */
    const struct accounts *after; /* with indexes > 0: gives one reference */
};

/* Applies OP to BEFORE, which stays as it is. The same on every member.
 * Source: contract, server 4; etcd 3.4 v2auth/auth.go. */
void account_apply(const struct accounts *before, const struct account_op *op,
                   struct account_result *out);

/* ---- from a snapshot ---- */

struct accounts *accounts_new(bool enabled);
/* In the order of names; false: out of order, or too many. */
bool accounts_add_user(struct accounts *a, struct span name, struct span hash, struct texts roles);
bool accounts_add_role(struct accounts *a, struct span name, struct texts read, struct texts write);
