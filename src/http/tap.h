/* tap: a watch whose client's socket has left libmicrohttpd. The connection lives on as a second
 * descriptor in the worker's epoll set; an event is one send of shared bytes; after a long poll the
 * socket goes back and is an ordinary connection again. Against a suspended connection that saves
 * its pool and its place in the list that every resumption walks. */
#pragma once

#include "http/sub.h"

/* Takes the socket of S from its connection, which libmicrohttpd must then close at once (it does
 * not shut it down). False when that cannot be: then nothing has changed. */
bool tap_take(struct sub *s);
/* S has something to send: tap_flush_all does it. */
void tap_note(struct sub *s);
void tap_flush_all(struct worker *w);
/* The socket of S is ready for more, or its client has gone. */
void tap_ready(struct sub *s, uint32_t events);
/* The client was too slow: closes without a proper end. */
void tap_cut(struct sub *s);
/* A proper end, as far as the socket takes it. */
void tap_end(struct sub *s);
/* Closes those whose clients have taken nothing for the idle time-out. */
void taps_cut_slow(struct worker *w);
/* Ends the bodies of all taps. */
void taps_drain(struct worker *w);

/* How the worker's epoll set tells taps from connections. */
#define TAP_MARK UINT64_C(1)
