/* The test cases of store's unit tests, one function a file. */
#pragma once

#include "store/read.h"
#include "store/store.h"

#include <check.h>

TCase *case_apply(void);
TCase *case_bulk(void);
TCase *case_account(void);
TCase *case_expire(void);
TCase *case_path(void);
TCase *case_event(void);
TCase *case_read(void);

#define NOW INT64_C(1790000000000000000) /* a time in 2026 */

/* A set of PATH to VALUE, without a TTL; gives the index. */
uint64_t put(struct store *s, const char *path, const char *value);
enum v2_code run(struct store *s, struct store_op op, struct store_result *out);
