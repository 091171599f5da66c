/* opts: see opts.h. */
#include "ctl/opts.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "ctl/text.h"

#include <string.h>

static const struct opt_def help_def = {.name = "help", .alias = "h", .kind = OPT_BOOL};
static const struct opt_def version_def = {.name = "version", .alias = "v", .kind = OPT_BOOL};

/* A word that looks like an option, taken apart. */
struct option_word {
    struct span name;
    const char *value; /* behind `=`, or NULL */
    bool bad;          /* `-=x`, `---x` */
};

static bool looks_like_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0';
}

static struct option_word take_apart(const char *word)
{
    const char *name = word + (word[1] == '-' ? 2 : 1);
    const char *equals = strchr(name, '=');

    return (struct option_word){
        .name = {name, equals != NULL ? (size_t)(equals - name) : strlen(name)},
        .value = equals != NULL ? equals + 1 : NULL,
        .bad = *name == '-' || *name == '=' || *name == '\0',
    };
}

static bool is_named(const struct opt_def *def, struct span name)
{
    return span_eq(name, span_of(def->name)) ||
           (def->alias != NULL && span_eq(name, span_of(def->alias)));
}

static const struct opt_def *find_def(const struct opts *o, enum opts_place place, struct span name)
{
    for (size_t i = 0; i < o->count; i++) {
        if (is_named(&o->defs[i], name))
            return &o->defs[i];
    }
    if (is_named(&help_def, name))
        return &help_def;
    if (place == OPTS_LEADING && is_named(&version_def, name))
        return &version_def;
    return NULL;
}

static int bad_value(struct buf *why, const char *value, struct span name, bool is_bool, bool range)
{
    buf_printf(why, is_bool ? "invalid boolean value " : "invalid value ");
    text_quote(why, span_of(value));
    buf_printf(why, is_bool ? " for -%.*s: %s" : " for flag -%.*s: %s", (int)name.len, name.ptr,
               range ? "value out of range" : "parse error");
    return ERR_USAGE;
}

static int set_value(struct opts *o, const struct opt_def *def, struct span name, const char *text,
                     struct buf *why)
{
    struct opt_value scratch = {0};
    struct opt_value *v =
        def == &help_def || def == &version_def ? &scratch : &o->values[def - o->defs];
    enum text_number outcome;
    bool flag = true;

    switch (def->kind) {
    case OPT_BOOL:
        if (text != NULL && !num_bool(span_of(text), &flag))
            return bad_value(why, text, name, true, false);
        v->number = flag;
        break;
    case OPT_INT:
        outcome = text_int(text, &v->number);
        if (outcome != TEXT_OK)
            return bad_value(why, text, name, false, outcome == TEXT_RANGE);
        break;
    case OPT_DURATION:
        if (!text_duration(text, &v->number))
            return bad_value(why, text, name, false, false);
        break;
    case OPT_TEXT:
        v->text = text;
        break;
    case OPT_LIST:
        v->items = mem_realloc(v->items, (v->items_count + 1) * sizeof(*v->items));
        v->items[v->items_count++] = text;
        break;
    }
    v->set = true;
    o->help = o->help || (def == &help_def && flag);
    o->version = o->version || (def == &version_def && flag);
    return 0;
}

/* The option is the last word and lacks its value. */
static int no_value(struct opts *o, const struct opt_def *def, struct span name, struct buf *why)
{
    /* quirk: the reference puts the option in front of the arguments, so that it takes the first of
     * them; the message, where that one does not parse, is the reference's (bad options). */
    if (o->args_count > 0 && (def->kind == OPT_INT || def->kind == OPT_DURATION)) {
        int64_t number;

        if (text_int(o->args[0], &number) != TEXT_OK)
            return bad_value(why, o->args[0], name, false, false);
    }
    buf_printf(why, "flag needs an argument: -%.*s", (int)name.len, name.ptr);
    return ERR_USAGE;
}

static void set_fallbacks(struct opts *o)
{
    struct buf why = {0};

    for (size_t i = 0; i < o->count; i++) {
        const struct opt_def *def = &o->defs[i];

        if (def->fallback == NULL)
            continue;
        CP_ASSERT(set_value(o, def, span_of(def->name), def->fallback, &why) == 0);
        o->values[i].set = false;
    }
    buf_fini(&why);
}

int opts_parse(struct opts *o, const struct opt_def *defs, size_t defs_count, enum opts_place place,
               char **words, size_t count, struct buf *why)
{
    CP_ASSERT(defs_count <= OPTS_MAX);
    *o = (struct opts){
        .defs = defs, .count = defs_count, .dashes_at = SIZE_MAX, .dragged_at = SIZE_MAX};
    o->args = mem_zalloc((count + 1) * sizeof(*o->args));
    set_fallbacks(o);

    bool options_over = false, after_bool = false;

    for (size_t i = 0; i < count; i++) {
        if (!options_over && strcmp(words[i], "--") == 0) {
            options_over = true;
            o->dashes_at = o->args_count;
            after_bool = false;
            continue;
        }
        if (options_over || !looks_like_option(words[i])) {
            if (after_bool && o->dragged_at == SIZE_MAX)
                o->dragged_at = o->args_count;
            after_bool = false;
            o->args[o->args_count++] = words[i];
            options_over = options_over || place == OPTS_LEADING;
            continue;
        }

        struct option_word word = take_apart(words[i]);
        const struct opt_def *def = word.bad ? NULL : find_def(o, place, word.name);

        if (def == NULL && o->args_count > 0) {
            o->args[o->args_count++] = words[i];
            continue;
        }
        if (def == NULL) {
            if (word.bad)
                buf_printf(why, "bad flag syntax: %s", words[i]);
            else
                buf_printf(why, "flag provided but not defined: -%.*s", (int)word.name.len,
                           word.name.ptr);
            return ERR_USAGE;
        }
        after_bool = def->kind == OPT_BOOL && word.value == NULL;
        if (def->kind != OPT_BOOL && word.value == NULL) {
            if (i + 1 == count)
                return no_value(o, def, word.name, why);
            word.value = words[++i];
        }

        int rc = set_value(o, def, word.name, word.value, why);

        if (rc != 0)
            return rc;
    }
    return 0;
}

void opts_fini(struct opts *o)
{
    for (size_t i = 0; i < o->count; i++)
        mem_free(o->values[i].items);
    mem_free(o->args);
    *o = (struct opts){0};
}

const struct opt_value *opts_get(const struct opts *o, const char *name)
{
    for (size_t i = 0; i < o->count; i++) {
        if (strcmp(o->defs[i].name, name) == 0)
            return &o->values[i];
    }
    check_failed(__FILE__, __LINE__, name);
}
