/* process: what the system says of this process, for /metrics. */
#pragma once

#include "base/buf.h"

/* Any thread. */
void process_metrics(struct buf *out);
