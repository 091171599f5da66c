/* children: the programs that exec-watch runs: none stays a zombie, and a signal that ends us
 * reaches them first. Owns a thread that waits for the signals; they are blocked everywhere else
 * from children_new to children_free. */
#pragma once

#include "base/check.h"

struct children;

/* From now on SIGINT ends the process with status 0, SIGTERM and SIGHUP as they do by default, but
 * not without having been passed on to all programs that run. A signal from the terminal is not
 * passed on: the programs have it already. */
struct children *children_new(void);
/* The programs go on alone. */
void children_free(struct children *c);

/* Starts COMMAND (ended by NULL, the program looked for in $PATH) with no input and the environment
 * ENV. 0, or errno. */
int children_start(struct children *c, char **command, char **env) CP_MUST_CHECK;
