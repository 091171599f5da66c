#include "admin/admin.h"

#include "admin/command.h"

#include <stdio.h>
#include <string.h>

static const struct admin_command *const table[] = {
    &admin_verify,
    &admin_dump,
    &admin_backup,
    &admin_restore,
};

static const struct admin_command *find(const char *word)
{
    for (size_t i = 0; i < CP_COUNT(table); i++)
        if (strcmp(table[i]->name, word) == 0)
            return table[i];
    return NULL;
}

bool admin_knows(const char *word)
{
    return find(word) != NULL;
}

static bool is_help(const char *word)
{
    return strcmp(word, "help") == 0 || strcmp(word, "h") == 0;
}

bool admin_claims(int argc, char **argv)
{
    if (argc > 1 && admin_knows(argv[1]))
        return true;
    return argc > 2 && is_help(argv[1]) && admin_knows(argv[2]);
}

void admin_list_commands(FILE *out)
{
    for (size_t i = 0; i < CP_COUNT(table); i++)
        fprintf(out, "  %-16s%s\n", table[i]->name, table[i]->text);
}

static int help(const struct admin_command *c)
{
    printf("copse %s - %s\n\nusage:\n  copse %s\n", c->name, c->text, c->usage);
    if (c->options[0].name != NULL)
        printf("\noptions:\n");
    for (const struct word_option *o = c->options; o->name != NULL; o++) {
        int n = printf("  --%s%s%s", o->name, o->value != NULL ? " " : "",
                       o->value != NULL ? o->value : "");
        printf("%*s%s\n", n < 40 ? 40 - n : 1, "", o->text);
    }
    if (c->more != NULL)
        printf("\n%s\n", c->more);
    return 0;
}

int admin_main(int argc, char **argv)
{
    if (argc > 2 && is_help(argv[1]))
        return help(find(argv[2]));
    const struct admin_command *c = find(argv[1]);
    struct words w;
    struct err e = {.code = 0};
    int rv = words_parse(&w, c->options, c->arguments, argv + 2, argc - 2, &e);
    if (rv == 0 && w.help)
        return help(c);
    int status = rv == 0 ? c->run(&w, &e) : c->usage_status;
    if (e.code == ERR_USAGE) {
        fprintf(stderr, "copse: %s: %s\nusage: copse %s\n", c->name, e.text, c->usage);
        return c->usage_status;
    }
    if (status == 0 && (fflush(stdout) != 0 || ferror(stdout))) {
        fprintf(stderr, "copse: %s: the output could not be written\n", c->name);
        return ADMIN_FAILED;
    }
    return status;
}
