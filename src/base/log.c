/* log: a line is built in memory and leaves in one write, so lines of several threads never mix. */
#include "base/log.h"

#include "base/clock.h"
#include "base/jsonw.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static atomic_int least_level = LOG_INFO;
static atomic_int line_format = LOG_TEXT;
static atomic_int line_fd = STDERR_FILENO;

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static const char *const journal_levels[] = {"<7>", "<6>", "<4>", "<3>"};

_Static_assert(CP_COUNT(level_names) == LOG_ERROR + 1, "a name for each level");
_Static_assert(CP_COUNT(journal_levels) == LOG_ERROR + 1, "a number for each level");

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&least_level, (int)level, memory_order_relaxed);
}

enum log_level log_level(void)
{
    return (enum log_level)atomic_load_explicit(&least_level, memory_order_relaxed);
}

void log_set_format(enum log_format format)
{
    atomic_store_explicit(&line_format, (int)format, memory_order_relaxed);
}

int log_set_fd(int fd)
{
    return atomic_exchange(&line_fd, fd);
}

bool log_level_of(const char *word, enum log_level *level)
{
    for (unsigned i = 0; i < CP_COUNT(level_names); i++) {
        if (strcasecmp(word, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* ---- text ---- */

static bool is_plain(unsigned char c)
{
    return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '=';
}

/* How many bytes at P are a character that a terminal may be shown: not one of those beyond ASCII
 * that control it, and no piece of one. */
static size_t wide_len(const char *p, size_t left)
{
    size_t n = jsonw_wide_len((const unsigned char *)p, left);

    return n == 2 && (unsigned char)p[0] == 0xc2 && (unsigned char)p[1] < 0xa0 ? 0 : n;
}

static void add_quoted(struct buf *b, struct span text)
{
    buf_char(b, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        size_t wide = c > 0x7f ? wide_len(text.ptr + i, text.len - i) : 0;

        if (wide > 0) {
            buf_add(b, text.ptr + i, wide);
            i += wide - 1;
        } else if (c == '\n') {
            buf_lit(b, "\\n");
        } else if (c < ' ' || c >= 0x7f) {
            buf_printf(b, "\\x%02x", c);
        } else {
            if (c == '"' || c == '\\')
                buf_char(b, '\\');
            buf_char(b, (char)c);
        }
    }
    buf_char(b, '"');
}

static void add_text(struct buf *b, struct span text)
{
    size_t plain = 0;

    while (plain < text.len && is_plain((unsigned char)text.ptr[plain]))
        plain++;
    if (plain == text.len && plain > 0)
        buf_span(b, text);
    else
        add_quoted(b, text);
}

/* ---- both ---- */

static struct span string_of(const struct log_pair *pair)
{
    if (pair->str == NULL)
        return SPAN("");
    return pair->type == LOG_T_STR ? span_of(pair->str) : span_make(pair->str, pair->num);
}

static void add_value(struct buf *b, const struct log_pair *pair, bool json)
{
    switch (pair->type) {
    case LOG_T_STR:
    case LOG_T_SPAN:
        if (json)
            jsonw_str(b, string_of(pair));
        else
            add_text(b, string_of(pair));
        break;
    case LOG_T_U64:
        buf_u64(b, pair->num);
        break;
    case LOG_T_I64:
        buf_i64(b, (int64_t)pair->num);
        break;
    case LOG_T_HEX:
        buf_printf(b, json ? "\"%llx\"" : "%llx", (unsigned long long)pair->num);
        break;
    }
}

static void render_json(struct buf *b, const char *level, const char *event,
                        const struct log_pair *pairs)
{
    buf_lit(b, "{\"time\":\"");
    jsonw_utc(b, clock_wall_ns(&clock_system), 3);
    buf_char(b, '"');
    if (level != NULL)
        buf_printf(b, ",\"level\":\"%s\"", level);
    buf_printf(b, ",\"event\":\"%s\"", event);
    for (; pairs->key != NULL; pairs++) {
        buf_printf(b, ",\"%s\":", pairs->key);
        add_value(b, pairs, true);
    }
    buf_lit(b, "}\n");
}

static void render_text(struct buf *b, const char *level, const char *event,
                        const struct log_pair *pairs)
{
    if (level != NULL) {
        buf_span(b, span_of(level));
        buf_char(b, ' ');
    }
    buf_span(b, span_of(event));
    for (; pairs->key != NULL; pairs++) {
        buf_printf(b, " %s=", pairs->key);
        add_value(b, pairs, false);
    }
    buf_char(b, '\n');
}

void log_render(struct buf *b, const char *level, const char *event, const struct log_pair *pairs)
{
    if (atomic_load_explicit(&line_format, memory_order_relaxed) == LOG_JSON) {
        render_json(b, level, event, pairs);
        return;
    }
    jsonw_utc(b, clock_wall_ns(&clock_system), 3);
    buf_char(b, ' ');
    render_text(b, level, event, pairs);
}

/* ---- events ---- */

/* May one more line leave here? *TOLD: how many did not before it, to be told with it. */
static bool admit(struct log_site *site, unsigned *told)
{
    uint64_t now_s = clock_mono_ns(&clock_system) / (uint64_t)NS_PER_S;
    uint64_t now = (site->seldom ? now_s / LOG_SELDOM_S : now_s) + 1;
    uint64_t period = atomic_load_explicit(&site->period, memory_order_relaxed);
    unsigned most = site->seldom ? 1 : LOG_LINES_A_SECOND;

    *told = 0;
    if (period != now && atomic_compare_exchange_strong(&site->period, &period, now))
        atomic_store_explicit(&site->lines, 0, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&site->lines, 1, memory_order_relaxed) >= most) {
        atomic_fetch_add_explicit(&site->left_out, 1, memory_order_relaxed);
        return false;
    }
    if (atomic_load_explicit(&site->left_out, memory_order_relaxed) > 0)
        *told = atomic_exchange(&site->left_out, 0);
    return true;
}

/* The line, with what was left out behind the pairs. */
static void render_event(struct buf *b, enum log_level level, const char *event,
                         const struct log_pair *pairs)
{
    if (atomic_load_explicit(&line_format, memory_order_relaxed) == LOG_JOURNAL) {
        buf_span(b, span_of(journal_levels[level]));
        render_text(b, level_names[level], event, pairs);
    } else {
        log_render(b, level_names[level], event, pairs);
    }
}

void log_event(struct log_site *site, enum log_level level, const char *event,
               const struct log_pair *pairs)
{
    unsigned left_out;

    if (level < log_level() || !admit(site, &left_out))
        return;

    int saved_errno = errno;
    struct buf line = {0};

    if (left_out > 0)
        render_event(&line, level, "log.left_out",
                     (const struct log_pair[]){LOG_S("of", event), LOG_U("lines", left_out), {0}});
    render_event(&line, level, event, pairs);

    /* There is nowhere to tell that standard error is gone. */
    ssize_t ignored =
        write(atomic_load_explicit(&line_fd, memory_order_relaxed), line.ptr, line.len);
    (void)ignored;
    buf_fini(&line);
    errno = saved_errno;
}

static bool is_noise(const struct log_library *library, const char *line)
{
    for (const char *const *noise = library->noise; *noise != NULL; noise++)
        if (strstr(line, *noise) != NULL)
            return true;
    return false;
}

void log_of_library(void *library, const char *fmt, va_list args)
{
    const struct log_library *of = library;
    char line[256];

    if (vsnprintf(line, sizeof(line), fmt, args) < 0)
        return;
    line[strcspn(line, "\r\n")] = '\0';
    log_at(is_noise(of, line) ? LOG_DEBUG : LOG_WARN, of->event, LOG_S("text", line));
}
