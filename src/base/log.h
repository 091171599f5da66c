/* log: one line an event on standard error, "2026-11-21T01:02:03.004Z info wal.torn_tail file=…
 * offset=…". Never values of users or secrets. Any thread. */
#pragma once

#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_pair {
    const char *key; /* NULL ends the list */
    enum { LOG_T_STR, LOG_T_U64, LOG_T_I64, LOG_T_HEX } type;
    const char *str;
    uint64_t num;
};

#define LOG_S(k, v) ((struct log_pair){.key = (k), .type = LOG_T_STR, .str = (v)})
#define LOG_U(k, v) ((struct log_pair){.key = (k), .type = LOG_T_U64, .num = (uint64_t)(v)})
#define LOG_I(k, v)                                                                                \
    ((struct log_pair){.key = (k), .type = LOG_T_I64, .num = (uint64_t)(int64_t)(v)})
#define LOG_X(k, v) ((struct log_pair){.key = (k), .type = LOG_T_HEX, .num = (uint64_t)(v)})

void log_event(enum log_level level, const char *event, const struct log_pair *pairs);
void log_set_level(enum log_level level);

#define log_at(level, event, ...)                                                                  \
    log_event((level), (event), (const struct log_pair[]){__VA_ARGS__ __VA_OPT__(, ){.key = NULL}})
#define log_debug(event, ...) log_at(LOG_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...)  log_at(LOG_INFO, event, __VA_ARGS__)
#define log_warn(event, ...)  log_at(LOG_WARN, event, __VA_ARGS__)
#define log_error(event, ...) log_at(LOG_ERROR, event, __VA_ARGS__)
