/* jsonw: JSON text, byte for byte as Go's encoding/json writes it. */
#pragma once

#include "base/buf.h"

/* A quoted string: < > & U+2028 U+2029 and controls escaped, each invalid UTF-8 byte as \ufffd.
 * Source: contract, keys 8. */
void jsonw_str(struct buf *b, struct span s);
/* A quoted RFC 3339 time in UTC, fraction trimmed of trailing zeros, "Z". */
void jsonw_time(struct buf *b, int64_t wall_ns);
/* The time alone, without quotes, with exactly DIGITS (0 to 9) digits of fraction. */
void jsonw_utc(struct buf *b, int64_t wall_ns, unsigned digits);
