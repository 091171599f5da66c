/* answer: what is done about a request; its worker's thread only. */
#pragma once

#include "http/conn.h"

/* The request is whole, or too large to be. */
enum MHD_Result answer_begin(struct conn *k);
/* WRITTEN and READ: the engine has given back what it had. */
enum MHD_Result answer_written(struct conn *k);
enum MHD_Result answer_confirmed(struct conn *k);
/* PROVED: what the request has waited for is done. */
enum MHD_Result answer_proved(struct conn *k);
/* The user that the client's certificate names; ptr NULL: none, or it does not count. */
struct span answer_cert_user(const struct conn *k);
/* The connection broke between the resumption and the repeated call. */
void answer_forget(struct conn *k);
