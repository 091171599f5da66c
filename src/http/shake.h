/* shake: the TLS of a connection, and the handshakes that are under way. */
#pragma once

#include "http/worker.h"

/* libmicrohttpd has made a session for K. */
void shake_begin(struct conn *k);
/* Behind each turn of a TLS daemon: its handshakes that wait for their client are suspended until
 * it says something. libmicrohttpd would ask again and again: only a recv of its own, which a
 * handshake does not use, tells it that a socket is empty. */
void shake_rest(struct library *l);
void shake_wake(struct conn *k);
/* K is closed but for its descriptor. */
void shake_end(struct conn *k);
/* Cuts the oldest handshakes: those that take too long, and as many as leave fewer than
 * LIMIT_HANDSHAKES. */
void shake_cut(struct worker *w);
