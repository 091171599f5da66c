/* password: see password.h. */
#include "ctl/password.h"
#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define STATUS_INTERRUPTED 255

/* Byte by byte: what stands behind the line is not ours to take. With the terminal's signals off,
 * Ctrl-C comes as a byte. */
static bool read_line(struct buf *line, bool terminal)
{
    char c;

    for (;;) {
        ssize_t n = read(STDIN_FILENO, &c, 1);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || c == '\n')
            return true;
        if (terminal && c == 3)
            return false;
        buf_char(line, c);
    }
}

char *password_ask(const char *prompt)
{
    struct termios before, quiet;
    struct buf line = {0};
    bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;

    fputs(prompt, stdout);
    fflush(stdout);
    if (terminal) {
        quiet = before;
        quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }

    bool whole = read_line(&line, terminal);

    if (terminal)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputs("\n", stdout);
    fflush(stdout);
    if (!whole)
        _exit(STATUS_INTERRUPTED);
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;

    char *password = mem_strdup(buf_cstr(&line));

    buf_fini(&line);
    return password;
}
