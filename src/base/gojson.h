/* gojson: whether bytes are one JSON value, and if not, what Go's encoding/json says about them.
 * Pure. */
#pragma once

#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>

/* True when S is one JSON value with nothing but blanks around it; else false, with the message
 * appended to WHY. */
bool gojson_check(struct span s, struct buf *why);
