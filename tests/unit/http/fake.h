/* fake: api and engine as the door sees them, without tree or log: an engine thread that answers,
 * holds or refuses as a test asks, and an api whose targets name the kind of answer.
 *
 *   /echo        method, content type, target and length of the body
 *   /size/N      N bytes in one reply       /list/N   N bytes in pieces       /fixed   static bytes
 *   /write       a proposal; the answer repeats the body
 *   /read/TARGET a quorum read, then as TARGET
 *   /watch/KEY   a watch; ?stream, ?past=N events of history, ?bad refused
 */
#pragma once

#include "http/door.h"

struct engine *fake_start(void);
void fake_stop(struct engine *e);
/* The engine keeps proposals and quorum reads to itself until it is told to go on. */
void fake_hold(struct engine *e, bool hold);
/* The next N proposals, quorum reads or watches find the engine full. */
void fake_refuse(struct engine *e, unsigned n);
/* N events of SIZE bytes for each watch of KEY, in one turn; returns once they are handed to the
 * door. */
void fake_emit(struct engine *e, const char *key, unsigned n, size_t size);
/* The same, and in that turn the watches are ended. */
void fake_end(struct engine *e, const char *key, unsigned n);
unsigned fake_watches(struct engine *e); /* watches it holds */
unsigned fake_waiting(struct engine *e); /* proposals and quorum reads it holds */
unsigned fake_listings(void);            /* not yet freed */
size_t fake_pieces(void);                /* of all listings */

extern struct door *fake_door; /* whose turn_end the engine calls */
