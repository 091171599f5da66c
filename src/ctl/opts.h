/* opts: options of a command line as Go's flag package spells them, and where among the arguments
 * they may stand. One or two dashes, `--name=value` or `--name value`; booleans take a value only
 * with `=`. Pure. */
#pragma once

#include "base/buf.h"
#include "base/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPTS_MAX 24 /* options of one command, `help` included */

enum opt_kind { OPT_BOOL, OPT_INT, OPT_DURATION, OPT_TEXT, OPT_LIST };

struct opt_def {
    const char *name;
    const char *alias; /* or NULL */
    enum opt_kind kind;
    const char *value_name; /* in the help; NULL: "value" */
    const char *text;
    const char *fallback; /* parsed at first, shown as the default; or NULL */
};

struct opt_value {
    bool set;
    int64_t number;     /* OPT_BOOL 0 or 1, OPT_INT, OPT_DURATION in ns */
    const char *text;   /* OPT_TEXT; borrowed from the words */
    const char **items; /* OPT_LIST, in order */
    size_t items_count;
};

struct opts {
    const struct opt_def *defs;
    size_t count;
    struct opt_value values[OPTS_MAX];
    bool help;         /* --help or -h */
    bool version;      /* --version or -v, only where OPTS_LEADING */
    const char **args; /* in the order given, without `--` */
    size_t args_count;
    size_t dashes_at;  /* arguments before `--`; SIZE_MAX without it */
    size_t dragged_at; /* first argument right behind a boolean option and before `--`; SIZE_MAX if
                          none. Only exec-watch asks: contract section 5.12 */
};

enum opts_place {
    OPTS_LEADING,  /* options end at the first other word: global options */
    OPTS_ANYWHERE, /* options of the command count wherever they stand before `--` */
};

/* Parses COUNT words (kept until opts_fini). Returns 0, or ERR_USAGE with Go's message appended to
 * WHY; O is to be finished in both cases. */
int opts_parse(struct opts *o, const struct opt_def *defs, size_t defs_count, enum opts_place place,
               char **words, size_t count, struct buf *why) CP_MUST_CHECK;
void opts_fini(struct opts *o);

/* The value of an option by name; asking for a name that the table lacks is our mistake. */
const struct opt_value *opts_get(const struct opts *o, const char *name);

static inline bool opts_flag(const struct opts *o, const char *name)
{
    return opts_get(o, name)->number != 0;
}

static inline int64_t opts_int(const struct opts *o, const char *name)
{
    return opts_get(o, name)->number;
}

/* "" when the option is absent. */
static inline const char *opts_text(const struct opts *o, const char *name)
{
    const struct opt_value *v = opts_get(o, name);

    return v->text != NULL ? v->text : "";
}
