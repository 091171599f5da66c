/* ctl: the command line client, word for word what `etcdctl` says in v2 mode (contract: ctl.md).
 * Knows HTTP through libcurl and JSON through jansson; nothing of the server.
 *
 * How the program's main tells client from server, argv[0] aside:
 *   called through a link named etcdctl     ctl_main
 *   ctl_claims(argc, argv)                  ctl_main
 *   anything else                           not the client's */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* Runs the client. argv[0] is the program's name, shown in help texts without its directories;
 * behind it stand global options, the command, its options and arguments. Returns the exit status
 * (contract section 1); `watch`, `exec-watch` and `cluster-health --forever` may end the process
 * themselves, at SIGINT. BACKUP runs the command of that name, which works on a data directory and
 * is none of the client's: it gets "backup" as argv[1], and its options. NULL: there is none. */
int ctl_main(int argc, char **argv, int (*backup)(int argc, char **argv));

/* Whether WORD names a command of the client: "get" … "auth". Not "help" and not "h". */
bool ctl_knows(const char *word);

/* Whether these words are for the client: global options of the client, each with its value, are
 * skipped (up to `--`), and a word stands behind them, which the client tells about when it is no
 * command; without such options it must be one. `help` (or `h`) counts when the word behind it is
 * such a command: `copse help get` is ours, `copse help` is not. A word that is an option but none
 * of the client's ends the search with false, so `copse
 * --name n1` stays the server's, and so do options without any command. */
bool ctl_claims(int argc, char **argv);

/* Writes one line a command, with what it is for, indented by two blanks. */
void ctl_list_commands(FILE *out);
