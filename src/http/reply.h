/* reply: an api_reply as a libmicrohttpd response, header for header as Go's server writes it (Date
 * is ours, so that it comes last). All of it on the worker's thread, inside a call of the request's
 * handler. */
#pragma once

#include "http/conn.h"

/* Takes what R owns, queues it; the connection is REPLYING then. */
enum MHD_Result reply_send(struct conn *k, struct api_reply *r);
/* As reply_send, chunked whatever the size: the reply of a watch whose only event is already there.
 */
enum MHD_Result reply_send_chunked(struct conn *k, struct api_reply *r);
/* The head of R for a body that READ gives. LENGTH may be MHD_SIZE_UNKNOWN; TO is the state
 * afterwards. */
enum MHD_Result reply_stream(struct conn *k, struct api_reply *r, uint64_t length,
                             MHD_ContentReaderCallback read, size_t block, enum conn_state to);
/* What Go's server writes by itself about a broken request: no headers of ours, then the connection
 * is closed. */
enum MHD_Result reply_bare(struct conn *k, int status, const char *text);
/* The same for a head so large that libmicrohttpd may have no room for a reply: sent past it. TEXT
 * begins with the status. */
enum MHD_Result reply_without_room(struct conn *k, const char *text);
/* Between a request's first call and its last libmicrohttpd takes no reply: the one to a body that
 * has no end is sent past it, too. */
enum MHD_Result reply_to_endless(struct conn *k);
/* V2's error 300. */
enum MHD_Result reply_raft_error(struct conn *k, const char *cause);
/* The same for one too many, who should try again later. */
enum MHD_Result reply_too_many(struct conn *k, const char *cause);
void reply_try_later(struct api_reply *r);
/* "Sat, 21 Nov 2026 01:02:03 GMT" */
void reply_date(char out[DATE_BYTES], time_t now);
