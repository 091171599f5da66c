#pragma once

#include <check.h>

TCase *tcase_streams(void);
TCase *tcase_bytes(void);
TCase *tcase_strangers(void);
TCase *tcase_snapshots(void);
TCase *tcase_pages(void);
TCase *tcase_tls(void);
