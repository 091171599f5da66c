/* logs: where the server's three logs go and how they look; main thread. */
#pragma once

#include "base/linelog.h"
#include "serve/options.h"

struct logs {
    int fd;           /* of a file for the server's own log, or -1 */
    const char *path; /* its name, the options' */
    struct linelog *access, *audit;
};

/* Words that are none of those that the settings take: the part of options_check. */
int logs_check(const struct options *o, struct err *e) CP_MUST_CHECK;
int logs_start(struct logs *l, const struct options *o, struct err *e) CP_MUST_CHECK;
/* The files were moved away. */
void logs_reopen(struct logs *l);
void logs_stop(struct logs *l);
