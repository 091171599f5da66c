/* help: see help.h. */
#include "ctl/help.h"

#include <string.h>

static const struct opt_def help_def = {
    .name = "help", .alias = "h", .kind = OPT_BOOL, .text = "show help"};
static const struct opt_def version_def = {
    .name = "version", .alias = "v", .kind = OPT_BOOL, .text = "print the version"};

/* "--output simple, -o simple" */
static void add_spelling(struct buf *out, const struct opt_def *def)
{
    const char *names[2] = {def->name, def->alias};

    for (size_t i = 0; i < 2 && names[i] != NULL; i++) {
        buf_printf(out, "%s%s%s", i > 0 ? ", " : "", strlen(names[i]) > 1 ? "--" : "-", names[i]);
        if (def->kind != OPT_BOOL)
            buf_printf(out, " %s", def->value_name != NULL ? def->value_name : "value");
    }
}

static size_t spelling_width(const struct opt_def *def)
{
    struct buf b = {0};

    add_spelling(&b, def);

    size_t n = b.len;

    buf_fini(&b);
    return n;
}

static void pad(struct buf *out, size_t n)
{
    while (n-- > 0)
        buf_char(out, ' ');
}

static void add_option(struct buf *out, const struct opt_def *def, size_t width)
{
    buf_lit(out, "   ");
    add_spelling(out, def);
    pad(out, width - spelling_width(def) + 2);
    buf_printf(out, "%s", def->text);
    if (def->fallback != NULL)
        buf_printf(out, def->kind == OPT_TEXT ? " (default: \"%s\")" : " (default: %s)",
                   def->fallback);
    buf_char(out, '\n');
}

static void add_options(struct buf *out, const struct opt_def *const *defs, size_t count)
{
    size_t width = 0;

    for (size_t i = 0; i < count; i++) {
        size_t n = spelling_width(defs[i]);

        width = n > width ? n : width;
    }
    for (size_t i = 0; i < count; i++)
        add_option(out, defs[i], width);
}

static void add_commands(struct buf *out, const struct ctl_command *rows, size_t count,
                         const char *last, const char *last_text)
{
    size_t width = strlen(last);

    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(rows[i].name);

        width = n > width ? n : width;
    }
    buf_lit(out, "\nCOMMANDS:\n");
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "   %s", rows[i].name);
        pad(out, width - strlen(rows[i].name) + 2);
        buf_printf(out, "%s\n", rows[i].text);
    }
    if (last[0] != '\0') {
        buf_printf(out, "   %s", last);
        pad(out, width - strlen(last) + 2);
        buf_printf(out, "%s\n", last_text);
    }
}

void help_program(struct buf *out, const char *program)
{
    const struct opt_def *defs[OPTS_MAX];
    size_t n = 0;

    buf_printf(out, "NAME:\n   %s - A simple command line client for etcd.\n\n", program);
    buf_printf(out, "USAGE:\n   %s [global options] command [command options] [arguments...]\n\n",
               program);
    buf_lit(out, "VERSION:\n   " PACKAGE_VERSION "\n");
    add_commands(out, table_commands, table_commands_count, "help, h",
                 "Shows a list of commands or help for one command");
    buf_lit(out, "\nGLOBAL OPTIONS:\n");
    for (; n < table_global_count; n++)
        defs[n] = &table_global[n];
    defs[n++] = &help_def;
    defs[n++] = &version_def;
    add_options(out, defs, n);
}

static void add_name(struct buf *out, const char *program, const struct ctl_command *group,
                     const struct ctl_command *c)
{
    buf_printf(out, "%s %s%s%s", program, group != NULL ? group->name : "",
               group != NULL ? " " : "", c->name);
}

static void add_title(struct buf *out, const char *program, const struct ctl_command *group,
                      const struct ctl_command *c)
{
    buf_lit(out, "NAME:\n   ");
    add_name(out, program, group, c);
    buf_printf(out, " - %s\n\nUSAGE:\n   ", c->text);
    add_name(out, program, group, c);
}

void help_command(struct buf *out, const char *program, const struct ctl_command *group,
                  const struct ctl_command *c)
{
    const struct opt_def *defs[OPTS_MAX];

    add_title(out, program, group, c);
    buf_printf(out, "%s %s\n", c->defs_count > 0 ? " [command options]" : "", c->arguments);
    if (c->description != NULL)
        buf_printf(out, "\nDESCRIPTION:\n   %s\n", c->description);
    if (c->defs_count == 0)
        return;
    buf_lit(out, "\nOPTIONS:\n");
    for (size_t i = 0; i < c->defs_count; i++)
        defs[i] = &c->defs[i];
    add_options(out, defs, c->defs_count);
    buf_lit(out, "   \n");
}

void help_group(struct buf *out, const char *program, const struct ctl_command *group,
                bool as_program)
{
    const struct opt_def *defs[] = {&help_def};

    add_title(out, program, NULL, group);
    if (as_program)
        buf_lit(out, " [global options] command [command options] [arguments...]\n\nVERSION:\n  "
                     " " PACKAGE_VERSION "\n");
    else
        buf_lit(out, " command [command options] [arguments...]\n");
    add_commands(out, group->subs, group->subs_count, "", "");
    buf_printf(out, as_program ? "\nGLOBAL OPTIONS:\n" : "\nOPTIONS:\n");
    add_options(out, defs, 1);
    if (!as_program)
        buf_lit(out, "   \n");
}

void help_group_short(struct buf *out, const char *program, const struct ctl_command *group)
{
    add_title(out, program, NULL, group);
    buf_printf(out, " %s\n", group->arguments);
}
