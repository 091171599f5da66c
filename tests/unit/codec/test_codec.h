/* test_codec: the cases of this folder, one a file. */
#pragma once

#include "base/span.h"

#include <check.h>

TCase *command_case(void);
TCase *dump_case(void);
TCase *dump_model_case(void);
TCase *event_case(void);
TCase *get_case(void);

/* Inside an initialiser. */
#define S(literal)                                                                                 \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

/* Equal bytes, both shown when they are not. */
#define ck_assert_span_eq(got, want, name)                                                         \
    do {                                                                                           \
        struct span got_ = (got), want_ = (want);                                                  \
        ck_assert_msg(span_eq(got_, want_), "%s:\ngot  %.*s\nwant %.*s", (name), (int)got_.len,    \
                      got_.ptr, (int)want_.len, want_.ptr);                                        \
    } while (0)
