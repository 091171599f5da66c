/* trail: what the access log and the audit log say of a request. The query is left out: it may have
 * a value in it. */
#pragma once

#include "http/conn.h"

/* A reply to K is on its way; R as before its body was taken. */
void trail_reply(struct conn *k, const struct api_reply *r);
/* The request of K has ended. */
void trail_end(struct conn *k);
