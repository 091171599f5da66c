#include "admin/words.h"

#include "base/num.h"

#include <string.h>

static size_t find(const struct word_option *options, struct span name)
{
    size_t i = 0;
    while (options[i].name != NULL && !span_eq(span_of(options[i].name), name))
        i++;
    CP_ASSERT(i < WORDS_OPTIONS);
    return i;
}

/* The option at argv[*I]; its value may be the next word. */
static int take_option(struct words *w, char **argv, int argc, int *i, struct err *e)
{
    const char *word = argv[*i];
    const char *name = word + (word[1] == '-' ? 2 : 1);
    const char *equals = strchr(name, '=');
    struct span s = {name, equals != NULL ? (size_t)(equals - name) : strlen(name)};
    if (span_eq(s, SPAN("help")) || span_eq(s, SPAN("h"))) {
        w->help = true;
        return 0;
    }
    size_t at = find(w->options, s);
    if (w->options[at].name == NULL)
        return err_set(e, ERR_USAGE, "there is no option --%.*s", (int)s.len, s.ptr);
    if (w->options[at].value == NULL) {
        bool on = true;
        if (equals != NULL && !num_bool(span_of(equals + 1), &on))
            return err_set(e, ERR_USAGE, "--%s takes true or false", w->options[at].name);
        w->values[at] = on ? "true" : NULL;
        return 0;
    }
    if (equals == NULL && *i + 1 == argc)
        return err_set(e, ERR_USAGE, "--%s wants a value: %s", w->options[at].name,
                       w->options[at].value);
    w->values[at] = equals != NULL ? equals + 1 : argv[++*i];
    return 0;
}

int words_parse(struct words *w, const struct word_option *options, int arguments, char **argv,
                int argc, struct err *e)
{
    bool over = false;
    int given = 0;
    *w = (struct words){.options = options};
    for (int i = 0; i < argc; i++) {
        if (!over && strcmp(argv[i], "--") == 0) {
            over = true;
        } else if (!over && argv[i][0] == '-' && argv[i][1] != '\0') {
            int rv = take_option(w, argv, argc, &i, e);
            if (rv != 0)
                return rv;
        } else if (given++ < arguments) {
            w->argument = argv[i];
        } else {
            return err_set(e, ERR_USAGE, "what is \"%s\" for? There is one word too many", argv[i]);
        }
    }
    return 0;
}

const char *words_get(const struct words *w, const char *name)
{
    size_t at = find(w->options, span_of(name));
    CP_ASSERT(w->options[at].name != NULL);
    return w->values[at];
}

int words_u64(const struct words *w, const char *name, uint64_t *out, struct err *e)
{
    const char *value = words_get(w, name);
    if (value == NULL || num_u64(span_of(value), out))
        return 0;
    return err_set(e, ERR_USAGE, "--%s=%s: it takes a whole number", name, value);
}
