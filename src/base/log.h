/* log: one line an event on standard error: "2026-11-21T01:02:03.004Z info wal.torn_tail file=…
 * offset=…", or the same as an object of JSON. Never values of users or secrets. A place in the
 * code that says more than LOG_LINES_A_SECOND, or with log_seldom more than a line in LOG_SELDOM_S,
 * is cut short; the next line tells by how much. Any thread. */
#pragma once

#include "base/buf.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define LOG_LINES_A_SECOND 50
#define LOG_SELDOM_S       10

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format {
    LOG_TEXT,
    LOG_JSON,
    LOG_JOURNAL, /* text for systemd's journal, which has the time, and the level as <N> in front */
};

struct log_pair {
    const char *key; /* NULL ends the list */
    enum { LOG_T_STR, LOG_T_SPAN, LOG_T_U64, LOG_T_I64, LOG_T_HEX } type;
    const char *str;
    uint64_t num; /* LOG_T_SPAN: length */
};

#define LOG_S(k, v) ((struct log_pair){.key = (k), .type = LOG_T_STR, .str = (v)})
#define LOG_SPAN(k, v)                                                                             \
    ((struct log_pair){.key = (k), .type = LOG_T_SPAN, .str = (v).ptr, .num = (v).len})
#define LOG_U(k, v) ((struct log_pair){.key = (k), .type = LOG_T_U64, .num = (uint64_t)(v)})
#define LOG_I(k, v)                                                                                \
    ((struct log_pair){.key = (k), .type = LOG_T_I64, .num = (uint64_t)(int64_t)(v)})
#define LOG_X(k, v) ((struct log_pair){.key = (k), .type = LOG_T_HEX, .num = (uint64_t)(v)})

/* One for each place in the code. */
struct log_site {
    _Atomic uint64_t period; /* monotonic; of a second, or of LOG_SELDOM_S */
    atomic_uint lines;       /* in that */
    atomic_uint left_out;    /* and not told yet */
    const bool seldom;
};

void log_event(struct log_site *site, enum log_level level, const char *event,
               const struct log_pair *pairs);
void log_set_level(enum log_level level);
enum log_level log_level(void);
void log_set_format(enum log_format format);
/* Lines go to FD from now on; gives the one before. */
int log_set_fd(int fd);
/* Appends a line as it would be logged, for logs of another kind; LEVEL NULL: without. */
void log_render(struct buf *b, const char *level, const char *event, const struct log_pair *pairs);
/* "debug", "info", "warn", "error"; false: none of them. */
bool log_level_of(const char *word, enum log_level *level);

/* How a library's own words are logged: a line that contains one of NOISE (NULL ends the list; "":
 * any line) at level debug, others as warnings. */
struct log_library {
    const char *event;
    const char *const *noise;
};
/* As libraries ask for a logger; LIBRARY: struct log_library. Only the first line counts. */
void log_of_library(void *library, const char *fmt, va_list args) CP_PRINTF(2, 0);

#define log_at_site(seldom_, level, event, ...)                                                    \
    do {                                                                                           \
        static struct log_site log_site_ = {.seldom = (seldom_)};                                  \
        log_event(&log_site_, (level), (event),                                                    \
                  (const struct log_pair[]){__VA_ARGS__ __VA_OPT__(, ){.key = NULL}});             \
    } while (0)
#define log_at(level, event, ...) log_at_site(false, level, event, __VA_ARGS__)
/* What anybody can provoke as often as he likes, and nobody wants to read more often. */
#define log_seldom(level, event, ...) log_at_site(true, level, event, __VA_ARGS__)

#define log_debug(event, ...) log_at(LOG_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...)  log_at(LOG_INFO, event, __VA_ARGS__)
#define log_warn(event, ...)  log_at(LOG_WARN, event, __VA_ARGS__)
#define log_error(event, ...) log_at(LOG_ERROR, event, __VA_ARGS__)
