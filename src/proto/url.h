/* url: percent-coding, query iteration and path cleaning by Go's rules (contract, keys 3 and 5).
 * Pure. */
#pragma once

#include "base/buf.h"
#include "base/span.h"

enum url_mode { URL_PATH, URL_QUERY }; /* in a query '+' is a blank */

/* Appends the decoded bytes of S to OUT. On a bad escape returns false and *bad is the three (or
 * fewer) bytes that Go names in `invalid URL escape "%zz"`; OUT is then as before. */
bool url_unescape(struct buf *out, struct span s, enum url_mode mode, struct span *bad);

/* Appends S encoded as Go's URL.EscapedPath / URL.String would write a path. */
void url_escape_path(struct buf *out, struct span s);
/* Appends S encoded for a query or form value. */
void url_escape_query(struct buf *out, struct span s);

/* One pair of a query or form: still encoded. Skips empty pairs; "k" gives an empty value; false at
 * the end. */
struct url_pair {
    struct span name, value;
};
bool url_next_pair(struct span *rest, struct url_pair *pair);

/* Go's path.Clean with a kept trailing slash, as ServeMux does: appends the clean form of the
 * decoded path; returns true when it equals S. */
bool url_clean_path(struct buf *out, struct span s);
