/* command: a row of the table in admin.c. */
#pragma once

#include "admin/words.h"

#define ADMIN_FAILED 1 /* also: damaged */
#define ADMIN_USAGE  2

struct admin_command {
    const char *name, *usage, *text;
    const char *more; /* behind the options in the help; may be NULL */
    const struct word_option *options;
    int arguments;    /* how many it may have */
    int usage_status; /* exit status for wrong words */
    /* Gives the exit status; prints what it has to say itself. ERR_USAGE in E: wrong words. */
    int (*run)(const struct words *w, struct err *e);
};

extern const struct admin_command admin_verify, admin_dump, admin_backup, admin_restore;
