/* credentials: the files of the TLS options, looked at before any request, and what is wrong with
 * them in the words of Go's tls and x509 packages. */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "ctl/http.h"

/* 0, or ERR_USAGE with the message in WHY. */
int credentials_check(const struct http_tls *tls, struct buf *why) CP_MUST_CHECK;
