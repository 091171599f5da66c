/* options: what the command line and the environment say, and who wins. */
#include "serve/options_priv.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"

#include <ctype.h>
#include <stdlib.h>
#include <unistd.h>

#define VARIABLE_BYTES 80

static const struct {
    const char *text;
    enum option_source source;
} prefixes[] = {{"copse_", FROM_ENV}, {"etcd_", FROM_ETCD_ENV}};

static bool has_field(const struct option_def *d)
{
    return d->group != GROUP_IDLE && d->group != GROUP_REFUSED;
}

const struct option_def *options_find(struct span flag)
{
    if (span_eq(flag, SPAN("h")))
        flag = SPAN("help");
    for (size_t i = 0; i < options_count; i++)
        if (span_eq(flag, span_of(options_table[i].flag)))
            return &options_table[i];
    return NULL;
}

bool options_given(const struct options *o, size_t offset)
{
    for (size_t i = 0; i < options_count; i++)
        if (has_field(&options_table[i]) && options_table[i].at == offset)
            return o->from[i] != FROM_DEFAULT;
    CP_ASSERT(false && "a field of the table");
    return false;
}

static int refuse(const struct option_def *d, const char *value, const char *spoken, struct err *e)
{
    bool on = false;
    if (d->fallback != NULL && strcmp(value, d->fallback) == 0)
        return 0;
    if (d->type == OPTION_BOOL && num_bool(span_of(value), &on) && !on)
        return 0;
    return err_set(e, ERR_USAGE, "%s=%s is not supported: %s", spoken, value, d->text);
}

static int bad_value(const struct option_def *d, const char *value, const char *spoken,
                     struct err *e)
{
    return err_set(e, ERR_USAGE, "invalid value \"%s\" for %s: it takes %s", value, spoken,
                   d->type == OPTION_BOOL ? "true or false" : "a whole number up to 4294967295");
}

static int store(void *at, const struct option_def *d, const char *value, const char *spoken,
                 struct err *e)
{
    uint64_t number;
    switch (d->type) {
    case OPTION_STRING:
        mem_free(*(char **)at);
        *(char **)at = mem_strdup(value);
        return 0;
    case OPTION_UINT:
        if (!num_u64(span_of(value), &number) || number > UINT32_MAX)
            return bad_value(d, value, spoken, e);
        *(unsigned *)at = (unsigned)number;
        return 0;
    case OPTION_BOOL:
        return num_bool(span_of(value), at) ? 0 : bad_value(d, value, spoken, e);
    }
    return 0;
}

int options_set(struct options *o, const struct option_def *d, const char *value,
                enum option_source source, const char *spoken, struct err *e)
{
    unsigned char *from = &o->from[d - options_table];
    if (source < *from)
        return 0;
    *from = (unsigned char)source;
    if (d->group == GROUP_REFUSED)
        return refuse(d, value, spoken, e);
    return has_field(d) ? store((char *)o + d->at, d, value, spoken, e) : 0;
}

void options_variable(char *name, size_t room, const char *prefix, const char *flag)
{
    snprintf(name, room, "%s%s", prefix, flag);
    for (char *c = name; *c != '\0'; c++)
        *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
}

/* Is there a variable of this prefix for D? What only etcd has is only looked for under its name.
 */
static bool has_variable(const struct option_def *d, enum option_source prefix)
{
    if (d->group == GROUP_PROGRAM)
        return d->at == offsetof(struct options, config_file);
    return prefix == FROM_ETCD_ENV || has_field(d);
}

/* Empty counts as unset. */
static int read_env(struct options *o, struct err *e)
{
    for (size_t i = 0; i < options_count * CP_COUNT(prefixes); i++) {
        const struct option_def *d = &options_table[i / CP_COUNT(prefixes)];
        enum option_source source = prefixes[i % CP_COUNT(prefixes)].source;
        char name[VARIABLE_BYTES];
        options_variable(name, sizeof(name), prefixes[i % CP_COUNT(prefixes)].text, d->flag);
        const char *value = has_variable(d, source) ? getenv(name) : NULL;
        if (value == NULL || value[0] == '\0')
            continue;
        int rv = options_set(o, d, value, source, name, e);
        if (rv != 0)
            return rv;
    }
    return 0;
}

/* Both one dash and two, "--f=v" and "--f v"; a bool takes a value only with "=". */
static int read_flags(struct options *o, int argc, char **argv, struct err *e)
{
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (word[0] != '-' || word[1] == '\0')
            return err_set(e, ERR_USAGE,
                           "'%s' is not a valid flag; copse help lists flags and commands", word);
        const char *name = word + (word[1] == '-' ? 2 : 1);
        const char *eq = strchr(name, '=');
        struct span flag = span_make(name, eq != NULL ? (size_t)(eq - name) : strlen(name));
        const struct option_def *d = options_find(flag);
        if (d == NULL)
            return err_set(e, ERR_USAGE,
                           "flag provided but not defined: -%.*s; copse serve --help lists the "
                           "flags",
                           (int)flag.len, flag.ptr);
        const char *value = eq != NULL ? eq + 1 : d->type == OPTION_BOOL ? "true" : argv[i + 1];
        if (value == NULL)
            return err_set(e, ERR_USAGE, "flag needs an argument: -%s", d->flag);
        if (eq == NULL && d->type != OPTION_BOOL)
            i++;
        char spoken[VARIABLE_BYTES];
        snprintf(spoken, sizeof(spoken), "--%s", d->flag);
        int rv = options_set(o, d, value, FROM_FLAG, spoken, e);
        if (rv != 0)
            return rv;
    }
    return 0;
}

int options_read(struct options *o, int argc, char **argv, struct err *e)
{
    *o = (struct options){.name = NULL};
    int rv = 0;
    for (size_t i = 0; rv == 0 && i < options_count; i++)
        if (has_field(&options_table[i]))
            rv = options_set(o, &options_table[i], options_table[i].fallback, FROM_DEFAULT,
                             "default", e);
    if (rv == 0)
        rv = read_flags(o, argc, argv, e);
    if (rv == 0)
        rv = read_env(o, e);
    if (rv == 0 && o->config_file[0] != '\0')
        rv = options_read_file(o, o->config_file, e);
    if (rv == 0 && !o->help && !o->version && !o->print_config)
        rv = options_check(o, e);
    return rv;
}

void options_fini(struct options *o)
{
    for (size_t i = 0; i < options_count; i++)
        if (has_field(&options_table[i]) && options_table[i].type == OPTION_STRING)
            mem_free(*(char **)((char *)o + options_table[i].at));
    options_check_fini(o);
    *o = (struct options){.name = NULL};
}

/* Variables that are not the server's, though they begin as its own do. */
static bool is_elsewhere(struct span name)
{
    static const char *const names[] = {
        "COPSE_ENDPOINTS",          "COPSE_ENDPOINT", "COPSE_PEERS",    "COPSE_CERT_FILE",
        "COPSE_KEY_FILE",           "COPSE_CA_FILE",  "COPSE_USERNAME", "COPSE_DISCOVERY_SRV",
        "COPSE_INSECURE_DISCOVERY", "COPSE_URL",      "ETCD_VERSION",   "ETCD_UNSUPPORTED_ARCH"};
    for (size_t i = 0; i < CP_COUNT(names); i++)
        if (span_eq(name, span_of(names[i])))
            return true;
    return false;
}

static bool is_setting(struct span name, const char *prefix, enum option_source source)
{
    for (size_t i = 0; i < options_count; i++) {
        char known[VARIABLE_BYTES];
        options_variable(known, sizeof(known), prefix, options_table[i].flag);
        if (has_variable(&options_table[i], source) && span_eq(name, span_of(known)))
            return true;
    }
    return false;
}

static void warn_of_variable(const char *variable)
{
    const char *eq = strchr(variable, '=');
    struct span name = span_make(variable, eq != NULL ? (size_t)(eq - variable) : 0);
    for (size_t i = 0; i < CP_COUNT(prefixes); i++) {
        char prefix[VARIABLE_BYTES], text[VARIABLE_BYTES];
        options_variable(prefix, sizeof(prefix), prefixes[i].text, "");
        if (!span_starts(name, span_of(prefix)) || is_elsewhere(name) ||
            is_setting(name, prefixes[i].text, prefixes[i].source))
            continue;
        snprintf(text, sizeof(text), "%.*s", (int)name.len, name.ptr);
        log_warn("option.unknown", LOG_S("variable", text),
                 LOG_S("reason", "no flag has this name; copse serve --help lists them"));
    }
}

void options_warn(const struct options *o)
{
    for (size_t i = 0; i < options_count; i++)
        if (options_table[i].group == GROUP_IDLE && o->from[i] != FROM_DEFAULT)
            log_warn("option.no_effect", LOG_S("flag", options_table[i].flag),
                     LOG_S("reason", options_table[i].text));
    options_warn_tls(o);
    for (char **at = environ; *at != NULL; at++)
        warn_of_variable(*at);
}
