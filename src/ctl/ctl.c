/* ctl: from the words to the command. */
#include "ctl/ctl.h"
#include "base/err.h"
#include "base/mem.h"
#include "ctl/help.h"
#include "ctl/print.h"
#include "ctl/table.h"

#include <stdio.h>
#include <string.h>

static bool is_help(const char *word)
{
    return strcmp(word, "help") == 0 || strcmp(word, "h") == 0;
}

/* It is in the help, where the reference has it, but another one's to run. */
static bool is_backup(const struct ctl_command *c)
{
    return c->run == backup_run;
}

bool ctl_knows(const char *word)
{
    return table_find(table_commands, table_commands_count, word) != NULL;
}

void ctl_list_commands(FILE *out)
{
    int width = 0;

    for (size_t i = 0; i < table_commands_count; i++) {
        int n = (int)strlen(table_commands[i].name);

        width = n > width ? n : width;
    }
    for (size_t i = 0; i < table_commands_count; i++) {
        if (!is_backup(&table_commands[i]))
            fprintf(out, "  %-*s  %s\n", width, table_commands[i].name, table_commands[i].text);
    }
}

/* Words the option takes with it, itself included; 0 if it is none of ours. */
static size_t option_words(const char *word)
{
    const char *name = word + (word[1] == '-' ? 2 : 1);
    size_t n = strcspn(name, "=");

    for (size_t i = 0; i < table_global_count; i++) {
        const struct opt_def *def = &table_global[i];

        if ((strlen(def->name) == n && strncmp(def->name, name, n) == 0) ||
            (def->alias != NULL && strlen(def->alias) == n && strncmp(def->alias, name, n) == 0))
            return def->kind == OPT_BOOL || name[n] == '=' ? 1 : 2;
    }
    return 0;
}

bool ctl_claims(int argc, char **argv)
{
    size_t i = 1, count = argc > 0 ? (size_t)argc : 0;

    while (i < count && argv[i][0] == '-' && argv[i][1] != '\0') {
        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        }

        size_t taken = option_words(argv[i]);

        if (taken == 0)
            return false;
        i += taken;
    }
    if (i >= count)
        return false;
    if (i > 1) /* a word behind options of ours is a command, be it an unknown one */
        return true;
    return ctl_knows(argv[i]) || (is_help(argv[i]) && i + 1 < count && ctl_knows(argv[i + 1]));
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

static int show(struct buf *text)
{
    print_out(text);
    buf_fini(text);
    return EXIT_FINE;
}

static int no_topic(const char *topic)
{
    fprintf(stderr, "No help topic for '%s'\n", topic);
    return EXIT_UNKNOWN;
}

/* `Incorrect Usage: WHY` and the help behind it; SEPARATOR is ": " or ". ". */
static int wrong_usage(const struct buf *why, const char *separator, struct buf *help)
{
    struct buf text = {0};

    buf_printf(&text, "Incorrect Usage%s", separator);
    buf_span(&text, buf_as_span(why));
    buf_lit(&text, "\n\n");
    buf_span(&text, buf_as_span(help));
    buf_fini(help);
    show(&text);
    fprintf(stderr, "%.*s\n", (int)why->len, why->ptr);
    return EXIT_ARGUMENTS;
}

static int run_command(struct session *s, const struct ctl_command *group,
                       const struct ctl_command *c, char **words, size_t count)
{
    struct opts o;
    struct buf why = {0}, help = {0};
    int status;

    if (opts_parse(&o, c->defs, c->defs_count, OPTS_ANYWHERE, words, count, &why) != 0) {
        help_command(&help, s->program, group, c);
        status = wrong_usage(&why, ": ", &help);
    } else if (o.help) {
        help_command(&help, s->program, group, c);
        status = show(&help);
    } else {
        status = (int)c->run(s, &o);
        fflush(stdout);
    }
    buf_fini(&why);
    opts_fini(&o);
    return status;
}

static int help_in_group(struct session *s, const struct ctl_command *group, const struct opts *o)
{
    struct buf help = {0};

    if (o->args_count < 2) {
        help_group(&help, s->program, group, true);
        return show(&help);
    }

    const struct ctl_command *c = table_find(group->subs, group->subs_count, o->args[1]);

    if (c == NULL)
        return no_topic(o->args[1]);
    help_command(&help, s->program, group, c);
    return show(&help);
}

static int run_group(struct session *s, const struct ctl_command *group, char **words, size_t count)
{
    struct opts o;
    struct buf why = {0}, help = {0};
    int status;

    if (opts_parse(&o, NULL, 0, OPTS_LEADING, words, count, &why) != 0) {
        help_group(&help, s->program, group, false);
        status = wrong_usage(&why, ". ", &help);
    } else if (o.help || o.args_count == 0) {
        help_group(&help, s->program, group, false);
        status = show(&help);
    } else if (is_help(o.args[0])) {
        status = help_in_group(s, group, &o);
    } else {
        const struct ctl_command *c = table_find(group->subs, group->subs_count, o.args[0]);
        size_t skip = count - o.args_count + 1;

        status =
            c != NULL ? run_command(s, group, c, words + skip, count - skip) : no_topic(o.args[0]);
    }
    buf_fini(&why);
    opts_fini(&o);
    return status;
}

static int help_in_program(struct session *s, const struct opts *o)
{
    struct buf help = {0};

    if (o->args_count < 2) {
        help_program(&help, s->program);
        return show(&help);
    }

    const struct ctl_command *c = table_find(table_commands, table_commands_count, o->args[1]);

    if (c == NULL)
        return no_topic(o->args[1]);
    if (c->subs != NULL)
        help_group_short(&help, s->program, c);
    else
        help_command(&help, s->program, NULL, c);
    return show(&help);
}

/* COUNT words, the first of which O->args[0] stands for the command. */
static int dispatch(struct session *s, const struct opts *o, char **words, size_t count)
{
    struct buf help = {0};

    if (o->help || o->args_count == 0) {
        help_program(&help, s->program);
        return show(&help);
    }
    if (is_help(o->args[0]))
        return help_in_program(s, o);

    const struct ctl_command *c = table_find(table_commands, table_commands_count, o->args[0]);
    size_t skip = count - o->args_count + 1;

    if (c == NULL)
        return no_topic(o->args[0]);
    if (c->subs != NULL)
        return run_group(s, c, words + skip, count - skip);
    return run_command(s, NULL, c, words + skip, count - skip);
}

/* A value that went into a full disk must not look as if it had been read. */
static int check_output(const struct session *s, int status)
{
    if (status != EXIT_FINE || (fflush(stdout) == 0 && !ferror(stdout)))
        return status;
    fprintf(stderr, "%s: the output could not be written\n", s->program);
    return EXIT_ARGUMENTS;
}

int ctl_main(int argc, char **argv, int (*backup)(int argc, char **argv))
{
    struct opts global;
    struct session s = {
        .program = base_name(argc > 0 ? argv[0] : "copse"), .global = &global, .backup = backup};
    struct buf why = {0}, help = {0};
    size_t count = argc > 1 ? (size_t)argc - 1 : 0;
    int status;

    if (opts_parse(&global, table_global, table_global_count, OPTS_LEADING, argv + 1, count,
                   &why) != 0) {
        help_program(&help, s.program);
        status = wrong_usage(&why, ". ", &help);
    } else if (global.version) {
        /* Scripts read the number behind these very words, whatever the program is called. */
        printf("etcdctl version: " PACKAGE_VERSION "\nAPI version: 2\n");
        status = EXIT_FINE;
    } else {
        s.output = opts_text(&global, "output");
        status = dispatch(&s, &global, argv + 1, count);
    }
    status = check_output(&s, status);
    session_close(&s);
    buf_fini(&why);
    opts_fini(&global);
    return status;
}
