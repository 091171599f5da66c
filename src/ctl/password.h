/* password: asking for one. */
#pragma once

/* Prints PROMPT on out, reads one line of standard input without echo, prints a line end. Gives the
 * line without its end ("" at the end of input). Ctrl-C on a terminal ends the process with status
 * 255, the echo back on. */
char *password_ask(const char *prompt);
