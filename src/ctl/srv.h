/* srv: servers of a cluster from the DNS. */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "ctl/endpoint.h"

#include <stdbool.h>

/* Appends what _etcd-client-ssl._tcp and _etcd-client._tcp of DOMAIN name; servers without TLS are
 * left out, with a word on err, unless INSECURE. When neither can be looked up, an error with Go's
 * words in WHY. */
int srv_discover(const char *domain, bool insecure, struct endpoints *out,
                 struct buf *why) CP_MUST_CHECK;
