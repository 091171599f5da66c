/* stream: bodies that libmicrohttpd sends and that are not there as a whole: watches and large
 * listings. */
#pragma once

#include "http/conn.h"

/* OPENED: queues the head of the watch's body, or the whole answer. */
enum MHD_Result stream_answer(struct conn *k);

/* Queues the reply of an API_STREAM; takes head and listing of R. */
enum MHD_Result listing_send(struct conn *k, struct api_result *r);
void listing_end(struct conn *k);
