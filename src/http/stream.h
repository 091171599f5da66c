/* stream: bodies that libmicrohttpd gets in pieces: watches, large listings, and what else is
 * large, so that it is known how much of it the client has taken. */
#pragma once

#include "http/conn.h"

/* OPENED: queues the head of the watch's body, or the whole answer. */
enum MHD_Result stream_answer(struct conn *k);

/* Queues the reply of an API_STREAM; takes head and listing of R. */
enum MHD_Result listing_send(struct conn *k, struct api_result *r);
/* Queues R, whose body is larger than LIMIT_BODY_SMALL_BYTES and which takes it. */
enum MHD_Result large_send(struct conn *k, struct api_reply *r);
/* Frees what is left of either. */
void listing_end(struct conn *k);
