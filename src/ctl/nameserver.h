/* nameserver: which DNS server the system asks, for messages that name it. */
#pragma once

#include "base/buf.h"

/* Appends "ADDRESS:53" of the first one configured. */
void nameserver_add(struct buf *out);
