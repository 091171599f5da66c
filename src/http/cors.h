/* cors: which origins' pages a browser lets read our answers. Pure. Source: contract, server 1. */
#pragma once

#include "base/span.h"

/* The value of Access-Control-Allow-Origin in an answer to ORIGIN; ptr NULL: no such headers at
 * all. ALLOWED: origins separated by commas, "*" for every one; may be NULL or empty. Gives a part
 * of ALLOWED. */
struct span cors_allow_origin(const char *allowed, struct span origin);
