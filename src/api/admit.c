/* admit: who is calling, and whether they may. A password that was not proven before makes the
 * request wait for the guard; then it is handled anew. */
#include "api/route.h"

#include "auth/basic.h"
#include "base/log.h"
#include "store/read.h"

#include <arpa/inet.h>

#define REFUSED "Insufficient credentials"

enum claim {
    CLAIM_SETTLED, /* the caller is known, be it as nobody */
    CLAIM_OPEN,    /* a password has to be proven */
};

struct claiming {
    const struct api_call *call;
    const struct accounts *accounts;
    struct buf text; /* of the header; holds the password */
    struct span user, password;
    struct caller caller;
};

static struct span hash_of(const struct claiming *c)
{
    const struct user *u = accounts_user(c->accounts, c->user);
    return u != NULL ? u->hash : SPAN("");
}

/* What the guard has said of just this pair. */
static bool is_answered(const struct claiming *c)
{
    const struct secret *s = c->call->rq->secret;
    return s != NULL && s->task == SECRET_CHECK && span_eq(buf_as_span(&s->user), c->user) &&
           span_eq(buf_as_span(&s->password), c->password);
}

/* As http gives addresses: four bytes, or the first eight of IPv6. */
static const char *address_text(struct span address, char out[INET6_ADDRSTRLEN])
{
    struct in6_addr v6 = {0};
    if (address.len == sizeof(struct in_addr))
        return inet_ntop(AF_INET, address.ptr, out, INET6_ADDRSTRLEN);
    if (address.len != sizeof(v6) / 2)
        return "unix";
    memcpy(&v6, address.ptr, address.len);
    return inet_ntop(AF_INET6, &v6, out, INET6_ADDRSTRLEN);
}

/* The name only of a user that there is: of another it may be a password in the wrong place. */
static void tell_wrong(const struct claiming *c, bool known)
{
    char text[INET6_ADDRSTRLEN];
    log_warn("auth.wrong_password", LOG_SPAN("user", known ? c->user : SPAN("")),
             LOG_S("client", address_text(c->call->rq->address, text)));
}

static enum claim settle(struct claiming *c, bool is_user)
{
    c->caller.kind = is_user ? CALLER_USER : CALLER_NOBODY;
    c->caller.user = c->user;
    return CLAIM_SETTLED;
}

/* A header that claims something never falls back to guest, whatever is wrong with it. */
static enum claim look_at_password(struct claiming *c)
{
    if (!basic_parse(c->call->rq->authorization, &c->text, &c->user, &c->password) ||
        c->call->api->guard == NULL)
        return settle(c, false);
    struct span hash = hash_of(c);
    if (hash.len > 0 && guard_knows(c->call->api->guard, c->user, c->password, hash))
        return settle(c, true);
    if (!is_answered(c))
        return CLAIM_OPEN;
    /* what was proven was the hash of then */
    const struct secret *s = c->call->rq->secret;
    bool right = s->ok && span_eq(span_of(s->hash), hash);
    if (!right)
        tell_wrong(c, hash.len > 0);
    return settle(c, right);
}

static enum claim look(struct claiming *c)
{
    const struct api_request *rq = c->call->rq;
    if (rq->authorization.len > 0)
        return look_at_password(c);
    c->caller.kind = CALLER_GUEST;
    if (rq->cert_user.ptr != NULL && accounts_user(c->accounts, rq->cert_user) != NULL)
        c->caller = (struct caller){.kind = CALLER_USER, .user = rq->cert_user};
    return CLAIM_SETTLED;
}

/* As v2 words it: errors of /v2/keys have a form of their own. */
static void refuse(const struct grant_ask *ask, struct span why, struct api_reply *reply)
{
    if (ask->need == GRANT_READ || ask->need == GRANT_WRITE)
        api_error(reply, V2_UNAUTHORIZED, why, 0);
    else
        api_message(reply, 401, why);
}

static void slow_down(const struct grant_ask *ask, enum guard_answer answer,
                      struct api_reply *reply)
{
    if (answer == GUARD_FULL) {
        refuse(ask, SPAN("too many passwords wait to be proven, try again in a second"), reply);
        reply->status = 503;
    } else {
        refuse(ask, SPAN("too many wrong passwords, try again in a second"), reply);
        reply->status = 429;
    }
    reply->retry_after = true;
}

/* Takes the password to the guard. */
static void prove(const struct claiming *c, const struct grant_ask *ask, struct api_result *out)
{
    enum guard_answer answer = guard_admit(c->call->api->guard, c->user, c->call->rq->address);
    if (answer != GUARD_TAKEN) {
        slow_down(ask, answer, &out->reply);
        return;
    }
    struct span hash = hash_of(c);
    struct secret *s = secret_new(SECRET_CHECK, c->password);
    CP_ASSERT(hash.len <= LIMIT_HASH_BYTES);
    memcpy(s->hash, hash.ptr, hash.len);
    s->known = hash.len > 0;
    buf_span(&s->user, c->user);
    buf_span(&s->address, c->call->rq->address);
    out->secret = s;
    out->outcome = API_SECRET;
}

/* What the caller was let in for, while there are accounts or there are none. */
static void keep_right(const struct claiming *c, const struct grant_ask *ask, struct right *out)
{
    const struct api_request *rq = c->call->rq;
    if (rq->authorization.len == 0)
        right_set(out, ask, RIGHT_OF_SILENCE, rq->cert_user, SPAN(""));
    else if (c->caller.kind == CALLER_USER)
        right_set(out, ask, RIGHT_OF_PASSWORD, c->user, hash_of(c));
    else
        right_set(out, ask, RIGHT_OF_NOBODY, SPAN(""), SPAN(""));
}

static bool admit(const struct api_call *call, const struct grant_ask *ask, struct right *right,
                  struct api_result *out)
{
    struct claiming c = {.call = call};
    if (ask->need == GRANT_OPEN) /* whoever calls, and whatever the accounts are */
        return grant_allows(NULL, &c.caller, ask);
    struct store *store = engine_store(call->api->engine);
    enum claim claim = CLAIM_SETTLED;
    const struct version *v = store_pin(store, call->slot);
    c.accounts = version_accounts(v);
    if (accounts_enabled(c.accounts))
        claim = look(&c);
    bool may = claim == CLAIM_SETTLED && grant_allows(c.accounts, &c.caller, ask);
    if (claim == CLAIM_OPEN)
        prove(&c, ask, out);
    else if (!may)
        refuse(ask, SPAN(REFUSED), &out->reply);
    else if (right != NULL)
        keep_right(&c, ask, right);
    basic_wipe(&c.text);
    store_unpin(store, call->slot);
    return may;
}

bool api_admit(const struct api_call *call, const struct grant_ask *ask, struct api_result *out)
{
    return admit(call, ask, NULL, out);
}

bool api_admit_watch(const struct api_call *call, const struct grant_ask *ask,
                     struct api_result *out)
{
    return admit(call, ask, &out->watch.right, out);
}

bool api_accounts_changed(struct api *a, unsigned slot, const struct accounts **seen)
{
    struct store *store = engine_store(a->engine);
    const struct accounts *now = version_accounts(store_pin(store, slot)), *before = *seen;
    bool changed = now != before;
    if (changed)
        *seen = now != NULL ? accounts_ref(now) : NULL;
    store_unpin(store, slot);
    if (changed && before != NULL)
        accounts_unref(before);
    return changed;
}

void api_accounts_forget(const struct accounts **seen)
{
    accounts_unref(*seen);
    *seen = NULL;
}
