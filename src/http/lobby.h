/* lobby: where sockets of the TLS listeners wait for their client's first message. A client that
 * says nothing costs a descriptor and nothing else; one that speaks plain HTTP is told so; and the
 * handshakes, which take the processor a thousand times as long as a request, begin one at a time,
 * so that others are served in between.
 * And where sockets of both kinds are kept whose client has had its last word. */
#pragma once

#include "http/worker.h"

/* Takes T. */
void lobby_enter(struct worker *w, struct dealt *t);
/* Something has come for T, or its client has gone. */
void lobby_look(struct worker *w, struct dealt *t);
/* FD, not counted, is about to be closed by its owner behind a last word to the client: keeps the
 * connection until the client has read it. Closing would reset it over what the client still
 * sends. */
void lobby_linger(struct worker *w, int fd);
/* Lets one client begin its handshake. */
void lobby_serve(struct worker *w);
/* Closes those that have waited too long. */
void lobby_cut_slow(struct worker *w);
/* Closes all. */
void lobby_close(struct worker *w);

/* How the worker's epoll set tells them from taps and connections. */
#define LOBBY_MARK UINT64_C(2)
