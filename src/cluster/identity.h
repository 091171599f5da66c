/* identity: member and cluster ids as etcd computes them: the first 8 bytes of a SHA-1. */
#pragma once

#include "base/span.h"

#include <stddef.h>
#include <stdint.h>

/* SHA-1 over the sorted peer URLs and the token (and TIME_S, decimal, when not 0: a member added at
 * run time). */
uint64_t identity_member(const struct span *peer_urls, size_t n, struct span token, int64_t time_s);
/* SHA-1 over the sorted member ids, big endian. */
uint64_t identity_cluster(const uint64_t *members, size_t n);
