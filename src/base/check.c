/* check: how a broken assertion ends the process. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void check_failed(const char *file, int line, const char *what)
{
    char text[512];
    int n = snprintf(text, sizeof(text), "copse: internal error: %s:%d: %s\n", file, line, what);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;

    /* One write: lines of several threads do not mix. Nothing can be done about its failing. */
    ssize_t ignored = write(STDERR_FILENO, text, len);
    (void)ignored;
    abort();
}
