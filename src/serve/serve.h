/* serve: the server from flags to exit: one ladder up, one down. */
#pragma once

#include "base/check.h"

/* argv[0] is the program, flags from argv[1] on. The exit code is 0 after a clean stop, 1 when it
 * could not start, 2 for wrong flags. */
CP_NORETURN void serve_main(int argc, char **argv);
