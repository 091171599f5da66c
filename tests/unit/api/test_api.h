#pragma once

#include "api/api.h"

#include <check.h>

Suite *mime_suite(void);
Suite *keys_parse_suite(void);
Suite *route_suite(void);
Suite *keys_suite(void);
Suite *members_suite(void);
Suite *stats_suite(void);
Suite *auth_suite(void);
Suite *debug_suite(void);

#define FORM_TYPE "application/x-www-form-urlencoded"

/* BYTES equal the text; WHAT names the row. */
void same_text(const char *what, struct span bytes, const char *text);
