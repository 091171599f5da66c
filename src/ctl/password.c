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
#define CTRL_C             3

/* Byte by byte: what stands behind the line is not ours to take. False when Ctrl-C came, on a
 * terminal. */
static bool read_line(struct buf *line, bool terminal)
{
    char c;

    for (;;) {
        ssize_t n = read(STDIN_FILENO, &c, 1);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || c == '\n')
            return true;
        if (terminal && c == CTRL_C)
            return false;
        buf_char(line, c);
    }
}

/* No echo, and Ctrl-C as a byte that ends the line, so that we put the terminal right before we go.
 */
static void silence(const struct termios *before)
{
    struct termios quiet = *before;

    quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    quiet.c_cc[VEOL] = CTRL_C;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
}

char *password_ask(const char *prompt)
{
    struct termios before;
    struct buf line = {0};
    bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;

    if (terminal)
        silence(&before);
    fputs(prompt, stdout);
    fflush(stdout);

    bool whole = read_line(&line, terminal);

    if (terminal)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    if (!whole)
        _exit(STATUS_INTERRUPTED);
    fputs("\n", stdout);
    fflush(stdout);
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;

    char *password = mem_strdup(buf_cstr(&line));

    buf_fini(&line);
    return password;
}
