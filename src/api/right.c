#include "api/right.h"

#include "auth/grant.h"

void right_set(struct right *r, const struct grant_ask *ask, enum right_claim claim,
               struct span user, struct span hash)
{
    r->claim = claim;
    r->recursive = ask->recursive;
    r->key_bytes = (uint32_t)ask->key.len;
    r->user_bytes = (uint32_t)user.len;
    buf_clear(&r->text);
    buf_reserve(&r->text, ask->key.len + user.len + hash.len + 1);
    buf_span(&r->text, ask->key);
    buf_span(&r->text, user);
    buf_span(&r->text, hash);
}

void right_fini(struct right *r)
{
    buf_fini(&r->text);
}

/* Who it is by the accounts of now. */
static struct caller caller_of(const struct right *r, const struct accounts *a)
{
    struct span rest = span_from(buf_as_span(&r->text), r->key_bytes);
    struct caller c = {.kind = CALLER_NOBODY, .user = span_make(rest.ptr, r->user_bytes)};
    const struct user *u = r->user_bytes > 0 ? accounts_user(a, c.user) : NULL;
    if (r->claim == RIGHT_OF_SILENCE)
        c.kind = u != NULL ? CALLER_USER : CALLER_GUEST;
    else if (r->claim == RIGHT_OF_PASSWORD && u != NULL &&
             span_eq(u->hash, span_from(rest, r->user_bytes)))
        c.kind = CALLER_USER;
    return c;
}

bool right_holds(const struct right *r, const struct accounts *a)
{
    struct caller c = caller_of(r, a);
    struct grant_ask ask = {
        .need = GRANT_READ, .key = span_make(r->text.ptr, r->key_bytes), .recursive = r->recursive};
    return grant_allows(a, &c, &ask);
}
