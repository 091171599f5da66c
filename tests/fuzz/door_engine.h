/* door_engine: an engine without log, thread or clock for fuzz_door: the store of fake_engine, a
 * hub, and proposals that wait as long as the script says. Under a lock it runs on whatever thread
 * calls it. */
#pragma once

#include "../unit/api/fake_engine.h"

#include "http/door.h"

#include <pthread.h>

struct door_engine {
    struct engine base;
    struct door *door; /* whose turn ends with each call */
    struct hub *hub;
    pthread_mutex_t lock;
    bool held;     /* proposals wait */
    unsigned busy; /* so many more proposals and watches are refused */
    struct mail *first, **last;
    unsigned proposals, watches; /* not yet given back */
};

void door_engine_init(struct door_engine *e);
/* Nothing may be owed any more. */
void door_engine_fini(struct door_engine *e);
void door_engine_hold(struct door_engine *e);
void door_engine_release(struct door_engine *e);
/* The next proposal or watch finds it full. */
void door_engine_refuse(struct door_engine *e);
/* So much time passes: keys expire. */
void door_engine_tick(struct door_engine *e, int64_t ns);
