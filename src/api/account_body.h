/* account_body: the JSON of a user or role in a request, as Go's decoder takes it: the first value
 * of the body counts, names of members in any case of letters, unknown ones are passed over. Pure.
 * Source: contract, server 4. */
#pragma once

#include "base/buf.h"
#include "store/account.h"

struct account_body {
    bool is_role;
    struct buf name, password; /* the password is wiped by account_body_fini */
    struct buf packed[ACCOUNT_LISTS];
    struct texts list[ACCOUNT_LISTS]; /* null where nothing came */
};

enum account_fault { BODY_GOOD, BODY_INVALID, BODY_TOO_LONG };

/* OUT is zeroed first; account_body_fini frees it in any case. TOO_LONG: a list, a name, a pattern
 * or the password is beyond its limit. */
enum account_fault account_body_read(struct span body, bool is_role, struct account_body *out);
void account_body_fini(struct account_body *b);
