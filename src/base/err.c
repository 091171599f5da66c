/* err: codes and their texts come from one list, err.def. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *e, int code, const char *fmt, ...)
{
    CP_ASSERT(code < 0);
    if (e == NULL)
        return code;

    va_list args;

    e->code = code;
    va_start(args, fmt);
    vsnprintf(e->text, sizeof(e->text), fmt, args);
    va_end(args);
    return code;
}

void err_add(struct err *e, const char *text)
{
    if (e == NULL)
        return;

    size_t used = strlen(e->text);

    snprintf(e->text + used, sizeof(e->text) - used, "%s", text);
}

int err_sys(struct err *e, int errnum, const char *fmt, ...)
{
    CP_ASSERT(errnum > 0);
    if (e == NULL)
        return -errnum;

    va_list args;

    e->code = -errnum;
    va_start(args, fmt);
    vsnprintf(e->text, sizeof(e->text), fmt, args);
    va_end(args);

    err_add(e, ": ");
    err_add(e, err_text(-errnum));
    return -errnum;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    if (e == NULL)
        return -EIO;
    CP_ASSERT(e->code < 0);

    char inner[ERR_TEXT_BYTES];
    va_list args;

    memcpy(inner, e->text, sizeof(inner));
    va_start(args, fmt);
    vsnprintf(e->text, sizeof(e->text), fmt, args);
    va_end(args);

    err_add(e, ": ");
    err_add(e, inner);
    return e->code;
}

const char *err_text(int code)
{
    switch (code) {
    case 0:
        return "no error";
#define X(name, number, text)                                                                      \
    case ERR_##name:                                                                               \
        return text;
#include "base/err.def"
#undef X
    default: {
        const char *words = code < 0 ? strerrordesc_np(-code) : NULL;

        return words != NULL ? words : "unknown error";
    }
    }
}
