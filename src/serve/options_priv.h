/* What the files of the settings share: the table (options_table.c), who fills it in (options.c,
 * options_file.c), what makes sense together (options_check.c), what is shown (options_show.c). */
#pragma once

#include "serve/options.h"

enum option_group {
    GROUP_MEMBER,
    GROUP_CLUSTER,
    GROUP_SECURITY,
    GROUP_LOG,
    GROUP_LIMITS,
    GROUP_PROGRAM, /* for the command line only: no variable, no key */
    GROUP_IDLE,    /* etcd's, taken without effect: one line of the log says so */
    GROUP_REFUSED, /* etcd's, refused unless it has the value that changes nothing */
    GROUPS
};

enum option_type { OPTION_STRING, OPTION_UINT, OPTION_BOOL };

struct option_def {
    enum option_group group;
    const char *flag;
    enum option_type type;
    size_t at;            /* field of struct options; not for GROUP_IDLE and GROUP_REFUSED */
    const char *fallback; /* GROUP_REFUSED: the value that is accepted, or NULL */
    const char *argument; /* NULL: a bool */
    const char *text;     /* what it is; why it has no effect; why it is refused, and what to do */
    const char *key;      /* in etcd's file, where it is not the flag: "section.key" */
};

extern const struct option_def options_table[];
extern const size_t options_count;

/* Where a value comes from; a later one wins. */
enum option_source { FROM_DEFAULT, FROM_FILE, FROM_ETCD_ENV, FROM_ENV, FROM_FLAG };

/* Row of the table, or NULL. */
const struct option_def *options_find(struct span flag);
/* Takes VALUE for D unless a better source has spoken; SPOKEN names the source in errors. */
int options_set(struct options *o, const struct option_def *d, const char *value,
                enum option_source source, const char *spoken, struct err *e) CP_MUST_CHECK;
int options_read_file(struct options *o, const char *path, struct err *e) CP_MUST_CHECK;
int options_check(struct options *o, struct err *e) CP_MUST_CHECK;
/* Takes old names for new ones, too. */
int options_check_tls(struct options *o, struct err *e) CP_MUST_CHECK;
void options_warn_tls(const struct options *o);
void options_check_fini(struct options *o);
/* PREFIX_DATA_DIR for "data-dir", PREFIX in lower case. */
void options_variable(char *name, size_t room, const char *prefix, const char *flag);
