/* early: a signal to end that comes before the server serves. Nobody has been answered then, and
 * what a start does on the disk may be cut at any point, as by a loss of power: so the process ends
 * at once, with status 0, however long the start would have taken. Main thread. */
#pragma once

#include "base/err.h"
#include "serve/systemd.h"

#include <pthread.h>
#include <stdbool.h>

struct early {
    bool on; /* the others are fixed as long as it is */
    pthread_t thread;
    const struct systemd *systemd;
    int signals; /* signalfd */
    int wake;    /* eventfd: early_end */
};

/* SIGTERM and SIGINT are blocked in all threads. From now on they end the process. */
int early_begin(struct early *y, const struct systemd *systemd, struct err *e) CP_MUST_CHECK;
/* From now on they wait for whoever asks for them, one that came and was not seen, too. Once more
 * is fine. */
void early_end(struct early *y);
