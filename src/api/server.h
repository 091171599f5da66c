/* server: which etcd this member answers as. Clients choose their dialect by these numbers, so they
 * name the release whose API is served, not copse's own. */
#pragma once

#define COMPAT_SERVER  "3.4.23"
#define COMPAT_CLUSTER "3.4.0"
