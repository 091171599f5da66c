/* test_ctl: the cases of the client's unit tests. */
#pragma once

#include <check.h>

TCase *claims_case(void);
TCase *credentials_case(void);
TCase *endpoint_case(void);
TCase *help_case(void);
TCase *opts_case(void);
TCase *print_case(void);
TCase *text_case(void);
