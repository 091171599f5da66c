/* secure: the TLS of the server: certificates from files or made here, and when the files are
 * looked at again. Main thread. */
#pragma once

#include "serve/options.h"
#include "tls/tls.h"

#define SECURE_LOOK_S 1 /* how often the files are looked at */

struct secure {
    struct tls *clients; /* NULL: no URL is https */
};

/* The data directory exists. */
int secure_start(struct secure *s, const struct options *o, struct err *e) CP_MUST_CHECK;
/* Is there anything to look at? */
bool secure_has_files(const struct secure *s);
/* Reads again what has changed, or all of it. */
void secure_refresh(const struct secure *s, bool anyway);
void secure_stop(struct secure *s);
