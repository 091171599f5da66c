/* err: failures of the world. Functions return 0 or a negative code: -errno of the system, or one
 * of err.def; a struct err gathers what was being done, outermost first: "open data dir x: lock:
 * held by process 12". */
#pragma once

#include "base/check.h"

#define ERR_TEXT_BYTES 512

enum {
#define X(name, number, text) ERR_##name = -(number),
#include "base/err.def"
#undef X
};

struct err {
    int code;
    char text[ERR_TEXT_BYTES];
};

/* Sets code and text; returns CODE. A NULL err is allowed and only passes the code on. */
int err_set(struct err *e, int code, const char *fmt, ...) CP_PRINTF(3, 4);
/* As err_set for -errno: the text gets ": " and the system's words behind it. */
int err_sys(struct err *e, int errnum, const char *fmt, ...) CP_PRINTF(3, 4);
/* Puts "context: " before the text; returns the code, -EIO for a NULL err. */
int err_wrap(struct err *e, const char *fmt, ...) CP_PRINTF(2, 3);
/* Puts TEXT behind the text there is, as far as it fits. */
void err_add(struct err *e, const char *text);
/* Words for a code of either kind. */
const char *err_text(int code);
