/* mime: a Content-Type as Go's mime.ParseMediaType takes it: whether it is a form, or which error.
 * Pure. */
#pragma once

#include "base/span.h"

/* NULL, or Go's words for what is wrong. *IS_FORM tells application/x-www-form-urlencoded, in any
 * case of letters; it may be true beside a wrong parameter. An absent or empty value is no form and
 * no error. */
const char *mime_parse(struct span value, bool *is_form);
