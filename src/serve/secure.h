/* secure: the TLS of the server: certificates from files or made here, and when the files are
 * looked at again. Main thread. */
#pragma once

#include "peer/trust.h"
#include "serve/options.h"
#include "tls/tls.h"

#define SECURE_LOOK_S 1 /* how often the files are looked at */

struct secure {
    struct tls *clients, *peers; /* NULL: no URL of theirs is https */
    struct peer_trust trust;     /* for calls to peers; into the options and into these: */
    char *own_cert, *own_key;    /* files made here */
};

/* The data directory exists. */
int secure_start(struct secure *s, const struct options *o, struct err *e) CP_MUST_CHECK;
/* What calls to peers can be made with before there is a data directory: without a certificate of
 * its own making, which none of those who take one demand. */
struct peer_trust secure_trust(const struct options *o);
/* Is there anything to look at? */
bool secure_has_files(const struct secure *s);
/* Reads again what has changed, or all of it. */
void secure_refresh(const struct secure *s, bool anyway);
void secure_stop(struct secure *s);
