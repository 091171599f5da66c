/* What options.c (the table) and options_check.c (what makes sense together) share. */
#pragma once

#include "serve/options.h"

#include <stddef.h>

enum option_type { OPTION_STRING, OPTION_UINT, OPTION_BOOL };

struct option_def {
    const char *flag;
    enum option_type type;
    size_t at; /* field of struct options */
    const char *fallback, *argument, *text;
};

/* Notes that the field AT was set by flag or environment. */
void options_given(struct options *o, size_t at);
int options_check(struct options *o, struct err *e) CP_MUST_CHECK;
void options_check_fini(struct options *o);
