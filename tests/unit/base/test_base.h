/* test_base: the cases of this folder, one a file. */
#pragma once

#include "base/span.h"

#include <check.h>

TCase *bytes_case(void);
TCase *gojson_case(void);
TCase *hash_case(void);
TCase *jsonw_case(void);
TCase *linelog_case(void);
TCase *log_case(void);
TCase *mailbox_case(void);
TCase *metric_case(void);
TCase *num_case(void);

/* Equal bytes, both shown when they are not. */
#define ck_assert_span_eq(got, want, name)                                                         \
    do {                                                                                           \
        struct span got_ = (got), want_ = (want);                                                  \
        ck_assert_msg(span_eq(got_, want_), "%s: got %.*s, want %.*s", (name), (int)got_.len,      \
                      got_.ptr, (int)want_.len, want_.ptr);                                        \
    } while (0)
