#include "serve/early.h"

#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void *early_main(void *arg)
{
    struct early *y = arg;
    struct pollfd fds[] = {{.fd = y->signals, .events = POLLIN}, {.fd = y->wake, .events = POLLIN}};
    struct signalfd_siginfo info;
    do {
        (void)poll(fds, 2, -1);
        if (fds[1].revents != 0)
            return NULL;
    } while (read(y->signals, &info, sizeof(info)) != (ssize_t)sizeof(info));
    log_info("server.stopping", LOG_S("signal", info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT"),
             LOG_S("effect", "the start is given up"));
    systemd_tell(y->systemd, "STOPPING=1\nSTATUS=giving up the start");
    log_info("server.stopped");
    _exit(EXIT_SUCCESS);
}

int early_begin(struct early *y, const struct systemd *systemd, struct err *e)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    y->systemd = systemd;
    y->wake = -1;
    y->signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    if (y->signals >= 0)
        y->wake = eventfd(0, EFD_CLOEXEC);
    int errnum = y->wake < 0 ? errno : pthread_create(&y->thread, NULL, early_main, y);
    y->on = errnum == 0;
    if (y->on)
        return 0;
    if (y->signals >= 0)
        close(y->signals);
    if (y->wake >= 0)
        close(y->wake);
    return err_sys(e, errnum, "wait for signals");
}

void early_end(struct early *y)
{
    if (!y->on)
        return;
    y->on = false;
    (void)eventfd_write(y->wake, 1);
    pthread_join(y->thread, NULL);
    close(y->signals);
    close(y->wake);
}
