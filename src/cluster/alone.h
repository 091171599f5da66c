/* alone: --force-new-cluster: one survivor goes on as a cluster of one. Private to cluster. */
#pragma once

#include "cluster/gather.h"

struct engine;

/* Before consensus starts: ends the log with the removal of all others, durably. Does nothing when
 * there are none. Fails where the disk has no room. */
int alone_force(struct engine *e, struct gather *log, struct err *err) CP_MUST_CHECK;
