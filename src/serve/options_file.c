/* options_file: a configuration file: one YAML mapping of keys to plain values; lists of those are
 * joined by commas, and etcd's sections of TLS settings are one mapping deeper. Owns nothing beyond
 * the reading. */
#include "serve/options_priv.h"

#include "base/buf.h"
#include "proto/limits.h"

#include <errno.h>
#include <yaml.h>

struct reading {
    struct options *options;
    const char *path;
    yaml_parser_t parser;
    yaml_event_t event; /* the present one */
    bool seen[OPTIONS_MAX];
    struct err *e;
};

static struct span text_of(const yaml_event_t *event)
{
    return span_make(event->data.scalar.value, event->data.scalar.length);
}

static int refuse(struct reading *r, const char *what, struct span word)
{
    return err_set(r->e, ERR_USAGE, "%s:%zu: %s%s%.*s", r->path, r->event.start_mark.line + 1, what,
                   word.len > 0 ? ": " : "", (int)(word.len < 100 ? word.len : 100),
                   word.len > 0 ? word.ptr : "");
}

static int next(struct reading *r)
{
    yaml_event_delete(&r->event);
    if (yaml_parser_parse(&r->parser, &r->event))
        return 0;
    const char *problem = r->parser.problem != NULL ? r->parser.problem : "cannot be read";
    if (r->parser.error == YAML_READER_ERROR)
        return err_set(r->e, ERR_USAGE, "%s: not UTF-8 text: %s", r->path, problem);
    return err_set(r->e, ERR_USAGE, "%s:%zu: not YAML: %s", r->path,
                   r->parser.problem_mark.line + 1, problem);
}

/* The row that KEY means, within SECTION where that is not empty. */
static const struct option_def *find_key(struct span section, struct span key)
{
    if (section.len == 0)
        return options_find(key);
    for (size_t i = 0; i < options_count; i++) {
        const char *own = options_table[i].key;
        if (own == NULL || strlen(own) != section.len + 1 + key.len)
            continue;
        if (span_starts(span_of(own), section) && own[section.len] == '.' &&
            span_eq(span_of(own + section.len + 1), key))
            return &options_table[i];
    }
    return NULL;
}

static bool is_section(struct span key)
{
    for (size_t i = 0; i < options_count; i++) {
        const char *own = options_table[i].key;
        if (own != NULL && span_starts(span_of(own), key) && own[key.len] == '.')
            return true;
    }
    return false;
}

/* ~, null, and nothing at all: as if the key were not there. */
static bool is_null(const yaml_event_t *event)
{
    struct span text = text_of(event);
    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (text.len == 0 || span_eq(text, SPAN("~")) || span_eq(text, SPAN("null")));
}

/* Leaves the value's last event as the present one. */
static int read_value(struct reading *r, struct span key, struct buf *value, bool *null)
{
    *null = false;
    if (r->event.type == YAML_SCALAR_EVENT) {
        *null = is_null(&r->event);
        buf_span(value, text_of(&r->event));
    } else if (r->event.type == YAML_SEQUENCE_START_EVENT) {
        for (bool first = true;; first = false) {
            int rv = next(r);
            if (rv != 0)
                return rv;
            if (r->event.type == YAML_SEQUENCE_END_EVENT)
                break;
            if (r->event.type != YAML_SCALAR_EVENT)
                return refuse(r, "a list of plain values is expected for", key);
            if (!first)
                buf_char(value, ',');
            buf_span(value, text_of(&r->event));
        }
    } else {
        return refuse(r, "a plain value or a list of them is expected for", key);
    }
    if (value->len > 0 && memchr(value->ptr, '\0', value->len) != NULL)
        return refuse(r, "a value must not have a NUL in it", key);
    return 0;
}

static int set(struct reading *r, struct span section, struct span key)
{
    const struct option_def *d = find_key(section, key);
    if (d == NULL || d->group == GROUP_PROGRAM)
        return refuse(r, "no setting has this name", key);
    if (r->seen[d - options_table])
        return refuse(r, "set twice", key);
    r->seen[d - options_table] = true;
    char spoken[ERR_TEXT_BYTES / 2];
    snprintf(spoken, sizeof(spoken), "%s:%zu: %s", r->path, r->event.start_mark.line + 1, d->flag);
    struct buf value = {0};
    bool null;
    int rv = read_value(r, key, &value, &null);
    if (rv == 0 && !null)
        rv = options_set(r->options, d, buf_cstr(&value), FROM_FILE, spoken, r->e);
    buf_fini(&value);
    return rv;
}

/* From the event behind the mapping's start up to its end. */
static int read_mapping(struct reading *r, struct span section)
{
    for (;;) {
        int rv = next(r);
        if (rv != 0 || r->event.type == YAML_MAPPING_END_EVENT)
            return rv;
        if (r->event.type != YAML_SCALAR_EVENT)
            return refuse(r, "the name of a setting is expected", SPAN(""));
        struct buf key = {0};
        buf_span(&key, text_of(&r->event));
        rv = next(r);
        if (rv == 0 && section.len == 0 && r->event.type == YAML_MAPPING_START_EVENT &&
            is_section(buf_as_span(&key)))
            rv = read_mapping(r, buf_as_span(&key));
        else if (rv == 0)
            rv = set(r, section, buf_as_span(&key));
        buf_fini(&key);
        if (rv != 0)
            return rv;
    }
}

/* Nothing, or one document that is one mapping. */
static int read_document(struct reading *r)
{
    int rv;
    do {
        rv = next(r);
        if (rv != 0 || r->event.type == YAML_STREAM_END_EVENT)
            return rv;
    } while (r->event.type != YAML_DOCUMENT_START_EVENT);
    rv = next(r);
    if (rv != 0 || (r->event.type == YAML_SCALAR_EVENT && is_null(&r->event)))
        return rv;
    if (r->event.type != YAML_MAPPING_START_EVENT)
        return refuse(r, "settings as \"name: value\" are expected", SPAN(""));
    rv = read_mapping(r, SPAN(""));
    while (rv == 0 && r->event.type != YAML_STREAM_END_EVENT) {
        rv = next(r);
        if (rv == 0 && r->event.type == YAML_DOCUMENT_START_EVENT)
            rv = refuse(r, "one document is all there may be", SPAN(""));
    }
    return rv;
}

static int read_bytes(const char *path, struct buf *b, struct err *e)
{
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return err_set(e, ERR_USAGE, "--config-file %s: %s", path, strerror(errno));
    size_t n;
    do {
        buf_reserve(b, 4096);
        n = fread(b->ptr + b->len, 1, 4096, f);
        b->len += n;
    } while (n > 0 && b->len <= LIMIT_CONFIG_BYTES);
    int errnum = ferror(f) ? errno : 0;
    fclose(f);
    if (errnum != 0)
        return err_set(e, ERR_USAGE, "--config-file %s: %s", path, strerror(errnum));
    if (b->len > LIMIT_CONFIG_BYTES)
        return err_set(e, ERR_USAGE, "--config-file %s: larger than %d bytes", path,
                       LIMIT_CONFIG_BYTES);
    return 0;
}

int options_read_file(struct options *o, const char *path, struct err *e)
{
    struct reading r = {.options = o, .path = path, .e = e};
    struct buf text = {0};
    int rv = read_bytes(path, &text, e);
    if (rv == 0 && !yaml_parser_initialize(&r.parser))
        rv = err_set(e, ERR_USAGE, "--config-file %s: out of memory", path);
    else if (rv == 0) {
        yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.ptr, text.len);
        rv = read_document(&r);
        yaml_event_delete(&r.event);
        yaml_parser_delete(&r.parser);
    }
    buf_fini(&text);
    return rv;
}

const char *options_yaml_version(void)
{
    return yaml_get_version_string();
}
