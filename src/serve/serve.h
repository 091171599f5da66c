/* serve: the server from flags to exit: one ladder up, one down. */
#pragma once

/* argv[0] is the program, flags from argv[1] on. Gives the exit code: 0 after a clean stop, 1 when
 * it could not start, 2 for wrong flags. */
int serve_main(int argc, char **argv);
