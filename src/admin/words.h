/* words: options and arguments of one command. One or two dashes, `--name=value` or `--name value`,
 * anywhere before `--`. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORDS_OPTIONS 8 /* of one command, at most */

struct word_option {
    const char *name;  /* NULL ends the list */
    const char *value; /* what it takes, in the help; NULL: it is a switch */
    const char *text;
};

struct words {
    const struct word_option *options;
    const char *values[WORDS_OPTIONS]; /* borrowed; NULL: not given; switches: "true" */
    const char *argument;              /* NULL: none */
    bool help;
};

/* At most ARGUMENTS (0 or 1) arguments. ERR_USAGE says what is wrong. */
int words_parse(struct words *w, const struct word_option *options, int arguments, char **argv,
                int argc, struct err *e) CP_MUST_CHECK;
/* NULL: not given. */
const char *words_get(const struct words *w, const char *name);
/* Leaves *OUT when the option is not given. */
int words_u64(const struct words *w, const char *name, uint64_t *out, struct err *e) CP_MUST_CHECK;
