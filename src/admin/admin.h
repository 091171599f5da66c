/* admin: commands that work on data directories and speak to no server: verify, dump, backup,
 * restore. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* argv[0] is the program, argv[1] the command. Gives the exit status: 0; 1: it failed, or what was
 * looked at is damaged; 2: wrong words (backup: 1, as etcdctl's). */
int admin_main(int argc, char **argv);
/* Whether WORD names a command of this folder. */
bool admin_knows(const char *word);
/* Whether the words ask for help on one: `help verify`, `h verify`. */
bool admin_claims(int argc, char **argv);
/* Writes one line a command, with what it is for, indented by two blanks. */
void admin_list_commands(FILE *out);
