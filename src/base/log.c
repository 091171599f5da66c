/* log: a line is built in memory and leaves in one write, so lines of several threads never mix. */
#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/jsonw.h"

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

static atomic_int least_level = LOG_INFO;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

_Static_assert(CP_COUNT(level_names) == LOG_ERROR + 1, "a name for each level");

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&least_level, (int)level, memory_order_relaxed);
}

static bool is_plain(unsigned char c)
{
    return c > ' ' && c != '"' && c != '\\' && c != '=' && c != 0x7f;
}

static void add_value(struct buf *b, const char *text)
{
    const char *p = text;

    while (is_plain((unsigned char)*p))
        p++;
    if (*p == '\0' && p != text) {
        buf_add(b, text, (size_t)(p - text));
        return;
    }
    buf_char(b, '"');
    for (p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;

        if (c == '\n')
            buf_lit(b, "\\n");
        else if (c < ' ' || c == 0x7f)
            buf_printf(b, "\\x%02x", c);
        else {
            if (c == '"' || c == '\\')
                buf_char(b, '\\');
            buf_char(b, *p);
        }
    }
    buf_char(b, '"');
}

static void add_pair(struct buf *b, const struct log_pair *pair)
{
    buf_char(b, ' ');
    buf_span(b, span_of(pair->key));
    buf_char(b, '=');
    switch (pair->type) {
    case LOG_T_STR:
        add_value(b, pair->str != NULL ? pair->str : "");
        break;
    case LOG_T_U64:
        buf_u64(b, pair->num);
        break;
    case LOG_T_I64:
        buf_i64(b, (int64_t)pair->num);
        break;
    case LOG_T_HEX:
        buf_printf(b, "%llx", (unsigned long long)pair->num);
        break;
    }
}

void log_event(enum log_level level, const char *event, const struct log_pair *pairs)
{
    if ((int)level < atomic_load_explicit(&least_level, memory_order_relaxed))
        return;

    int saved_errno = errno;
    struct buf line = {0};

    jsonw_utc(&line, clock_wall_ns(&clock_system), 3);
    buf_char(&line, ' ');
    buf_span(&line, span_of(level_names[level]));
    buf_char(&line, ' ');
    buf_span(&line, span_of(event));
    for (; pairs->key != NULL; pairs++)
        add_pair(&line, pairs);
    buf_char(&line, '\n');

    /* There is nowhere to tell that standard error is gone. */
    ssize_t ignored = write(STDERR_FILENO, line.ptr, line.len);
    (void)ignored;
    buf_fini(&line);
    errno = saved_errno;
}
