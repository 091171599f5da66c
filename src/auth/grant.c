#include "auth/grant.h"

/* A pattern that ends in a star matches what begins like it; any other one, its equal. An empty one
 * matches nothing (etcd fails at it). */
static bool matches(struct span pattern, struct span key, bool recursive)
{
    if (pattern.len == 0)
        return false;
    if (pattern.ptr[pattern.len - 1] == '*')
        return span_starts(key, span_make(pattern.ptr, pattern.len - 1));
    return !recursive && span_eq(pattern, key);
}

static bool role_allows(const struct role *r, const struct grant_ask *ask)
{
    struct texts patterns = ask->need == GRANT_READ ? r->read : r->write;
    struct span pattern;

    while (texts_next(&patterns, &pattern)) {
        if (matches(pattern, ask->key, ask->recursive))
            return true;
    }
    return false;
}

static bool guest_allows(const struct accounts *a, const struct grant_ask *ask)
{
    const struct role *guest = accounts_role(a, ACCOUNT_GUEST);
    struct grant_ask plain = *ask;

    /* quirk: a guest is asked for no more than the key, recursive or not (auth-keys-guest) */
    plain.recursive = false;
    return guest != NULL && role_allows(guest, &plain);
}

/* Own roles only, guest's are not added; those that do not exist are passed over. */
static bool user_allows(const struct accounts *a, const struct user *u, const struct grant_ask *ask)
{
    bool implied;
    struct texts roles = user_roles(u, &implied);
    struct span name;

    if (implied || texts_has(roles, ACCOUNT_ROOT))
        return true;
    if (ask->need == GRANT_ROOT)
        return false;
    while (texts_next(&roles, &name)) {
        const struct role *r = accounts_role(a, name);

        if (r != NULL && role_allows(r, ask))
            return true;
    }
    return false;
}

bool grant_allows(const struct accounts *a, const struct caller *c, const struct grant_ask *ask)
{
    if (ask->need == GRANT_NEVER)
        return false;
    if (ask->need == GRANT_OPEN || !accounts_enabled(a))
        return true;
    if (c->kind == CALLER_USER) {
        const struct user *u = accounts_user(a, c->user);

        return u != NULL && user_allows(a, u, ask);
    }
    return c->kind == CALLER_GUEST && ask->need != GRANT_ROOT && guest_allows(a, ask);
}

bool grant_guest_is_root(const struct accounts *a)
{
    const struct caller guest = {.kind = CALLER_GUEST};
    const struct grant_ask read = {.need = GRANT_READ, .key = SPAN("/")};
    const struct grant_ask write = {.need = GRANT_WRITE, .key = SPAN("/")};

    return accounts_enabled(a) &&
           (grant_allows(a, &guest, &read) || grant_allows(a, &guest, &write));
}
