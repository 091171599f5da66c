/* peer_url: an URL of a member, as Go's url.Parse and etcd's rules take it. Pure.
 * Source: contract, server 3; net/url. */
#pragma once

#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>

/* Without the blanks around it. */
struct span peer_url_trim(struct span s);
/* True when S, trimmed, is a URL for peers; else false, and etcd's words are appended to WHY. */
bool peer_url_check(struct span s, struct buf *why);
/* Trimmed URLs that name the same: the scheme in any case of letters. */
bool peer_url_same(struct span a, struct span b);
/* Writes the scheme of a good URL in lower case, as Go does, in place. */
void peer_url_fold(char *url, size_t n);
