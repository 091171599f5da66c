#pragma once

#include "api/api.h"
#include "fake_engine.h"

#include <check.h>

Suite *mime_suite(void);
Suite *keys_parse_suite(void);
Suite *route_suite(void);
Suite *keys_suite(void);
Suite *members_suite(void);
Suite *stats_suite(void);
Suite *auth_suite(void);
Suite *debug_suite(void);

/* What the suites that need an engine ask, and its fixture. */
extern struct engine engine;
extern struct api api;
void api_setup(void);
void api_teardown(void);

#define FORM_TYPE "application/x-www-form-urlencoded"

/* BYTES equal the text; WHAT names the row. */
void same_text(const char *what, struct span bytes, const char *text);
