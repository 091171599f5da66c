/* basic: who a request says it comes from, out of its Authorization header. Pure.
 * Source: RFC 7617; Go's Request.BasicAuth. */
#pragma once

#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>

/* False: not "Basic", or not base64 of "user:password". The spans point into SCRATCH, which holds
 * the password: basic_wipe it. */
bool basic_parse(struct span header, struct buf *scratch, struct span *user, struct span *password);
/* Frees what has held a password, and leaves nothing of it. */
void basic_wipe(struct buf *b);
