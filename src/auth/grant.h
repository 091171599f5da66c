/* grant: whether a caller may do something. The only place where that is decided; what nobody has
 * allowed is refused. Pure. Source: contract, server 4; etcd 3.4 client_auth.go. */
#pragma once

#include "store/account.h"

/* What is asked for. */
enum grant_need {
    GRANT_NEVER, /* nobody has said what it needs */
    GRANT_OPEN,  /* everybody may */
    GRANT_ROOT,  /* who has the role root */
    GRANT_READ,  /* whose role has a pattern for reading the key */
    GRANT_WRITE,
};

struct grant_ask {
    enum grant_need need;
    struct span key; /* READ, WRITE: as the request names it; the root without slash is empty */
    bool recursive;
};

enum caller_kind {
    CALLER_NOBODY, /* claims to be somebody, and is not */
    CALLER_GUEST,  /* claims nothing */
    CALLER_USER,
};

struct caller {
    enum caller_kind kind;
    struct span user; /* USER: proven */
};

bool grant_allows(const struct accounts *a, const struct caller *c, const struct grant_ask *ask);
/* Whether everybody may read or write every key although auth is on. */
bool grant_guest_is_root(const struct accounts *a);
