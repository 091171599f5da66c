#include "cluster/job.h"

#include "cluster/engine_priv.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static void run(struct job *j)
{
    j->run(j);
    mailbox_post_chain(&j->engine->box, &j->mail);
}

static void *job_main(void *arg)
{
    struct job *j = arg;
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), j->nice);
    run(j);
    return NULL;
}

int job_start(struct job *j)
{
    j->mail.next = NULL;
    if (!j->engine->conf.stepped)
        return -pthread_create(&j->thread, NULL, job_main, j);
    struct job **last = &j->engine->jobs;
    while (*last != NULL)
        last = &(*last)->next;
    j->next = NULL;
    j->waits = true;
    *last = j;
    return 0;
}

static void run_waiting(struct job **place)
{
    struct job *j = *place;
    *place = j->next;
    j->waits = false;
    run(j);
}

void job_join(struct job *j)
{
    if (!j->engine->conf.stepped) {
        pthread_join(j->thread, NULL);
        return;
    }
    struct job **place = &j->engine->jobs;
    while (j->waits && *place != j)
        place = &(*place)->next;
    if (j->waits)
        run_waiting(place);
}

bool job_step(struct engine *e)
{
    if (e->jobs == NULL)
        return false;
    run_waiting(&e->jobs);
    return true;
}
