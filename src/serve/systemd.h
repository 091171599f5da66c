/* systemd: what a service manager wants to hear, and the sockets it may have opened: the protocols
 * of sd_notify(3) and sd_listen_fds(3), without the library. Without a manager nothing happens.
 * Main thread. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>

struct systemd {
    int fd;               /* connected to the manager, or -1 */
    uint64_t watchdog_ns; /* it wants to hear of us that often; 0: never */
};

/* Takes what the environment says out of it, so that no child takes it for its own. */
void systemd_start(struct systemd *s);
void systemd_stop(struct systemd *s);
/* Lines as in sd_notify(3). */
void systemd_tell(const struct systemd *s, const char *fmt, ...) CP_PRINTF(2, 3);

#define SYSTEMD_SOCKETS 16

enum activated_for { ACTIVATED_CLIENTS, ACTIVATED_METRICS };

struct activated {
    unsigned n;
    struct {
        int fd; /* listening; the taker's */
        enum activated_for use;
    } sockets[SYSTEMD_SOCKETS];
};

/* The sockets that were handed over, by their FileDescriptorName=: one that begins with "metrics"
 * is for /metrics and health, any other for clients; "peer" is refused: those are opened here. */
int systemd_sockets(struct activated *a, struct err *e) CP_MUST_CHECK;
