/* spawn: threads of this floor. Signals are for the main thread. */
#pragma once

#include "base/err.h"

#include <pthread.h>

int spawn(pthread_t *out, const char *name, void *(*run)(void *), void *arg,
          struct err *e) CP_MUST_CHECK;
