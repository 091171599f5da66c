/* host: by which names clients may call this server; what a page of a rebound DNS name sends in its
 * requests is the name of that page. Pure. Source: contract, server 6; etcd 3.4 asked. */
#pragma once

#include "base/buf.h"
#include "base/span.h"

/* HOST without its port. As Go splits it: what it cannot take apart stays whole. */
struct span host_name(struct span host);
/* ALLOWED: names separated by commas, "*" or nothing for every one; may be NULL. */
bool host_allowed(const char *allowed, struct span name);
/* What a request to another NAME is answered with. */
void host_refusal(struct buf *b, struct span name);
