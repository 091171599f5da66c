/* jsonw: JSON text, byte for byte as Go's encoding/json writes it. */
#pragma once

#include "base/buf.h"

/* A quoted string: < > & U+2028 U+2029 and controls escaped, each invalid UTF-8 byte as \ufffd.
 * Source: contract, keys 8. */
void jsonw_str(struct buf *b, struct span s);
/* Length of the valid UTF-8 sequence at P (its first byte is 0x80 or more), 0 when there is none.
 * As Go's utf8.DecodeRune: no overlong forms, no surrogates, nothing above U+10FFFF. */
size_t jsonw_wide_len(const unsigned char *p, size_t left);
/* A quoted RFC 3339 time in UTC, fraction trimmed of trailing zeros, "Z". */
void jsonw_time(struct buf *b, int64_t wall_ns);
/* The time alone, without quotes, with exactly DIGITS (0 to 9) digits of fraction. */
void jsonw_utc(struct buf *b, int64_t wall_ns, unsigned digits);
