/* name: numbers in the names of files. Private to disk. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define NAME_HEX_DIGITS 16u

/* Reads exactly NAME_HEX_DIGITS lower-case digits; S may be shorter, what follows them may be
 * anything. */
bool name_parse_hex(const char *s, uint64_t *out);
