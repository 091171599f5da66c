/* num: strict numbers from text. */
#pragma once

#include "base/span.h"

#include <stdint.h>

/* Decimal digits only (leading zeros fine), 0 to 2^64-1; else false. Source: contract, keys 3. */
bool num_u64(struct span s, uint64_t *out);
/* 1 t T TRUE true True 0 f F FALSE false False. */
bool num_bool(struct span s, bool *out);
