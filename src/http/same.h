/* same: replies that are the same. To make a response takes a third of the instructions of a GET
 * (an allocation for the object, three for each of six headers), and libmicrohttpd may send one
 * object as often as it likes. So what a GET is answered with more than once in a second, to the
 * byte, is sent as one object. Each worker has its own; its thread only. */
#pragma once

#include "http/conn.h"

struct same;

/* The response that was made for what equals R; or NULL. *KEEP is then where the one that is made
 * for R should be kept; NULL: nowhere. */
struct MHD_Response *same_find(struct conn *k, const struct api_reply *r, struct same **keep);
/* Takes M, whose body is the bytes of BODY. It stays good until the next same_find. */
void same_keep(struct same *s, struct MHD_Response *m, struct span body);
void same_free(struct worker *w);
