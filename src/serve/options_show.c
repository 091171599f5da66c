/* options_show: the table for people: --help, and a configuration file of all settings. */
#include "serve/options_priv.h"

static const char *const headings[GROUPS] = {
    [GROUP_MEMBER] = "member",
    [GROUP_CLUSTER] = "cluster",
    [GROUP_SECURITY] = "security",
    [GROUP_LOG] = "log and metrics",
    [GROUP_LIMITS] = "sizes and limits",
    [GROUP_PROGRAM] = "program",
    [GROUP_IDLE] = "flags of etcd that are taken and do nothing; the log says so",
    [GROUP_REFUSED] = "flags of etcd that are refused, unless they have the value shown",
};

_Static_assert(CP_COUNT(headings) == GROUPS, "a heading for each group");

static bool shows_default(const struct option_def *d)
{
    return d->group != GROUP_IDLE && d->fallback != NULL && d->fallback[0] != '\0' &&
           d->type != OPTION_BOOL;
}

static void help_row(FILE *out, const struct option_def *d)
{
    char left[64];
    snprintf(left, sizeof(left), "--%s %s", d->flag, d->argument != NULL ? d->argument : "");
    fprintf(out, "  %-34s %s", left, d->text);
    if (shows_default(d))
        fprintf(out, " (default %s)", d->fallback);
    fputc('\n', out);
}

void options_help(FILE *out, const char *program)
{
    fprintf(out,
            "%s serves the etcd v2 API.\n\nusage: %s [serve] [flags]     start a member\n"
            "       %s COMMAND [...]       be a client; %s help lists the commands\n",
            program, program, program, program);
    for (enum option_group g = 0; g < GROUPS; g++) {
        fprintf(out, "\n%s:\n", headings[g]);
        for (size_t i = 0; i < options_count; i++)
            if (options_table[i].group == g)
                help_row(out, &options_table[i]);
    }
    fprintf(out,
            "\nA flag can also be set as COPSE_FLAG_NAME or ETCD_FLAG_NAME in the environment, "
            "or as flag-name in a\nconfiguration file; the command line wins over the "
            "environment, and that over the file.\n");
}

/* As YAML reads it back: what is more than a plain word stands in quotes. */
static void print_text(FILE *out, const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "_-+./:=[]@%";
    bool quote = text[strspn(text, plain)] != '\0' || text[0] == '\0' || strchr("-[@%", text[0]);
    if (!quote) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == '"' || *c == '\\')
            fprintf(out, "\\x%02x", (unsigned char)*c);
        else
            fputc(*c, out);
    }
    fputc('"', out);
}

static void print_row(const struct options *o, const struct option_def *d, FILE *out)
{
    const void *at = (const char *)o + d->at;
    fprintf(out, "\n# %s\n%s%s: ", d->text, o->from[d - options_table] == FROM_DEFAULT ? "#" : "",
            d->flag);
    switch (d->type) {
    case OPTION_STRING:
        print_text(out, *(char *const *)at);
        break;
    case OPTION_UINT:
        fprintf(out, "%u", *(const unsigned *)at);
        break;
    case OPTION_BOOL:
        fputs(*(const bool *)at ? "true" : "false", out);
        break;
    }
    fputc('\n', out);
}

void options_print(const struct options *o, FILE *out)
{
    fputs("# Settings of a member, for copse serve --config-file; see copse.conf(5).\n"
          "# What is commented out has its default here.\n",
          out);
    for (enum option_group g = 0; g < GROUP_PROGRAM; g++) {
        fprintf(out, "\n# --- %s ---\n", headings[g]);
        for (size_t i = 0; i < options_count; i++)
            if (options_table[i].group == g)
                print_row(o, &options_table[i], out);
    }
}
