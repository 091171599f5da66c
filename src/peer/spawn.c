#include "peer/spawn.h"

#include <signal.h>

int spawn(pthread_t *out, const char *name, void *(*run)(void *), void *arg, struct err *e)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(out, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return err_sys(e, rc, "peer: thread");
    pthread_setname_np(*out, name);
    return 0;
}
