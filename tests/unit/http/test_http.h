/* The cases of each file. */
#pragma once

#include <check.h>

TCase *case_requests(void);
TCase *case_heads(void);
TCase *case_writes(void);
TCase *case_watches(void);
TCase *case_life(void);
TCase *case_cors(void);
TCase *case_host(void);
