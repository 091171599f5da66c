/* listen: sockets that wait for connections. */
#pragma once

#include "base/err.h"

struct listen_at {
    const char *host; /* "": all addresses of this machine */
    const char *port;
    const char *flag; /* that gave it, for the words of a refusal */
};

/* One socket for each address that the host stands for, at most MAX; gives their number or an
 * error. They do not block, and notice clients whose machine has vanished. */
int listen_open(const struct listen_at *at, int *fds, unsigned max, struct err *e) CP_MUST_CHECK;
